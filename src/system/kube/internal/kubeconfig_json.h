// Kubeconfig files as JSON: looking up what is there and of the right kind.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "values/base/result.h"

namespace slipway::kube::internal {

// A list of a kubeconfig, and what each of its entries holds beside its name.
struct Section {
  std::string_view list, entry;
};
inline constexpr Section kClusters{"clusters", "cluster"}, kUsers{"users", "user"},
    kContexts{"contexts", "context"};

// The file as one JSON object; {} when it holds nothing. kInvalid names the source.
Result<nlohmann::json> parse_kubeconfig(std::string_view text, std::string_view source);

// The text at that key; empty when there is none. kInvalid when it is something else; `where` is how errors
// name it.
Result<std::string> text_at(const nlohmann::json& object, std::string_view key, std::string_view where);

// The entry's content, or null when there is none of that name. kInvalid when the list is none.
Result<const nlohmann::json*> find_entry(const nlohmann::json& file, const Section& section,
                                         std::string_view name);

}  // namespace slipway::kube::internal
