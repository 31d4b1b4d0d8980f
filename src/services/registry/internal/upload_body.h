// A request's body on its way into an upload: read on the loop, hashed and written on the executor, at most
// two pieces in memory.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "system/http/exchange.h"
#include "system/oci/layout.h"
#include "system/runtime/executor.h"

namespace slipway::registry {

class UploadBody : public std::enable_shared_from_this<UploadBody> {
 public:
  // Called on the loop when all is written (with the upload's size), or something went wrong: then what
  // arrived before is written too.
  using Done = std::function<void(http::Exchange&, Result<uint64_t>)>;

  UploadBody(oci::Layout& layout, runtime::Executor& executor, size_t piece_bytes, std::string id)
      : layout_(layout), executor_(executor), piece_bytes_(piece_bytes), id_(std::move(id)) {}

  // From `offset` on, which must be where the upload ends.
  void run(http::Exchange& exchange, uint64_t offset, Done done);

 private:
  void read_more();
  void took(Result<http::Exchange::Piece> piece);
  void write_if_due();
  void wrote(Result<uint64_t> size);
  void finish(Result<uint64_t> size);

  oci::Layout& layout_;
  runtime::Executor& executor_;
  const size_t piece_bytes_;
  const std::string id_;
  http::ExchangePtr exchange_;
  Done done_;
  uint64_t offset_ = 0;
  std::string buffer_;
  std::optional<Error> broken_;
  bool writing_ = false, complete_ = false, reading_ = false;
};

}  // namespace slipway::registry
