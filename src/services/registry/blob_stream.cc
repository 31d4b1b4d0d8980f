#include "services/registry/internal/blob_stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace slipway::registry {
namespace {

constexpr size_t kPiece = 128 << 10;

}  // namespace

void BlobStream::send(http::Exchange& exchange) {
  if (at_ >= end_ || exchange.cancelled()) return;
  auto task = [self = shared_from_this(), kept = exchange.shared_from_this()] { self->send_piece(*kept); };
  // When too much waits for the disk it is read here: an answer that has begun cannot be put off.
  if (!executor_.submit(task)) task();
}

void BlobStream::send_piece(http::Exchange& exchange) {
  std::string piece(std::min<uint64_t>(kPiece, end_ - at_), '\0');
  ssize_t got = 0;
  do got = ::pread(file_.descriptor.get(), piece.data(), piece.size(), static_cast<off_t>(at_));
  while (got < 0 && errno == EINTR);
  if (got <= 0) return exchange.abort();  // the receiver sees that it is not whole
  at_ += static_cast<uint64_t>(got);
  const bool last = at_ >= end_;
  const bool room = exchange.write(std::string_view(piece.data(), static_cast<size_t>(got)),
                                   [self = shared_from_this()](http::Exchange& again) { self->send(again); });
  if (last) return exchange.finish();
  if (room) send(exchange);
}

}  // namespace slipway::registry
