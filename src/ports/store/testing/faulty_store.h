// A store that breaks: wrapped around another, for simulations. All of it follows from a seed and a clock.
//
// Writes meet the fate that `fate` gives them. Watches keep what the port promises (in order, nothing missed
// unless they break off), but are late, say things twice, leave out what was overtaken, break off, and begin
// at an older list than there is, as behind another server of the same API. Each watch on its own: changes of
// different kinds come in any order.
//
// One thread.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <string>

#include "ports/store/store.h"
#include "system/runtime/clock.h"

namespace slipway::store {

// Of a write.
enum class Fate : uint8_t {
  kHappens,
  kNever,     // does not happen, and says kUnavailable
  kUnknown,   // happens, and says kUnavailable
  kConflict,  // does not happen, and says kConflict
};

class FaultyStore final : public Store {
 public:
  enum class Verb : uint8_t { kCreate, kUpdate, kUpdateStatus, kRemove };
  // Of each change that a watch gives, as parts of 1,000; of each watch that begins, for old lists.
  struct Options {
    int late = 0, twice = 0, overtaken = 0, broken = 0, old_list = 0;
    Duration latest{0};
    uint64_t seed = 1;
  };
  struct Hooks {
    std::function<Fate(Verb, const ObjectKey&)> fate;  // null: all happens
    std::function<Status(Kind)> reach;                 // for reads and watches; null: all can be reached
    std::function<void(TimePoint, std::function<void()>)> later;  // calls at that time: what is late wakes up
  };

  // Both must outlive it.
  FaultyStore(Store& under, const runtime::Clock& clock, Options options, Hooks hooks);

  Options& options() { return options_; }
  // Every watch that is open breaks off.
  void break_watches() { ++connection_; }

  Result<ObjectPtr> get(const ObjectKey& key) const override;
  Result<Listing> list(Kind kind, const ListOptions& options) const override;
  Result<std::unique_ptr<Watch>> watch(Kind kind, const WatchOptions& options) override;
  Result<ObjectPtr> create(Object object, const Cause& cause) override;
  Result<ObjectPtr> update(Object object, const Precondition& seen, const Cause& cause) override;
  Result<ObjectPtr> update_status(const ObjectKey& key, std::string status, const Precondition& seen,
                                  const Cause& cause) override;
  Result<ObjectPtr> remove(const ObjectKey& key, const Precondition& seen, const Cause& cause) override;

 private:
  friend class FaultyWatch;
  bool happens(int thousandths) {
    return thousandths > 0 && static_cast<int>(random_() % 1000) < thousandths;
  }
  Status reach(Kind kind) const { return hooks_.reach ? hooks_.reach(kind) : ok(); }
  Result<ObjectPtr> meet(Verb verb, const ObjectKey& key, const std::function<Result<ObjectPtr>()>& write);

  Store& under_;
  const runtime::Clock& clock_;
  Options options_;
  const Hooks hooks_;
  std::mt19937_64 random_;
  uint64_t connection_ = 0;
};

}  // namespace slipway::store
