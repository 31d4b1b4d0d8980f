// What a server sends over a WebSocket, in pieces of every size: the same messages or the same fault.
#include <algorithm>
#include <cstdlib>
#include <vector>

#include "system/http/internal/web_socket_frames.h"

namespace {

using slipway::http::internal::FrameReader;
using slipway::http::internal::Message;

struct Read {
  std::vector<Message> messages;
  std::string fault;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view bytes, size_t at_once) {
  constexpr size_t kLimit = 4096;
  FrameReader reader(kLimit);
  Read out;
  while (!bytes.empty()) {
    reader.feed(bytes.substr(0, at_once));
    bytes.remove_prefix(std::min(at_once, bytes.size()));
    while (auto message = reader.next()) {
      if (message->payload.size() > kLimit) std::abort();
      out.messages.push_back(std::move(*message));
    }
  }
  if (reader.fault()) out.fault = reader.fault()->message;
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t at_once = 1 + data[0] % 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (read(bytes, at_once) != read(bytes, size)) std::abort();
  return 0;
}
