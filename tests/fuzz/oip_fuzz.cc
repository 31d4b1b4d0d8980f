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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  base::Budget budget(64 << 20);
  base::Arena arena(&budget);
  const auto request = protocol::parse_oip_request(body, kSignature, arena);
  if (!request) return request.error().message.empty() ? std::abort(), 0 : 0;
  if (request->inputs.size() != 3 || request->outputs.size() > 2) std::abort();
  for (size_t i = 0; i < 3; ++i)
    if (!tensor::check(kSignature.inputs[i], request->inputs[i].type, request->inputs[i].shape)) std::abort();
  return 0;
}
