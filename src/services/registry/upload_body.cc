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
  if (piece) {
    buffer_ += piece->bytes;
    complete_ = piece->last;
  } else {
    broken_ = piece.error();
  }
  write_if_due();
  // The next piece is collected while this one is written; beyond that the sender waits.
  if (done_ && !ended() && buffer_.size() < piece_bytes_) read_more();
}

void UploadBody::write_if_due() {
  if (writing_ || (!ended() && buffer_.size() < piece_bytes_)) return;
  // What arrived before a break is kept: the sender may go on from there, once nothing is written any more.
  if (buffer_.empty()) return finish(broken_ ? Result<uint64_t>(fail(*broken_)) : offset_);
  auto task = [self = shared_from_this(), bytes = std::exchange(buffer_, {}), offset = offset_] {
    auto size = self->layout_.append(self->id_, offset, bytes);
    self->exchange_->post([self, size = std::move(size)] { self->wrote(size); });
  };
  writing_ = executor_.submit(std::move(task));
  if (!writing_) finish(fail(Code::kExhausted, "too many requests wait for the disk; try again later"));
}

void UploadBody::wrote(Result<uint64_t> size) {
  writing_ = false;
  if (!done_) return;
  if (!size) return finish(std::move(size));
  offset_ = *size;
  write_if_due();
  if (done_ && !ended() && !reading_) read_more();
}

void UploadBody::finish(Result<uint64_t> size) {
  if (const Done done = std::exchange(done_, nullptr)) done(*exchange_, std::move(size));
}

}  // namespace slipway::registry
