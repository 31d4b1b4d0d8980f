// A descriptor of ours, given to another process of the same user over a Unix socket (SCM_RIGHTS): so a
// listening socket outlives the process that made it.
#pragma once

#include <memory>
#include <string>

#include "system/os/descriptor.h"
#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::os {

// Over a connected Unix socket; blocking. kDenied: the peer is another user's.
Status send_descriptor(const Descriptor& socket, int descriptor);
// kInvalid: the peer sent something else.
Result<Descriptor> receive_descriptor(const Descriptor& socket);

// Gives a copy of the descriptor to whoever asks at that path, on a thread of its own, until it is destroyed.
class DescriptorServer {
 public:
  // What lies at the path is replaced: its owner holds a lock that says that it is his.
  static Result<std::unique_ptr<DescriptorServer>> start(const std::string& path, int descriptor);
  ~DescriptorServer();
  DescriptorServer(const DescriptorServer&) = delete;
  DescriptorServer& operator=(const DescriptorServer&) = delete;

 private:
  class Serving;
  explicit DescriptorServer(std::unique_ptr<Serving> serving);
  std::unique_ptr<Serving> serving_;
};

// kUnavailable: nobody gives one there.
Result<Descriptor> ask_for_descriptor(const std::string& path, Duration patience);

}  // namespace slipway::os
