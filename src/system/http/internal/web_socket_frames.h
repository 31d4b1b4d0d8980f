// The frames of a WebSocket (RFC 6455), as a client reads and writes them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "values/base/result.h"

namespace slipway::http::internal {

enum class Opcode : uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

struct Message {
  Opcode opcode = Opcode::kBinary;  // never kContinuation
  std::string payload;

  bool operator==(const Message&) const = default;
};

// Whole messages out of the server's bytes, as they come. The first fault sticks. One thread at a time.
class FrameReader {
 public:
  // A message of more bytes is a fault before they are held.
  explicit FrameReader(size_t message_limit) : message_limit_(message_limit) {}

  void feed(std::string_view bytes) { held_.append(bytes); }
  // The next message that has come whole; nothing: it has not, or there is a fault. A ping between the
  // fragments of a message is given before it.
  std::optional<Message> next();
  // kInvalid or kTooLarge, to be said of an address: "… sent a masked frame".
  const std::optional<Error>& fault() const { return fault_; }

 private:
  struct Head {
    Opcode opcode = Opcode::kContinuation;
    bool final = false;
    size_t size = 0;  // of the head itself
    uint64_t payload = 0;
  };
  std::optional<Head> read_head();
  bool fits(const Head& head);
  std::optional<Message> take(const Head& head);
  std::nullopt_t fail_with(Code code, std::string_view why);

  const size_t message_limit_;
  std::string held_;
  size_t used_ = 0;                // bytes of `held_` that are done
  std::optional<Message> partly_;  // whose fragments are coming
  std::optional<Error> fault_;
};

// One frame that is a whole message, masked as a client's must be.
std::string client_frame(Opcode opcode, std::string_view payload, std::array<uint8_t, 4> mask);

}  // namespace slipway::http::internal
