// What names may look like, with the words that Kubernetes has for what is wrong with them.
// Source: k8s.io/apimachinery util/validation.
#pragma once

#include <string_view>

#include "values/base/result.h"
#include "values/domain/object.h"

namespace slipway::domain {

// Each kInvalid with the rule that is broken.
Status check_name(std::string_view name);          // an RFC 1123 subdomain, ≤ 253
Status check_label_key(std::string_view key);      // [prefix/]name
Status check_label_value(std::string_view value);  // ≤ 63, may be empty
Status check_annotations(
    const Labels& annotations);  // keys as labels'; 256 KiB together: kTooLarge: kTooLarge

// "credit" and 3 of "credit-3"; kInvalid when it has no such form.
struct ModelVersionName {
  std::string_view model;
  int64_t version = 0;
};
Result<ModelVersionName> parse_version_name(std::string_view name);

}  // namespace slipway::domain
