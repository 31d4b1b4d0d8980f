#include "values/domain/definitions.h"

#include <nlohmann/json.hpp>

#include "values/base/bug.h"
#include "values/domain/internal/embedded.h"

namespace slipway::domain {
namespace {

schema::Definition read(Kind kind) {
  for (const std::string_view text : embedded_definitions()) {
    const auto document = json::parse_document(text);
    if (!document ||
        json::text_of(json::member(json::member(*document, "spec"), "names"), "kind") != info(kind).name)
      continue;
    auto definition = schema::parse_definition(*document, rules());
    if (definition) return std::move(*definition);
    BUG("a built-in definition does not parse: {}", definition.error().message);
  }
  BUG("no definition of {}", info(kind).name);
  return schema::Definition{.schema = std::move(*schema::Schema::compile({{"type", "object"}}, {}))};
}

}  // namespace

const schema::Definition& definition(Kind kind) {
  static const std::array<schema::Definition, kKinds> all{read(Kind::kModelVersion),
                                                          read(Kind::kModelDeployment), read(Kind::kEvent),
                                                          read(Kind::kEndpointSlice)};
  return all[static_cast<size_t>(kind)];
}

std::vector<std::string_view> custom_resource_definitions() {
  std::vector<std::string_view> out;
  for (const std::string_view text : embedded_definitions())
    if (const auto document = json::parse_document(text);
        document && json::text_of(*document, "kind") == "CustomResourceDefinition")
      out.push_back(text);
  return out;
}

}  // namespace slipway::domain
