// From a request's body to an object that may be stored: decoded, defaulted, pruned, checked. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "services/api/internal/query.h"
#include "values/domain/object.h"

namespace slipway::api {

// Where the object is going.
struct Target {
  domain::Kind kind = domain::Kind::kModelVersion;
  std::string space, name;  // name empty: it is being created
  enum class Part : uint8_t { kWhole, kStatus } part = Part::kWhole;
};

struct Admitted {
  domain::Object object;
  std::vector<std::string> warnings;  // Warning header values
};

// A body of JSON with what is known of it, for the kinds of one definition.
struct Decoded {
  json::Document document;
  std::vector<std::string> duplicates;
};
tl::expected<Decoded, Failure> decode(const Target& target, std::string_view body);

// `before`: what is stored now; null when it is being created. `make_suffix` ends a generated name.
tl::expected<Admitted, Failure> admit(const Target& target, Decoded decoded, const domain::Object* before,
                                      FieldValidation validation);

// Whether the media type of a body is JSON; empty counts.
bool is_json(std::string_view content_type);

// Five letters and digits for the end of a generated name.
std::string name_suffix();

}  // namespace slipway::api
