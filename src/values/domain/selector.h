// Label selectors as Kubernetes writes them: "app=credit,tier in (gold, silver),!legacy". Parsed once,
// matched often. Source: k8s.io/apimachinery labels.Parse.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"
#include "values/domain/object.h"

namespace slipway::domain {

class Selector {
 public:
  // An empty text selects everything. kInvalid says what was expected where.
  static Result<Selector> parse(std::string_view text);

  bool matches(const Labels& labels) const;
  bool everything() const { return requirements_.empty(); }

 private:
  enum class Operator : uint8_t { kIn, kNotIn, kExists, kAbsent, kGreater, kLess };
  struct Requirement {
    std::string key;
    Operator how = Operator::kExists;
    std::vector<std::string> values;
  };
  class Parser;

  static bool holds(const Requirement& requirement, const Labels& labels);
  std::vector<Requirement> requirements_;
};

}  // namespace slipway::domain
