// The lists that a gateway keeps on disk, as anything may have left them there: from text to the rows that it
// would send by. Shares sum to 1 or nothing is ready, and nobody who is not ready gets one.
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "decide/route/route.h"

using namespace slipway;

namespace {

void check(const route::Row& row) {
  double sum = 0;
  for (const route::Revision& each : row.revisions) {
    sum += each.share;
    if (each.share < 0 || (each.share > 0 && each.endpoints.empty())) std::abort();
  }
  if (std::abs(sum - (row.is_ready() ? 1 : 0)) > 1e-6) std::abort();
  if (row.queue < 0 || row.timeout < Duration{0}) std::abort();
}

}  // namespace

// The first line: deployments; what follows: slices.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(text.find('\n'), text.size());
  route::Slices slices;
  const json::DocumentLimits limits{.bytes = 1 << 20, .depth = 64, .nodes = 100'000};
  if (const auto list = json::parse_document(text.substr(std::min(line + 1, text.size())), limits);
      list && list->is_array())
    for (const json::Document& item : *list) {
      const auto object = domain::to_object(domain::Kind::kEndpointSlice, item);
      if (!object) continue;
      if (auto slice = domain::parse_endpoint_slice(*object))
        slices.emplace(slice->revision, std::move(*slice));
    }
  const auto list = json::parse_document(text.substr(0, line), limits);
  if (!list || !list->is_array()) return 0;
  std::optional<route::Row> before;
  for (const json::Document& item : *list) {
    const auto object = domain::to_object(domain::Kind::kModelDeployment, item);
    if (!object) continue;
    const auto deployment = domain::parse_model_deployment(*object);
    if (!deployment) continue;
    before = route::make_row(*deployment, slices, before ? &*before : nullptr);
    check(*before);
  }
  return 0;
}
