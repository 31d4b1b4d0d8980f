// Where the control groups lie that limit what this process takes: its own, and each one above it, since the
// tightest of them holds. Pure: the two texts are those of the kernel.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::runtime {

// `self_cgroup` is /proc/self/cgroup, `mountinfo` is /proc/self/mountinfo; version 1, version 2 and both at
// once. The folders from the process's own up to where the hierarchy is mounted. A group that lies outside of
// what is mounted, as in some containers, counts as the mount's own. Empty when nothing is mounted; lines
// that cannot be read are skipped.
std::vector<std::string> cgroups(std::string_view controller, std::string_view self_cgroup,
                                 std::string_view mountinfo);
inline std::vector<std::string> cpu_cgroups(std::string_view self_cgroup, std::string_view mountinfo) {
  return cgroups("cpu", self_cgroup, mountinfo);
}

}  // namespace slipway::runtime
