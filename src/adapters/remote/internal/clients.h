// Connections to one server: as many as calls run at once, some kept between calls. Thread-safe.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "system/kube/client.h"
#include "system/runtime/mutex.h"

namespace slipway::remote {

class Clients {
 public:
  Clients(kube::Access access, kube::ClientOptions options, size_t idle)
      : access_(std::move(access)), options_(std::move(options)), idle_limit_(idle) {}

  // A connection for one call at a time; it goes back when the lease ends.
  class Lease {
   public:
    Lease(Clients& from, std::unique_ptr<kube::Client> client) : from_(from), client_(std::move(client)) {}
    ~Lease() { from_.give_back(std::move(client_)); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    kube::Client* operator->() const { return client_.get(); }

   private:
    Clients& from_;
    std::unique_ptr<kube::Client> client_;
  };
  Lease take() SLIPWAY_EXCLUDES(mutex_);

  // Ends the calls that run, and all that come later.
  void interrupt() SLIPWAY_EXCLUDES(mutex_);

 private:
  void give_back(std::unique_ptr<kube::Client> client) SLIPWAY_EXCLUDES(mutex_);

  const kube::Access access_;
  const kube::ClientOptions options_;
  const size_t idle_limit_;
  runtime::Mutex mutex_;
  std::vector<std::unique_ptr<kube::Client>> idle_ SLIPWAY_GUARDED_BY(mutex_);
  std::set<kube::Client*> busy_ SLIPWAY_GUARDED_BY(mutex_);
  bool interrupted_ SLIPWAY_GUARDED_BY(mutex_) = false;
};

}  // namespace slipway::remote
