// Which objects a list or a watch shows. Immutable; any thread.
#pragma once

#include "services/api/internal/query.h"

namespace slipway::api {

class Filter {
 public:
  // 400 for a field that cannot be selected by.
  static tl::expected<Filter, Failure> make(domain::Kind kind, domain::Selector labels,
                                            std::vector<FieldTerm> fields);

  bool matches(const domain::Object& object) const;
  bool everything() const { return labels_.everything() && fields_.empty(); }

 private:
  domain::Selector labels_;
  std::vector<FieldTerm> fields_;
};

}  // namespace slipway::api
