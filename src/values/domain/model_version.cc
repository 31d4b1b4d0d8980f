#include "values/domain/model_version.h"

#include <nlohmann/json.hpp>

namespace slipway::domain {
namespace {

using json::Document;
using json::member;
using json::text_of;

Document to_documents(const std::vector<TensorFacts>& tensors) {
  Document out = Document::array();
  for (const TensorFacts& tensor : tensors)
    out.push_back({{"name", tensor.name}, {"datatype", tensor.datatype}, {"shape", tensor.shape}});
  return out;
}

std::vector<TensorFacts> parse_tensors(const Document& array) {
  std::vector<TensorFacts> out;
  for (const Document& each : array) {
    TensorFacts tensor{.name = text_of(each, "name"), .datatype = text_of(each, "datatype"), .shape = {}};
    for (const Document& dimension : member(each, "shape"))
      if (dimension.is_number_integer()) tensor.shape.push_back(dimension.get<int64_t>());
    out.push_back(std::move(tensor));
  }
  return out;
}

void put(Document& into, const char* name, const std::string& text) {
  if (!text.empty()) into[name] = text;
}

}  // namespace

Document to_content(const ModelVersion& version) {
  Document spec{{"model", version.model},   {"version", version.version}, {"artifact", version.artifact},
                {"digest", version.digest}, {"format", version.format},   {"size", version.size}};
  put(spec, "framework", version.framework);
  put(spec, "description", version.description);
  if (!version.inputs.empty() || !version.outputs.empty())
    spec["signature"] = {{"inputs", to_documents(version.inputs)},
                         {"outputs", to_documents(version.outputs)}};
  Document provenance = Document::object();
  put(provenance, "source", version.source);
  put(provenance, "pushedBy", version.pushed_by);
  put(provenance, "tool", version.tool);
  if (!provenance.empty()) spec["provenance"] = std::move(provenance);
  return {{"spec", std::move(spec)}};
}

Result<ModelVersion> parse_model_version(const Document& object) {
  const Document& spec = member(object, "spec");
  const Document& number = member(spec, "version");
  if (!number.is_number_integer() || text_of(spec, "model").empty() || text_of(spec, "digest").empty())
    return fail(Code::kInvalid, "not a ModelVersion: spec.model, spec.version and spec.digest are needed");
  const Document& size = member(spec, "size");
  const Document& signature = member(spec, "signature");
  const Document& provenance = member(spec, "provenance");
  return ModelVersion{.model = text_of(spec, "model"),
                      .version = number.get<int64_t>(),
                      .artifact = text_of(spec, "artifact"),
                      .digest = text_of(spec, "digest"),
                      .format = text_of(spec, "format"),
                      .framework = text_of(spec, "framework"),
                      .description = text_of(spec, "description"),
                      .size = size.is_number_integer() ? size.get<int64_t>() : 0,
                      .inputs = parse_tensors(member(signature, "inputs")),
                      .outputs = parse_tensors(member(signature, "outputs")),
                      .source = text_of(provenance, "source"),
                      .pushed_by = text_of(provenance, "pushedBy"),
                      .tool = text_of(provenance, "tool")};
}

}  // namespace slipway::domain
