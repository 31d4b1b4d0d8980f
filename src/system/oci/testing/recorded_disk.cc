#include "system/oci/testing/recorded_disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <filesystem>
#include <fstream>

namespace slipway::oci {
namespace {

RecordedDisk* g_current = nullptr;

std::string path_of(int fd) {
  std::string out(PATH_MAX, '\0');
  const ssize_t length = ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), out.data(), out.size());
  out.resize(length > 0 ? static_cast<size_t>(length) : 0);
  return out;
}

}  // namespace

RecordedDisk* RecordedDisk::current() { return g_current; }

RecordedDisk::RecordedDisk(const std::string& folder) {
  struct stat facts{};
  ::stat(folder.c_str(), &facts);
  fresh({facts.st_dev, facts.st_ino}, true);
  g_current = this;
}

RecordedDisk::~RecordedDisk() { g_current = nullptr; }

// ---- The record

size_t RecordedDisk::fresh(const Key& key, bool folder) {
  is_folder_.push_back(folder);
  known_[key] = is_folder_.size() - 1;  // the system may use a removed file's number again
  return is_folder_.size() - 1;
}

const size_t* RecordedDisk::find(int fd) const {
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return nullptr;
  const auto at = known_.find({facts.st_dev, facts.st_ino});
  return at == known_.end() ? nullptr : &at->second;
}

void RecordedDisk::wrote(int fd, std::string_view bytes) {
  const size_t* node = find(fd);
  if (node == nullptr) return;
  const uint64_t end = static_cast<uint64_t>(::lseek(fd, 0, SEEK_CUR));
  record_.push_back({.what = What::kWrite,
                     .node = *node,
                     .name = "",
                     .other = "",
                     .bytes = std::string(bytes),
                     .number = end - bytes.size()});
}

void RecordedDisk::truncated(int fd, off_t size) {
  if (const size_t* node = find(fd))
    record_.push_back({.what = What::kTruncate, .node = *node, .number = static_cast<uint64_t>(size)});
}

void RecordedDisk::changed_mode(int fd, mode_t mode) {
  if (const size_t* node = find(fd)) record_.push_back({.what = What::kMode, .node = *node, .number = mode});
}

void RecordedDisk::synced(int fd) {
  if (const size_t* node = find(fd)) record_.push_back({.what = What::kSync, .node = *node});
}

void RecordedDisk::created(int fd) {
  const std::filesystem::path path = path_of(fd);
  struct stat parent{}, facts{};
  if (::stat(path.parent_path().c_str(), &parent) != 0 || ::fstat(fd, &facts) != 0) return;
  const auto folder = known_.find({parent.st_dev, parent.st_ino});
  if (folder == known_.end()) return;
  const size_t node = folder->second, target = fresh({facts.st_dev, facts.st_ino}, false);
  record_.push_back({.what = What::kEntry, .node = node, .name = path.filename(), .target = target});
}

void RecordedDisk::made_folder(int folder, const char* name) {
  const size_t* node = find(folder);
  struct stat facts{};
  if (node == nullptr || ::fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) != 0) return;
  const size_t parent = *node, target = fresh({facts.st_dev, facts.st_ino}, true);
  record_.push_back({.what = What::kEntry, .node = parent, .name = name, .target = target});
}

void RecordedDisk::renamed(int from, const char* old_name, int to, const char* new_name) {
  const size_t *source = find(from), *target = find(to);
  struct stat facts{};
  if (source == nullptr || target == nullptr || ::fstatat(to, new_name, &facts, AT_SYMLINK_NOFOLLOW) != 0)
    return;
  const auto node = known_.find({facts.st_dev, facts.st_ino});
  if (node == known_.end()) return;
  if (*source == *target) {
    record_.push_back(
        {.what = What::kMove, .node = *source, .name = old_name, .other = new_name, .target = node->second});
    return;
  }
  record_.push_back({.what = What::kEntry, .node = *target, .name = new_name, .target = node->second});
  record_.push_back({.what = What::kNoEntry, .node = *source, .name = old_name});
}

