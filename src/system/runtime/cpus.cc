#include "system/runtime/cpus.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

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
  return static_cast<int>((*quota + *period - 1) / *period);
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
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

int granted_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = ::sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  // Inside a container these files are those of its own cgroup.
  auto quota = quota_v2(first_line("/sys/fs/cgroup/cpu.max"));
  if (!quota)
    quota = quota_v1(first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"),
                     first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us"));
  if (quota) cpus = std::min(cpus, *quota);
  return std::max(cpus, 1);
}

}  // namespace slipway::runtime
