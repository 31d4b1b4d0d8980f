// Connections to a port of a pod through the API server, as `kubectl port-forward` makes them: a listener on
// this machine, and one WebSocket for each connection that comes to it (v4.channel.k8s.io, which API servers
// hand through to the pod's machine).
//
//   auto forward = PortForward::start(access, [&] { return ready_pod(client); }, {});
//   http::Client client(*http::parse_url("http://" + (*forward)->address().str()));
//
// Which pod is meant is asked anew for each connection, so a forward outlives its pods. The protocol has no
// half-closed connections: who ends the own side is given what the pod sends within `linger_ms` of silence.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "system/http/address.h"
#include "system/kube/api_error.h"
#include "system/kube/kubeconfig.h"
#include "system/os/descriptor.h"
#include "system/runtime/mutex.h"

namespace slipway::kube {

struct PodPort {
  std::string ns, pod;
  uint16_t port = 0;

  std::string str() const;  // "port 8080 of pod 'web-1' in 'default'"
};

namespace internal {
class PodTunnel;
}

class PortForward {
 public:
  struct Options {
    http::Address listen{.host = "127.0.0.1"};  // port 0: the system picks
    size_t connections = 64;                    // at once; more wait to be accepted
    int timeout_ms = 30'000;                    // for opening one
    int linger_ms = 2'000;
    // What ended a connection other than its two sides; from many threads, one at a time. May be empty.
    std::function<void(const ApiError&)> on_error;
  };
  // `target` is called from many threads, one at a time.
  static Result<std::unique_ptr<PortForward>> start(Access access, std::function<Reply<PodPort>()> target,
                                                    Options options);
  ~PortForward();  // ends all connections
  PortForward(const PortForward&) = delete;
  PortForward& operator=(const PortForward&) = delete;

  const http::Address& address() const { return address_; }

 private:
  struct Carried;
  PortForward(Access access, std::function<Reply<PodPort>()> target, Options options);
  Status listen();
  void accept() SLIPWAY_EXCLUDES(mutex_);
  void carry(Carried& carried) SLIPWAY_EXCLUDES(mutex_);
  Reply<void> connect(Carried& carried) SLIPWAY_EXCLUDES(mutex_);
  void sweep() SLIPWAY_EXCLUDES(mutex_);
  bool has_room() SLIPWAY_EXCLUDES(mutex_);

  // Constant after start().
  const Access access_;
  const std::function<Reply<PodPort>()> target_;
  const Options options_;
  http::Address address_;
  os::Descriptor listener_, wake_;  // `wake_`: an event: a connection ended, or all is to end
  std::thread thread_;

  runtime::Mutex asking_;  // target_ and on_error, one call at a time
  runtime::Mutex mutex_;
  bool stopping_ SLIPWAY_GUARDED_BY(mutex_) = false;
  std::list<std::unique_ptr<Carried>> carried_ SLIPWAY_GUARDED_BY(mutex_);
};

}  // namespace slipway::kube
