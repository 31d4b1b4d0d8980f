// A blob, or a part of it, on its way out: a piece is read on the executor when the receiver has room for it.
#pragma once

#include <memory>

#include "services/registry/internal/answers.h"
#include "system/http/exchange.h"
#include "system/os/files.h"
#include "system/runtime/executor.h"

namespace slipway::registry {

class BlobStream : public std::enable_shared_from_this<BlobStream> {
 public:
  BlobStream(os::OpenFile file, Range range, runtime::Executor& executor)
      : file_(std::move(file)), executor_(executor), at_(range.first), end_(range.last + 1) {}

  // The answer must be started. Any thread.
  void send(http::Exchange& exchange);

 private:
  void send_piece(http::Exchange& exchange);

  const os::OpenFile file_;
  runtime::Executor& executor_;
  uint64_t at_;
  const uint64_t end_;
};

}  // namespace slipway::registry
