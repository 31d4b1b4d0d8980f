// Any text as an inference request against a model with every kind of input: read within the arena's budget,
// or refused.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "values/protocol/oip.h"

using namespace slipway;
using tensor::DataType;

namespace {

const tensor::Signature kSignature{.inputs = {{.name = "x", .type = DataType::kFp32, .shape = {-1, 2}},
                                              {.name = "i", .type = DataType::kInt8, .shape = {-1}},
                                              {.name = "s", .type = DataType::kBytes, .shape = {-1, -1}}},
                                   .outputs = {{.name = "y"}, {.name = "z"}}};

volatile char read_byte;

// The tensor is what the signature takes, as large as its shape says and no larger than the text could say,
// and every text in it can be read to its end.
bool holds(const tensor::TensorSpec& spec, const tensor::Tensor& tensor, size_t text_bytes) {
  if (!tensor::check(spec, tensor.type, tensor.shape)) return false;
  if (tensor.shape.elements() != tensor.count || tensor.count > text_bytes) return false;
  if (tensor.count > 0 && tensor.data == nullptr) return false;
  if (tensor.type != DataType::kBytes) return true;
  size_t bytes = 0;
  for (const std::string_view text : tensor.values<std::string_view>())
    for (const char c : text) {
      read_byte = c;
      ++bytes;
    }
  return bytes <= text_bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  base::Budget budget(64 << 20);
  base::Arena arena(&budget);
  const auto request = protocol::parse_oip_request(body, kSignature, arena);
  if (!request) return request.error().message.empty() ? std::abort(), 0 : 0;
  if (request->inputs.size() != 3 || request->outputs.size() > 2) std::abort();
  for (size_t i = 0; i < 3; ++i)
    if (!holds(kSignature.inputs[i], request->inputs[i], body.size())) std::abort();
  for (const size_t output : request->outputs)
    if (output >= kSignature.outputs.size()) std::abort();
  return 0;
}
