// The Open Inference Protocol v2, REST with JSON tensors (KServe's "V2" protocol: required_api.md,
// rest_predict_v2.yaml).
//
// Reading: numbers go straight from the text into tensors of the request's datatype, rounded once. `data` may
// be flat or nested as the shape is, and may stand before datatype and shape. In floating tensors null, NaN,
// Infinity and -Infinity are read, since tabular models need missing values. Integers must be written as
// integers (1, not 1.0) and fit their type. FP16 and the binary extension do not travel as JSON and are
// refused. Unknown members are skipped, as the protocol asks.
//
// Writing: flat row-major data; NaN and infinities as null.
//
// Pure functions; views live as long as body and arena.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "values/base/arena.h"
#include "values/base/result.h"
#include "values/tensor/signature.h"
#include "values/tensor/tensor.h"

namespace slipway::protocol {

struct OipLimits {
  size_t tensors = 1024;       // inputs, and requested outputs
  size_t elements = 64 << 20;  // of one tensor
  size_t name_bytes = 1024;
};

struct OipRequest {
  std::string_view id;               // as sent; empty when absent
  std::span<tensor::Tensor> inputs;  // in the signature's order; each has passed tensor::check
  std::span<const size_t> outputs;   // wanted, as positions in the signature, in the request's order
};

// kInvalid names the tensor or the byte; kExhausted when the arena's budget is spent.
Result<OipRequest> parse_oip_request(std::string_view body, const tensor::Signature& signature,
                                     base::Arena& arena, const OipLimits& limits = {});

struct OipAnswer {
  std::string_view model, version, revision, id;
  std::span<const tensor::NamedTensor> outputs;
};

void append_oip_answer(const OipAnswer& answer, std::string& out);

struct OipMetadata {
  std::string_view model, platform, revision, digest;
  std::span<const std::string> versions;
  const tensor::Signature& signature;
};

void append_oip_metadata(const OipMetadata& metadata, std::string& out);

// Of the server itself, whoever speaks for it: a replica or the gateway.
void append_oip_server_metadata(std::string_view version, std::string& out);

}  // namespace slipway::protocol
