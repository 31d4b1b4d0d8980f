// One connection to a port of a pod: a WebSocket whose messages begin with the number of their channel.
// Threads: interrupt() from any; everything else from one at a time.
#pragma once

#include <optional>
#include <string>

#include "system/http/web_socket.h"
#include "system/kube/port_forward.h"

namespace slipway::kube::internal {

class PodTunnel {
 public:
  PodTunnel(const Access& access, http::ClientOptions options, PodPort target);

  // An ApiError when there is no such pod, or no right to do this.
  Reply<void> open();
  // Moves bytes between the pod and the connected, non-blocking socket until both have said all. The error is
  // the pod's machine's, mostly: nobody listens on that port.
  Status carry(int local, int linger_ms);
  void interrupt() { socket_.interrupt(); }

 private:
  enum class Pace : uint8_t { kGoOn, kWait, kEnd };
  Status take_from_pod();
  Status heed(std::string_view message);
  void give_to_local(int local);
  Status take_from_local(int local);
  Pace pace(bool was_full) const;
  Result<Pace> wait(int local, int linger_ms);
  bool full() const;

  const PodPort target_;
  const std::string server_;
  http::WebSocket socket_;
  std::string to_local_;                           // what the pod sent and `local` has not taken
  size_t given_ = 0;                               // of it
  bool heard_data_ = false, heard_error_ = false;  // the first message of each channel
  bool local_ended_ = false, local_gone_ = false;  // it sends no more; it takes no more either
};

}  // namespace slipway::kube::internal
