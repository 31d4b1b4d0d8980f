// A blob, or a part of it, sent piece by piece as the receiver takes it. On the exchange's loop.
#pragma once

#include <memory>

#include "services/registry/internal/answers.h"
#include "system/http/exchange.h"
#include "system/os/files.h"

namespace slipway::registry {

class BlobStream : public std::enable_shared_from_this<BlobStream> {
 public:
  BlobStream(os::OpenFile file, Range range)
      : file_(std::move(file)), at_(range.first), end_(range.last + 1) {}

  // Of an answer that was started; finishes it.
  void send(http::Exchange& exchange);

 private:
  const os::OpenFile file_;
  uint64_t at_;
  const uint64_t end_;
};

}  // namespace slipway::registry
