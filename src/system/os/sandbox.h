// Confines the calling process for the rest of its life: for work on files of strangers. What it loses:
// writing files, the network, starting programs and processes, looking at other processes, reading outside of
// what is named; and it has a limit on time and memory.
//
// Call early, before other threads start. Never undone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "values/base/result.h"

namespace slipway::os {

struct Confinement {
  std::vector<std::string> readable;          // folders or files, besides the system's own libraries
  uint64_t memory_bytes = uint64_t(2) << 30;  // of data: heap and private mappings (RLIMIT_DATA)
  uint32_t cpu_seconds = 60;
};

// What holds afterwards: an older kernel has no Landlock, a container may forbid seccomp. Resource limits
// always hold.
struct Confined {
  bool system_calls = false;  // seccomp: no network, no programs, no processes, no writing
  bool files = false;         // Landlock: nothing readable but what was named
};

Result<Confined> confine(const Confinement& confinement);

}  // namespace slipway::os
