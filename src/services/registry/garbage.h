// The loop that gives back the room of what nobody needs any more: files that no tag, no ModelVersion and no
// recent use keep. What it may take is decided by the layout; this says what the versions need, and when.
//
// Threads: step() from one at a time; it may take as long as the disk does.
#pragma once

#include "ports/store/store.h"
#include "system/oci/layout.h"

namespace slipway::registry {

struct GarbageOptions {
  Duration after_start = std::chrono::minutes(5);
  Duration every = std::chrono::hours(1);
};

class Garbage {
 public:
  // Both must outlive it.
  Garbage(GarbageOptions options, oci::Layout& layout, const store::Store& store)
      : options_(options), layout_(layout), store_(store) {}

  // Collects when it is due. Without the list of versions nothing is taken.
  Status step(TimePoint now);

 private:
  const GarbageOptions options_;
  oci::Layout& layout_;
  const store::Store& store_;
  TimePoint next_ = TimePoint::min();  // the first step sets it
};

}  // namespace slipway::registry
