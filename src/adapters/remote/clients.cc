#include "adapters/remote/internal/clients.h"

namespace slipway::remote {

Clients::Lease Clients::take() {
  const runtime::MutexLock lock(mutex_);
  std::unique_ptr<kube::Client> client;
  if (idle_.empty()) {
    client = std::make_unique<kube::Client>(access_, options_);
  } else {
    // The one that was used last: the others may grow old and be closed by the server.
    client = std::move(idle_.back());
    idle_.pop_back();
  }
  if (interrupted_) client->interrupt();
  busy_.insert(client.get());
  return {*this, std::move(client)};
}

void Clients::give_back(std::unique_ptr<kube::Client> client) {
  const runtime::MutexLock lock(mutex_);
  busy_.erase(client.get());
  if (idle_.size() < idle_limit_ && !interrupted_) idle_.push_back(std::move(client));
}

void Clients::interrupt() {
  const runtime::MutexLock lock(mutex_);
  interrupted_ = true;
  for (kube::Client* client : busy_) client->interrupt();
}

}  // namespace slipway::remote
