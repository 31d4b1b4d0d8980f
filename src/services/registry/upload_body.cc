#include "services/registry/internal/upload_body.h"

#include <utility>

namespace slipway::registry {

void UploadBody::run(http::Exchange& exchange, uint64_t offset, Done done) {
  exchange_ = exchange.shared_from_this();
  offset_ = offset;
  done_ = std::move(done);
  read_more();
}

void UploadBody::read_more() {
  reading_ = true;
  exchange_->read([self = shared_from_this()](http::Exchange&, Result<http::Exchange::Piece> piece) {
    self->took(std::move(piece));
  });
}

void UploadBody::took(Result<http::Exchange::Piece> piece) {
  reading_ = false;
  if (!done_) return;
  if (!piece) {
    // What arrived before the break is kept: the sender may go on from there.
    if (writing_ || buffer_.empty()) return finish(fail(piece.error()));
    complete_ = false;
    return finish(fail(piece.error()));
  }
  buffer_ += piece->bytes;
  complete_ = piece->last;
  write_if_due();
  // The next piece is collected while this one is written; beyond that the sender waits.
  if (!complete_ && buffer_.size() < piece_bytes_) read_more();
}

void UploadBody::write_if_due() {
  if (writing_ || (!complete_ && buffer_.size() < piece_bytes_)) return;
  if (buffer_.empty()) return finish(offset_);
  writing_ = true;
  auto task = [self = shared_from_this(), bytes = std::exchange(buffer_, {}), offset = offset_] {
    auto size = self->layout_.append(self->id_, offset, bytes);
    self->exchange_->post([self, size = std::move(size)] { self->wrote(size); });
  };
  if (!executor_.submit(std::move(task)))
    finish(fail(Code::kExhausted, "too many requests wait for the disk; try again later"));
}

void UploadBody::wrote(Result<uint64_t> size) {
  writing_ = false;
  if (!done_) return;
  if (!size) return finish(std::move(size));
  offset_ = *size;
  if (complete_ && buffer_.empty()) return finish(offset_);
  write_if_due();
  if (!complete_ && !reading_ && done_) read_more();
}

void UploadBody::finish(Result<uint64_t> size) {
  if (const Done done = std::exchange(done_, nullptr)) done(*exchange_, std::move(size));
}

}  // namespace slipway::registry
