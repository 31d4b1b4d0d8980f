#include "services/registry/internal/blob_stream.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace slipway::registry {

constexpr size_t kPiece = 128 << 10;

void BlobStream::send(http::Exchange& exchange) {
  std::string piece(kPiece, '\0');
  while (at_ < end_) {
    const ssize_t got = ::pread(file_.descriptor.get(), piece.data(),
                                std::min<uint64_t>(piece.size(), end_ - at_), static_cast<off_t>(at_));
    if (got <= 0) return exchange.abort();
    at_ += static_cast<uint64_t>(got);
    const bool room = exchange.write(std::string_view(piece.data(), static_cast<size_t>(got)),
                                     [self = shared_from_this()](http::Exchange& again) {
                                       if (!again.cancelled()) self->send(again);
                                     });
    if (!room) return;
  }
  exchange.finish();
}

}  // namespace slipway::registry
