// Decisions as Events, so that `kubectl describe` and `slipway why` can tell them.
//
// The same (object, reason, message) counts up on one Event. An object has 25 at hand, then one per 5
// minutes, so that what fails again and again does not fill the store. Events are for people: one that cannot
// be written is dropped and counted. One thread.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "decide/rollout/rollout.h"
#include "ports/store/store.h"
#include "system/telemetry/metrics.h"

namespace slipway::control {

class Recorder {
 public:
  struct Options {
    int burst = 25;
    Duration refill = std::chrono::minutes(5);
    size_t objects = 10'000;  // remembered; the one that was quiet for longest is forgotten first
  };

  Recorder(Options options, store::Store& store, telemetry::Registry& metrics);

  // What has to be written for it; nothing when it is one too many. To be run once, on any thread.
  std::function<void()> record(const domain::Object& about, const rollout::Note& note, WallTime now);
  // Nothing more will be said of it.
  void forget(const domain::ObjectKey& key) { known_.erase(key); }

 private:
  struct Said {
    std::string name;  // of the Event
    int count = 0;
    std::string first;
  };
  struct Known {
    double tokens = 0;
    WallTime filled{}, last{};
    std::map<std::string, Said> said;  // by reason and message
  };
  bool may_speak(Known& known, WallTime now) const;
  static domain::Object event_of(const domain::Object& about, const rollout::Note& note, const Said& said,
                                 WallTime now);
  void write(const domain::Object& event, int count);
  void make_room();

  const Options options_;
  store::Store& store_;
  telemetry::Counter &written_, &dropped_;
  std::map<domain::ObjectKey, Known> known_;
};

}  // namespace slipway::control
