// Why a replica ended, in the words of the closed list. Pure.
#pragma once

#include <string>

#include "system/os/process.h"
#include "values/domain/observation.h"

namespace slipway::processes {

inline constexpr int kUnservable = 3;  // what `serve` ends with when starting again changes nothing

// What is known of an end.
struct Ended {
  os::ProcessEnd end;
  std::string log;  // its last lines
  // Whether its memory was used up, by what the kernel or the last look said.
  bool out_of_memory = false;
  int64_t memory_limit = 0;  // bytes; 0: none
};

domain::Fault fault_of(const Ended& ended);

}  // namespace slipway::processes
