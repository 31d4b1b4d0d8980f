// Any text as YAML: refused with a message, or made into JSON that is JSON and that comes back the same
// through YAML.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "system/kube/yaml.h"
#include "values/json/scanner.h"

using namespace slipway;

namespace {

bool is_json(std::string_view text) {
  json::Scanner in(text);
  in.skip();
  return in.finish();
}

// What is written and read once more is the same; what comes from JSON may have had its numbers in other
// forms.
void check_return(const std::string& json, bool numbers_are_ours) {
  const auto yaml = kube::json_to_yaml(json);
  if (!yaml) std::abort();
  const auto again = kube::yaml_to_json(*yaml, "again.yaml");
  if (!again) return;  // block style may need more than the limits allow
  if (again->size() != 1) std::abort();
  const auto rewritten = kube::json_to_yaml(again->front().json);
  if (!rewritten || (numbers_are_ours && *rewritten != *yaml)) std::abort();
  if (!numbers_are_ours) check_return(again->front().json, true);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto documents = kube::yaml_to_json(text, "fuzz.yaml");
  if (!documents) return documents.error().message.starts_with("fuzz.yaml:") ? 0 : (std::abort(), 0);
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool may_be_json = first != std::string_view::npos && (text[first] == '{' || text[first] == '[');
  for (const auto& document : *documents) {
    if (!is_json(document.json)) std::abort();
    if (document.json != "null") check_return(document.json, !may_be_json);
  }
  return 0;
}
