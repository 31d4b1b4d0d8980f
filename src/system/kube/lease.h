// Leading, as one of several processes that could: by a Lease of coordination.k8s.io/v1 that one of them
// holds. Whether to take, renew or give it up is decided in election.h.
//
//   Lease lease(access, {.ns = "slipway", .name = "slipway-control"}, boot_clock, metrics);
//   lease.on_lost([](const std::string& why) { end the process });
//   if (auto held = lease.acquire(); !held) return;  // interrupt() ended it
//   … work, as long as lease.held() …
//   lease.release();  // when nothing works any more
//
// A lease that was lost does not come back: whoever led then ends, since what it had begun was based on
// leading. held() turns false before anybody else can hold it; a write that is under way at that moment is
// fenced by its own precondition.
//
// At rest a holder sends one PUT every few seconds, a candidate nothing.
//
// Threads: held(), holder(), interrupt() from any; everything else from one at a time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>

#include "system/kube/client.h"
#include "system/kube/election.h"
#include "system/runtime/clock.h"
#include "system/runtime/mutex.h"
#include "system/telemetry/metrics.h"

namespace slipway::kube {

namespace internal {
class LeaseWatch;
}

struct LeaseOptions {
  std::string ns, name;
  std::string identity;  // of this process and no other, not even before a restart; empty: one is made
  ElectionOptions election;
  int timeout_ms = 3'000;  // for connecting, and for each wait for bytes
};

// The name of this machine (of a pod: its own) and some random digits.
std::string make_identity();

class Lease {
 public:
  // `clock` should go on while the machine sleeps (runtime::BootClock), and must outlive it, as `metrics`
  // must.
  Lease(const Access& access, LeaseOptions options, const runtime::Clock& clock,
        telemetry::Registry& metrics);
  // Without release() the lease stays as it is, until it looks expired to the others.
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // Called once, on a thread of the lease's, soon after held() turned false of itself. Set it before
  // acquire(). It may end the process, but not the lease.
  void on_lost(std::function<void(const std::string& why)> call);
  // Waits until the lease is ours; from then on it is renewed. Errors: kUnavailable after interrupt(),
  // kConflict when it was ours before. Failures of the server are logged and waited out.
  Status acquire();
  // Costs a look at the clock.
  bool held() const { return clock_.now().time_since_epoch().count() < held_until_; }
  // Renews no more, and gives the lease to whoever waits for it: when nothing works any more that needs it.
  // Does nothing when it is not ours. An error means that the others wait until it looks expired.
  Status release() SLIPWAY_EXCLUDES(mutex_);
  // Ends acquire(), and the renewals of a lease that is held; release() gives it back all the same.
  void interrupt() SLIPWAY_EXCLUDES(mutex_);

  const std::string& identity() const { return options_.identity; }
  std::string holder() const SLIPWAY_EXCLUDES(mutex_);  // as last seen; empty: nobody, or not known yet

 private:
  struct Metrics {
    Metrics(telemetry::Registry& registry, const std::string& name);
    telemetry::Gauge& leader;
    telemetry::Counter &acquired, &lost, &released, &failures;
  };

  // What to do now; nothing: stop.
  std::optional<ElectionDecision> await_decision() SLIPWAY_EXCLUDES(mutex_);
  Reply<Object> write(Client& client, const std::string& holder) SLIPWAY_EXCLUDES(mutex_);
  std::string next_text(const std::string& holder) const SLIPWAY_REQUIRES(mutex_);
  void see(const std::optional<Object>& lease) SLIPWAY_EXCLUDES(mutex_);
  bool hold(const Object& written, TimePoint sent) SLIPWAY_EXCLUDES(mutex_);
  void note(const ApiError& failure) SLIPWAY_EXCLUDES(mutex_);
  void put_off(const ApiError& why, TimePoint sent) SLIPWAY_EXCLUDES(mutex_);
  void look_again(Client& client) SLIPWAY_EXCLUDES(mutex_);
  std::unique_ptr<internal::LeaseWatch> make_watch();
  bool try_to_acquire(std::unique_ptr<internal::LeaseWatch>& watch);
  void renew();
  void renew_until_stopped();
  void guard_deadline() SLIPWAY_EXCLUDES(mutex_);
  void lose(const std::string& why) SLIPWAY_EXCLUDES(mutex_);
  void stop_threads() SLIPWAY_EXCLUDES(mutex_);

  const Access access_;
  const LeaseOptions options_;
  const runtime::Clock& clock_;
  Metrics metrics_;
  Client client_;
  std::function<void(const std::string&)> on_lost_;
  std::atomic<int64_t> held_until_{INT64_MIN};  // of the clock

  mutable runtime::Mutex mutex_;
  runtime::CondVar changed_;
  Standing standing_ SLIPWAY_GUARDED_BY(mutex_);
  std::string json_ SLIPWAY_GUARDED_BY(mutex_);  // the lease as last seen or written; empty: there is none
  std::string last_failure_ SLIPWAY_GUARDED_BY(mutex_);
  bool stopping_ SLIPWAY_GUARDED_BY(mutex_) = false;
  bool lost_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::minstd_rand random_ SLIPWAY_GUARDED_BY(mutex_){std::random_device{}()};
  std::thread renewer_, guard_;
};

}  // namespace slipway::kube
