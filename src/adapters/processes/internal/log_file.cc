#include "adapters/processes/internal/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "adapters/processes/internal/told.h"
#include "system/os/descriptor.h"
#include "system/os/files.h"

namespace slipway::processes {
namespace {

constexpr size_t kTailBytes = 4 << 10;

// How many bytes the UTF-8 character at the start takes; 0: none is there. Overlong forms and surrogates are
// left to whoever writes JSON of it.
size_t character(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  const size_t size = first < 0x80                    ? 1
                      : first >= 0xC2 && first < 0xE0 ? 2
                      : first >= 0xE0 && first < 0xF0 ? 3
                      : first >= 0xF0 && first < 0xF5 ? 4
                                                      : 0;
  if (size == 0 || size > text.size()) return 0;
  for (size_t i = 1; i < size; ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return 0;
  return size;
}

// The bytes of an escape sequence of terminals at the start, "ESC [ … letter"; 0: none is there.
size_t escape(std::string_view text) {
  if (text.size() < 2 || text[0] != '\x1b' || text[1] != '[') return 0;
  const auto end = std::find_if(text.begin() + 2, text.end(), [](char c) { return c >= '@' && c <= '~'; });
  return static_cast<size_t>(end - text.begin()) + (end != text.end());
}

// C0, DEL, C1, and the marks that turn text around.
bool obeyed(std::string_view one) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(one[i]); };
  if (one.size() == 1) return byte(0) < ' ' || byte(0) == 0x7F;
  if (one.size() == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  if (one.size() != 3 || byte(0) != 0xE2) return false;
  return (byte(1) == 0x80 &&
          ((byte(2) >= 0xAA && byte(2) <= 0xAE) || (byte(2) >= 0x8E && byte(2) <= 0x8F))) ||
         (byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9);
}

std::string harmless(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    if (const size_t skip = escape(text); skip > 0) {
      text.remove_prefix(skip);
      continue;
    }
    const size_t size = character(text);
    const std::string_view one = text.substr(0, std::max<size_t>(size, 1));
    if (one == "\n" || one == "\t")
      out += one == "\n" ? '\n' : ' ';
    else if (size == 0 || obeyed(one))
      out += one == "\r" ? "" : "?";
    else
      out += one;
    text.remove_prefix(one.size());
  }
  return out;
}

}  // namespace

uint64_t rotate_log(const std::string& path, uint64_t largest) {
  struct stat facts{};
  if (::lstat(path.c_str(), &facts) != 0) return 0;
  const auto size = static_cast<uint64_t>(std::max<off_t>(facts.st_size, 0));
  if (size <= largest || std::rename(path.c_str(), (path + ".1").c_str()) != 0) return size;
  return 0;
}

void trim_logs(const std::string& folder, const std::function<bool(std::string_view)>& kept, size_t most) {
  constexpr size_t kMostEntries = 100'000;
  constexpr std::string_view kEnds[] = {".log", ".log.1"};
  const auto entries = os::list_folder(folder, kMostEntries);
  if (!entries) return;
  std::vector<std::pair<int64_t, std::string>> old;  // by when they were last written to
  for (const os::FolderEntry& entry : *entries)
    for (const std::string_view end : kEnds) {
      if (entry.kind != os::EntryKind::kFile || !entry.name.ends_with(end)) continue;
      const auto name = parse_replica_name(entry.name.substr(0, entry.name.size() - end.size()));
      struct stat facts{};
      const std::string path = folder + "/" + entry.name;
      if (name && !kept(name->revision) && ::stat(path.c_str(), &facts) == 0)
        old.emplace_back(facts.st_mtim.tv_sec, path);
    }
  if (old.size() <= most) return;
  std::ranges::sort(old);
  for (size_t i = 0; i < old.size() - most; ++i) ::unlink(old[i].second.c_str());
}

std::string log_tail(const std::string& path, uint64_t from) {
  const os::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat facts{};
  if (!file.valid() || ::fstat(file.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) return "";
  const auto size = static_cast<uint64_t>(facts.st_size);
  if (from >= size) return "";
  // One byte more tells whether the first line is whole.
  const uint64_t start = std::max(from, size > kTailBytes + 1 ? size - kTailBytes - 1 : 0);
  std::string bytes(size - start, '\0');
  const ssize_t got = ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(start));
  bytes.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return tail_of(bytes);
}

std::string tail_of(std::string_view bytes) {
  while (bytes.ends_with('\n')) bytes.remove_suffix(1);
  if (bytes.size() > kTailBytes) {
    bytes.remove_prefix(bytes.size() - kTailBytes - 1);
    const size_t line = bytes.find('\n');
    bytes.remove_prefix(line == std::string_view::npos ? 1 : line + 1);
  }
  return harmless(bytes);
}

std::string_view last_line(std::string_view tail) {
  tail.remove_prefix(tail.rfind('\n') + 1);  // npos + 1 is 0
  constexpr std::string_view kError = "error: ";
  if (tail.starts_with(kError)) tail.remove_prefix(kError.size());
  return tail;
}

}  // namespace slipway::processes
