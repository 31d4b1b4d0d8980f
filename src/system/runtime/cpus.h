// How many CPUs we were given: what the affinity mask allows, and no more than the quota of our control group
// and of each one above it. A server that counts the host's CPUs instead is throttled.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::runtime {

int granted_cpus();  // ≥ 1

// The control groups that limit this process in that way ("cpu", "memory"): cgroups() of the machine.
std::vector<std::string> own_cgroups(std::string_view controller);

// The tightest quota among these control groups, of either version; nothing when none has one.
std::optional<int> tightest_quota(std::span<const std::string> folders);

// CPUs' worth of time that a quota gives, rounded up; nothing when there is no limit.
std::optional<int> quota_v2(std::string_view cpu_max);  // "200000 100000" or "max 100000"
std::optional<int> quota_v1(std::string_view quota_us, std::string_view period_us);

}  // namespace slipway::runtime