void RecordedDisk::linked(const char* source, int to, const char* name) {
  const size_t* folder = find(to);
  struct stat facts{};
  if (folder == nullptr || ::stat(source, &facts) != 0) return;
  const auto node = known_.find({facts.st_dev, facts.st_ino});
  if (node == known_.end()) return;
  record_.push_back({.what = What::kEntry, .node = *folder, .name = name, .target = node->second});
}

void RecordedDisk::removed(int folder, const char* name) {
  if (const size_t* node = find(folder))
    record_.push_back({.what = What::kNoEntry, .node = *node, .name = name});
}

// ---- The crash

void RecordedDisk::apply(Node& node, const Operation& operation, size_t bytes) {
  switch (operation.what) {
    case What::kWrite:
      if (bytes == 0) return;
      if (node.file.bytes.size() < operation.number + bytes) node.file.bytes.resize(operation.number + bytes);
      node.file.bytes.replace(operation.number, bytes, operation.bytes, 0, bytes);
      return;
    case What::kTruncate:
      node.file.bytes.resize(operation.number);
      return;
    case What::kMode:
      node.file.mode = static_cast<mode_t>(operation.number);
      return;
    case What::kEntry:
      node.entries[operation.name] = operation.target;
      return;
    case What::kNoEntry:
      node.entries.erase(operation.name);
      return;
    case What::kMove:
      node.entries.erase(operation.name);
      node.entries[operation.other] = operation.target;
      return;
    case What::kSync:
      return;
  }
}

RecordedDisk::State RecordedDisk::after_crash(size_t operations, Fate fate, std::mt19937& random) const {
  std::vector<size_t> synced(is_folder_.size(), 0), pending(is_folder_.size(), 0);
  for (size_t i = 0; i < operations; ++i) {
    const Operation& each = record_[i];
    if (each.what == What::kSync) synced[each.node] = i;
    pending[each.node] = each.what == What::kSync ? 0 : pending[each.node] + 1;
  }
  // Of each file and folder: how many of the operations since its last sync happened.
  std::vector<size_t> left(pending.size());
  for (size_t node = 0; node < left.size(); ++node)
    left[node] = fate == Fate::kNothing ? 0
                 : fate == Fate::kAll   ? pending[node]
                                        : random() % (pending[node] + 1);
  std::vector<Node> nodes(is_folder_.size());
  for (size_t node = 0; node < nodes.size(); ++node) nodes[node].folder = is_folder_[node];
  for (size_t i = 0; i < operations; ++i) {
    const Operation& each = record_[i];
    const bool kept = i < synced[each.node];
    if (!kept && left[each.node] == 0) continue;
    const bool last = !kept && --left[each.node] == 0;
    size_t bytes = each.bytes.size();
    if (last && fate == Fate::kTorn && bytes > 0) bytes = random() % bytes;
    apply(nodes[each.node], each, bytes);
    // The length is known, the bytes never came.
    if (last && fate == Fate::kTorn && each.what == What::kWrite && random() % 2 == 0)
      nodes[each.node].file.bytes.resize(
          std::max(nodes[each.node].file.bytes.size(), each.number + each.bytes.size()));
  }
  State out;
  walk(nodes, 0, "", out);
  return out;
}

void RecordedDisk::walk(  // NOLINT(misc-no-recursion): folders that the test made
    const std::vector<Node>& nodes, size_t node, const std::string& path, State& out) {
  for (const auto& [name, target] : nodes[node].entries) {
    const std::string at = path.empty() ? name : path + "/" + name;
    if (nodes[target].folder) {
      out.folders.insert(at);
      walk(nodes, target, at, out);
    } else {
      out.files[at] = nodes[target].file;
    }
  }
}

void RecordedDisk::put(const State& state, const std::string& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) std::filesystem::remove_all(entry);
  for (const std::string& each : state.folders) ::mkdir((folder + "/" + each).c_str(), 0700);
  for (const auto& [path, file] : state.files) {
    const int fd = ::open((folder + "/" + path).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (::write(fd, file.bytes.data(), file.bytes.size()) < 0 || ::fchmod(fd, file.mode) != 0) std::abort();
    ::close(fd);
  }
}

}  // namespace slipway::oci
