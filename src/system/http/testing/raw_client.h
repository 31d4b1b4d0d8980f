// A socket that sends exactly the bytes it is told and shows what comes back: for tests of framing.
#pragma once

#include <string>
#include <string_view>

#include "system/http/address.h"

namespace slipway::http::testing {

class RawClient {
 public:
  explicit RawClient(const Address& address);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) const;
  void half_close() const;
  // Waits until `bytes` have come, or the peer closes, or `timeout_ms` pass. Gives all that came so far.
  std::string receive(size_t bytes, int timeout_ms = 5000);
  // One answer: head, and a body of its content-length. Empty when the peer closes first.
  std::string answer();
  // Everything until the peer closes.
  std::string rest();
  bool closed();  // the peer has closed, within a second

 private:
  int fd_ = -1;
  std::string held_;
};

int status_of_answer(std::string_view answer);
std::string body_of_answer(std::string_view answer);

}  // namespace slipway::http::testing
