#include "system/http/internal/web_socket_frames.h"

#include <fmt/format.h>

namespace slipway::http::internal {
namespace {

constexpr uint8_t kFinal = 0x80, kReserved = 0x70, kOpcode = 0x0F, kMasked = 0x80, kLength = 0x7F;
constexpr uint8_t kTwoBytes = 126, kEightBytes = 127;
constexpr uint64_t kControlLimit = 125;

bool is_control(Opcode opcode) { return static_cast<uint8_t>(opcode) >= 8; }

bool is_known(uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

uint64_t big_endian(std::string_view bytes) {
  uint64_t out = 0;
  for (const char byte : bytes) out = out << 8 | static_cast<uint8_t>(byte);
  return out;
}

void add_big_endian(std::string& out, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
}

}  // namespace

std::nullopt_t FrameReader::fail_with(Code code, std::string_view why) {
  fault_ = Error{code, std::string(why)};
  return std::nullopt;
}

std::optional<FrameReader::Head> FrameReader::read_head() {
  const std::string_view bytes = std::string_view(held_).substr(used_);
  if (bytes.size() < 2) return std::nullopt;
  const auto first = static_cast<uint8_t>(bytes[0]), second = static_cast<uint8_t>(bytes[1]);
  if ((first & kReserved) != 0)
    return fail_with(Code::kInvalid, "sent a frame of an extension that was not agreed on");
  if (!is_known(first & kOpcode)) return fail_with(Code::kInvalid, "sent a frame of an unknown kind");
  if ((second & kMasked) != 0) return fail_with(Code::kInvalid, "sent a masked frame");
  Head head{.opcode = static_cast<Opcode>(first & kOpcode), .final = (first & kFinal) != 0, .size = 2};
  const uint8_t length = second & kLength;
  const size_t more = length == kTwoBytes ? 2 : length == kEightBytes ? 8 : 0;
  head.payload = length;
  head.size += more;
  if (bytes.size() < head.size) return std::nullopt;
  if (more > 0) head.payload = big_endian(bytes.substr(2, more));
  return fits(head) ? std::optional(head) : std::nullopt;
}

bool FrameReader::fits(const Head& head) {
  if (is_control(head.opcode)) {
    if (head.final && head.payload <= kControlLimit) return true;
    fail_with(Code::kInvalid, "sent a control frame that is too large or in parts");
    return false;
  }
  if ((head.opcode == Opcode::kContinuation) != partly_.has_value()) {
    fail_with(Code::kInvalid, "sent the parts of a message out of order");
    return false;
  }
  const uint64_t before = partly_ ? partly_->payload.size() : 0;
  if (head.payload <= message_limit_ - before) return true;
  fail_with(Code::kTooLarge, fmt::format("sent a message of more than {} bytes", message_limit_));
  return false;
}

std::optional<Message> FrameReader::take(const Head& head) {
  const std::string_view payload = std::string_view(held_).substr(used_ + head.size, head.payload);
  std::optional<Message> out;
  if (is_control(head.opcode)) {
    out = Message{head.opcode, std::string(payload)};
  } else {
    if (!partly_) partly_ = Message{head.opcode, {}};
    partly_->payload.append(payload);
    if (head.final) out = std::exchange(partly_, std::nullopt);
  }
  used_ += head.size + head.payload;
  return out;
}

std::optional<Message> FrameReader::next() {
  std::optional<Message> out;
  while (!out && !fault_) {
    const auto head = read_head();
    if (!head || held_.size() - used_ < head->size + head->payload) break;
    out = take(*head);
  }
  if (!out) held_.erase(0, std::exchange(used_, 0));
  return out;
}

std::string client_frame(Opcode opcode, std::string_view payload, std::array<uint8_t, 4> mask) {
  std::string out(1, static_cast<char>(kFinal | static_cast<uint8_t>(opcode)));
  if (payload.size() <= kControlLimit) {
    out += static_cast<char>(kMasked | payload.size());
  } else if (payload.size() <= UINT16_MAX) {
    out += static_cast<char>(kMasked | kTwoBytes);
    add_big_endian(out, payload.size(), 2);
  } else {
    out += static_cast<char>(kMasked | kEightBytes);
    add_big_endian(out, payload.size(), 8);
  }
  for (const uint8_t byte : mask) out += static_cast<char>(byte);
  for (size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(static_cast<uint8_t>(payload[i]) ^ mask[i % mask.size()]);
  return out;
}

}  // namespace slipway::http::internal
