#include "system/runtime/cpus.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <string>

#include "system/runtime/cgroup.h"

namespace slipway::runtime {
namespace {

std::optional<long> leading_number(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || value <= 0) return std::nullopt;
  return value;
}

std::optional<int> rounded_up(std::optional<long> quota, std::optional<long> period) {
  if (!quota || !period) return std::nullopt;
  return static_cast<int>(std::min<long>((*quota - 1) / *period + 1, std::numeric_limits<int>::max()));
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// At most 4 MiB: a host of thousands of containers has that many mounts.
std::string kernel_text(const char* path) {
  std::ifstream file(path);
  std::string text(4 << 20, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

}  // namespace

std::optional<int> quota_v2(std::string_view cpu_max) {
  const size_t space = cpu_max.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return rounded_up(leading_number(cpu_max.substr(0, space)), leading_number(cpu_max.substr(space + 1)));
}

std::optional<int> quota_v1(std::string_view quota_us, std::string_view period_us) {
  return rounded_up(leading_number(quota_us), leading_number(period_us));
}

std::optional<int> tightest_quota(std::span<const std::string> folders) {
  std::optional<int> tightest;
  for (const std::string& folder : folders) {
    auto quota = quota_v2(first_line(folder + "/cpu.max"));
    if (!quota)
      quota = quota_v1(first_line(folder + "/cpu.cfs_quota_us"), first_line(folder + "/cpu.cfs_period_us"));
    if (quota) tightest = std::min(*quota, tightest.value_or(*quota));
  }
  return tightest;
}

std::vector<std::string> own_cgroups(std::string_view controller) {
  return cgroups(controller, kernel_text("/proc/self/cgroup"), kernel_text("/proc/self/mountinfo"));
}

int granted_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  auto folders = own_cgroups("cpu");
  if (folders.empty()) folders = {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu"};  // without /proc
  const auto quota = tightest_quota(folders);
  if (quota) cpus = std::min(cpus, *quota);
  return std::max(cpus, 1);
}

}  // namespace slipway::runtime
