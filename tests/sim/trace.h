// What happened, one line each with its time; and the first law that was broken. Lines are kept only when
// somebody wants to read them.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/sim/timeline.h"

namespace slipway::sim {

class Trace {
 public:
  enum class Keep : uint8_t { kNothing, kDecisions, kEverything };
  Trace(const Timeline& time, Keep keep) : time_(time), keep_(keep) {}

  bool keeps(Keep what) const { return keep_ >= what; }

  // Of the platform, as its stories tell it.
  template <class... Args>
  void decided(fmt::format_string<Args...> text, Args&&... args) {
    if (keeps(Keep::kDecisions)) add(fmt::format(text, std::forward<Args>(args)...));
  }
  // Of the world around it, and details.
  template <class... Args>
  void happened(fmt::format_string<Args...> text, Args&&... args) {
    if (keeps(Keep::kEverything)) add("  " + fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  void broken(fmt::format_string<Args...> text, Args&&... args) {
    if (!broken_.empty()) return;
    broken_ = fmt::format("{:.3f} ", seconds()) + fmt::format(text, std::forward<Args>(args)...);
    if (keeps(Keep::kDecisions)) lines_.push_back("BROKEN " + broken_);
  }

  const std::string& broken() const { return broken_; }  // empty: no law was
  std::vector<std::string> take_lines() { return std::exchange(lines_, {}); }

 private:
  double seconds() const { return std::chrono::duration<double>(time_.since_start()).count(); }
  void add(const std::string& line) { lines_.push_back(fmt::format("{:9.3f} {}", seconds(), line)); }

  const Timeline& time_;
  const Keep keep_;
  std::string broken_;
  std::vector<std::string> lines_;
};

}  // namespace slipway::sim
