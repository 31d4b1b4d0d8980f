#include "services/cli/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>

namespace slipway::cli {

using namespace std::chrono_literals;

constexpr uint64_t kWorthABar = 4 << 20;  // less is over before it is drawn

Progress::Progress(std::string what, uint64_t total)
    : what_(std::move(what)),
      total_(total),
      shown_(total >= kWorthABar && ::isatty(STDERR_FILENO) != 0),
      began_(clock_.now()),
      next_(began_) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
}

void Progress::add(uint64_t bytes) {
  done_ = std::min(done_ + bytes, total_);
  if (const TimePoint now = clock_.now(); shown_ && now >= next_) draw(now);
}

void Progress::draw(TimePoint now) {
  next_ = now + 100ms;
  constexpr size_t kWidth = 24;
  const double share = total_ == 0 ? 1 : static_cast<double>(done_) / static_cast<double>(total_);
  const size_t full = static_cast<size_t>(share * kWidth);
  const double seconds = std::chrono::duration<double>(now - began_).count();
  const uint64_t rate = seconds > 0.2 ? static_cast<uint64_t>(static_cast<double>(done_) / seconds) : 0;
  std::fprintf(stderr, "\r\x1b[K%s [%s%s] %3.0f%% of %s%s", what_.c_str(), std::string(full, '#').c_str(),
               std::string(kWidth - full, '.').c_str(), share * 100, human_bytes(total_).c_str(),
               rate == 0 ? "" : fmt::format(", {}/s", human_bytes(rate)).c_str());
}

std::string human_bytes(uint64_t bytes) {
  constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) value /= 1000, ++unit;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace slipway::cli
