// Points in time. Whoever decides takes `now` as an argument; only runtime's Clock asks the machine.
#pragma once

#include <chrono>
#include <string>

namespace slipway::base {

using Duration = std::chrono::nanoseconds;
// For deadlines and durations: never goes back.
using TimePoint = std::chrono::time_point<std::chrono::steady_clock, Duration>;
// For people and records: what the wall shows.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

// RFC 3339 in UTC with milliseconds: 2026-01-31T23:59:59.123Z. Years 0 to 9999.
std::string rfc3339(WallTime time);

}  // namespace slipway::base

namespace slipway {
using base::Duration;
using base::TimePoint;
using base::WallTime;
}  // namespace slipway
