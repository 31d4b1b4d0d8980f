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
  if (exchange_->cancelled()) return took(fail(Code::kUnavailable, "the sender went away"));
  reading_ = true;
  exchange_->read([self = shared_from_this()](http::Exchange&, Result<http::Exchange::Piece> piece) {
    self->reading_ = false;
    self->took(std::move(piece));
  });
}

void UploadBody::took(Result<http::Exchange::Piece> piece) {
  if (!done_) return;
  if (piece) {
    buffer_ += piece->bytes;
    complete_ = piece->last;
  } else {
    // What arrived before the break is kept: the sender may go on from there.
    broken_ = piece.error();
    complete_ = true;
  }
  write_if_due();
  // The next piece is collected while this one is written; beyond that the sender waits.
  if (!complete_ && !reading_ && done_ && buffer_.size() < piece_bytes_) read_more();
}

void UploadBody::write_if_due() {
  if (writing_ || (!complete_ && buffer_.size() < piece_bytes_)) return;
  if (buffer_.empty()) return finish(broken_ ? Result<uint64_t>(fail(*broken_)) : offset_);
  writing_ = true;
  auto task = [self = shared_from_this(), bytes = std::exchange(buffer_, {}), offset = offset_] {
    auto size = self->layout_.append(self->id_, offset, bytes);
    self->exchange_->post([self, size = std::move(size)] { self->wrote(size); });
  };
  if (executor_.submit(std::move(task))) return;
  writing_ = false;
  finish(fail(Code::kExhausted, "too many requests wait for the disk; try again later"));
}

void UploadBody::wrote(Result<uint64_t> size) {
  writing_ = false;
  if (!done_) return;
  if (!size) return finish(std::move(size));
  offset_ = *size;
  write_if_due();
  if (!complete_ && !reading_ && done_) read_more();
}

void UploadBody::finish(Result<uint64_t> size) {
  if (const Done done = std::exchange(done_, nullptr)) done(*exchange_, std::move(size));
}

}  // namespace slipway::registry
