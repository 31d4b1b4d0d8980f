#include "adapters/processes/internal/limits.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "system/os/descriptor.h"
#include "system/runtime/cpus.h"

namespace slipway::processes {
namespace {

constexpr uint64_t kStack = 8 << 20;  // of a thread: counts as data, used or not
constexpr uint64_t kOwnThreads = 8;   // of a server, besides those that answer
constexpr int64_t kCpuPeriodMicros = 100'000;

// Files of /proc and /sys say that they are empty, so they are read without asking for their size.
std::string kernel_text(const std::string& path) {
  const os::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text(64 << 10, '\0');
  const ssize_t got = file.valid() ? ::read(file.get(), text.data(), text.size()) : 0;
  text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

Status write_kernel(const std::string& path, const std::string& text) {
  const os::Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (file.valid() && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    return ok();
  return fail(Code::kDenied, "{}: {}", path, os::errno_text(errno));
}

// The number behind a word at a line's start; the first number of all when the word is empty.
std::optional<uint64_t> number_after(std::string_view text, std::string_view word) {
  size_t at = 0;
  while (!word.empty() && !text.substr(at).starts_with(word)) {
    at = text.find('\n', at);
    if (at == std::string_view::npos) return std::nullopt;
    ++at;
  }
  at = text.find_first_not_of(" \t", at + word.size());
  if (at == std::string_view::npos) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

bool is_v2(const std::string& folder) {
  return ::access((folder + "/cgroup.controllers").c_str(), F_OK) == 0;
}

bool has_word(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || text[at - 1] == ' ';
    if (begins && (end == text.size() || text[end] == ' ' || text[end] == '\n')) return true;
  }
  return false;
}

// True: the folder is there, and processes can be put into it.
bool make_group(const std::string& folder) {
  if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return false;
  return ::access((folder + "/cgroup.procs").c_str(), W_OK) == 0;
}

}  // namespace

// The groups' own folder; in version 2 it hands the controllers on.
bool Limits::prepare(const Group& group) {
  if (!make_group(group.folder)) return false;
  return group.version == 1 ||
         write_kernel(group.folder + "/cgroup.subtree_control", "+cpu +memory").has_value();
}

// Tried out, and removed again: it is there only while replicas need it.
std::optional<Limits::Group> Limits::tried(Group group) {
  const bool made = prepare(group);
  ::rmdir(group.folder.c_str());
  return made ? std::optional(std::move(group)) : std::nullopt;
}

// Version 2 gives its controllers to groups without processes of their own, or at the top: so below our own
// group, or beside it when whoever started us arranged that.
std::optional<Limits::Group> Limits::usable_v2(const std::string& place) {
  const auto own = runtime::own_cgroups("memory");
  for (size_t i = 0; i < std::min<size_t>(own.size(), 2); ++i) {
    if (!is_v2(own[i])) continue;
    const std::string control = own[i] + "/cgroup.subtree_control";
    if (!has_word(kernel_text(control), "memory") && !write_kernel(control, "+cpu +memory")) continue;
    if (auto group = tried({.folder = own[i] + "/" + place, .cpu = true, .memory = true, .version = 2}))
      return group;
  }
  return std::nullopt;
}

std::optional<Limits::Group> Limits::usable_v1(const std::string& place, std::string_view controller) {
  const auto own = runtime::own_cgroups(controller);
  if (own.empty() || is_v2(own[0])) return std::nullopt;
  return tried({.folder = own[0] + "/" + place,
                .cpu = controller == "cpu",
                .memory = controller == "memory",
                .version = 1});
}

// Both or none: half a limit would have to be explained each time.
std::vector<Limits::Group> Limits::usable(const std::string& place) {
  if (const auto all = usable_v2(place)) return {*all};
  const auto cpu = usable_v1(place, "cpu"), memory = usable_v1(place, "memory");
  if (cpu && memory) return {*cpu, *memory};
  return {};
}

Limits Limits::find(Groups groups, const std::string& place) {
  Limits out;
  if (groups == Groups::kWhereWritable) out.groups_ = usable(place);
  out.text_ = out.groups_.empty() ? "threads, memory watched, RLIMIT_DATA (no control group can be made here)"
                                  : fmt::format("cgroup v{}", out.groups_[0].version);
  return out;
}

Status Limits::set(const Group& group, const std::string& folder, const domain::ServingSettings& settings) {
  const int64_t quota = settings.cpu_millis * kCpuPeriodMicros / 1000;
  if (group.cpu && settings.cpu_millis > 0)
    if (Status done = group.version == 2
                          ? write_kernel(folder + "/cpu.max", fmt::format("{} {}", quota, kCpuPeriodMicros))
                          : write_kernel(folder + "/cpu.cfs_quota_us", std::to_string(quota));
        !done)
      return done;
  if (!group.memory || settings.memory_bytes <= 0) return ok();
  return write_kernel(folder + (group.version == 2 ? "/memory.max" : "/memory.limit_in_bytes"),
                      std::to_string(settings.memory_bytes));
}

Result<Granted> Limits::grant(const std::string& name, const domain::ServingSettings& settings) const {
  Granted granted = grant_without_group(settings, runtime::granted_cpus());
  if (groups_.empty() || (settings.cpu_millis <= 0 && settings.memory_bytes <= 0)) return granted;
  for (const Group& group : groups_) {
    const std::string folder = group.folder + "/" + name;
    if (!prepare(group) || !make_group(folder))
      return fail(Code::kDenied, "{}: {}", folder, os::errno_text(errno));
    if (Status done = set(group, folder, settings); !done) return fail(done.error());
    granted.enter.push_back(folder + "/cgroup.procs");
  }
  granted.data_bytes = 0;  // the kernel counts better
  return granted;
}

void Limits::release(const std::string& name) const {
  for (const Group& group : groups_) {
    ::rmdir((group.folder + "/" + name).c_str());
    ::rmdir(group.folder.c_str());  // stays while there are others in it
  }
}

bool Limits::ran_out_of_memory(const std::string& name) const {
  for (const Group& group : groups_) {
    if (!group.memory) continue;
    const std::string file = group.version == 2 ? "/memory.events" : "/memory.oom_control";
    if (number_after(kernel_text(group.folder + "/" + name + file), "oom_kill ").value_or(0) > 0) return true;
  }
  return false;
}

Granted grant_without_group(const domain::ServingSettings& settings, int processors) {
  Granted granted;
  if (settings.cpu_millis > 0) granted.threads = static_cast<int>((settings.cpu_millis + 999) / 1000);
  if (settings.memory_bytes <= 0) return granted;
  const auto threads = static_cast<uint64_t>(granted.threads > 0 ? granted.threads : processors);
  // Reserved is more than used, and what is used is watched: this only ends what runs away.
  granted.data_bytes =
      2 * static_cast<uint64_t>(settings.memory_bytes) + (2 * threads + kOwnThreads) * kStack;
  return granted;
}

uint64_t machine_memory() {
  uint64_t bytes = number_after(kernel_text("/proc/meminfo"), "MemTotal:").value_or(0) * 1024;
  for (const std::string& folder : runtime::own_cgroups("memory")) {
    const std::string file = is_v2(folder) ? "/memory.max" : "/memory.limit_in_bytes";
    const auto limit = number_after(kernel_text(folder + file), "");
    if (limit && *limit > 0) bytes = std::min(bytes, *limit);
  }
  return bytes;
}

uint64_t resident_bytes(pid_t pid) {
  const std::string text = kernel_text(fmt::format("/proc/{}/statm", pid));
  const size_t space = text.find(' ');
  if (space == std::string::npos) return 0;
  const auto pages = number_after(std::string_view(text).substr(space), "");
  return pages.value_or(0) * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace slipway::processes
