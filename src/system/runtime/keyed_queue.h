// Work by name: what is to be looked at, and when. A name stands in it once, however often it is asked for;
// what is being worked on is not given again before it is done.
//
// A name that fails comes back later each time, with jitter, so that many that fail together do not come back
// together. Time is an argument. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "values/base/time.h"

namespace slipway::runtime {

class KeyedQueue {
 public:
  struct Options {
    Duration first =
        std::chrono::milliseconds(100);  // after the first failure; doubled with each further one
    Duration longest = std::chrono::seconds(30);
    uint64_t seed = 1;  // of the jitter, which takes off up to half
  };

  explicit KeyedQueue(const Options& options) : options_(options), random_(options.seed) {}

  // At `when` or earlier, if it was to come earlier. While the name is worked on: after that; after a
  // failure: not before its wait is over.
  void add(const std::string& key, TimePoint when);
  // A name whose time has come, the one that waited longest first. It is worked on until done() or retry().
  std::optional<std::string> take(TimePoint now);
  void done(const std::string& key);                      // it worked; failures are forgotten
  Duration retry(const std::string& key, TimePoint now);  // it failed; how long it waits now

  // When the next is due; nothing when none waits.
  std::optional<TimePoint> next() const;
  size_t waiting() const { return waiting_.size(); }

 private:
  struct Entry {
    std::optional<TimePoint> due;
    bool working = false;
    int failures = 0;
    TimePoint not_before{};  // while it fails
  };
  void schedule(const std::string& key, Entry& entry, TimePoint when);

  const Options options_;
  std::mt19937_64 random_;
  std::map<std::string, Entry> entries_;
  std::set<std::pair<TimePoint, std::string>> waiting_;  // due, and not worked on
};

}  // namespace slipway::runtime
