// What a lease looks like now: read once, then watched, on a thread of its own, until stop().
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "system/kube/client.h"
#include "system/kube/watch.h"

namespace slipway::kube::internal {

// The lease by that name; nothing: there is none. `version` is where a watch goes on.
struct LeaseRead {
  std::optional<Object> lease;
  std::string version;
};
Reply<LeaseRead> read_named_lease(Client& client, const std::string& ns, const std::string& name);

class LeaseWatch {
 public:
  struct Hearer {
    std::function<void(const std::optional<Object>&)> seen;  // nothing: there is none
    std::function<void(const ApiError&)> failed;             // the next try follows
  };
  struct Options {
    std::string ns, name;
    int timeout_ms = 0;
    Duration retry{};
  };

  // Both are called on the watching thread.
  LeaseWatch(const Access& access, Options options, const runtime::Clock& clock, Hearer hearer);
  ~LeaseWatch();
  LeaseWatch(const LeaseWatch&) = delete;
  LeaseWatch& operator=(const LeaseWatch&) = delete;

  void stop() SLIPWAY_EXCLUDES(mutex_);  // from any thread

 private:
  void run();
  Reply<void> step();
  void pause() SLIPWAY_EXCLUDES(mutex_);

  const Options options_;
  const Hearer hearer_;
  Client client_;
  Watch watch_;
  bool read_ = false;
  runtime::Mutex mutex_;
  runtime::CondVar stop_asked_;
  bool stopped_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace slipway::kube::internal
