// A bar for work whose size is known, on standard error, when a person looks at it. One thread at a time.
#pragma once

#include <cstdint>
#include <string>

#include "system/runtime/clock.h"

namespace slipway::cli {

class Progress {
 public:
  Progress(std::string what, uint64_t total);
  ~Progress();  // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void add(uint64_t bytes);

 private:
  void draw(TimePoint now);

  const std::string what_;
  const uint64_t total_;
  const bool shown_;
  const runtime::RealClock clock_;
  const TimePoint began_;
  uint64_t done_ = 0;
  TimePoint next_;
};

// "1.2 GB"
std::string human_bytes(uint64_t bytes);

}  // namespace slipway::cli
