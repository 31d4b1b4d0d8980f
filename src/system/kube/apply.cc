#include "system/kube/apply.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace slipway::kube {
namespace {

using json::Document;

// By the first that an item has, in this order. Source: x-kubernetes-list-map-keys of the built-in kinds.
constexpr std::array<std::string_view, 6> kKeys{"uid",         "mountPath",     "name",
                                                "topologyKey", "containerPort", "type"};

std::string_view key_of(const Document& item) {
  const auto at = std::find_if(kKeys.begin(), kKeys.end(),
                               [&](std::string_view key) { return item.is_object() && item.contains(key); });
  return at == kKeys.end() ? "" : *at;
}

bool list_covers(const Document& live, const Document& intent) {
  const bool keyed = !intent.empty() && !key_of(intent[0]).empty();
  if (!keyed)
    return live.size() == intent.size() &&
           std::equal(live.begin(), live.end(), intent.begin(),
                      [](const Document& a, const Document& b) { return covers(a, b); });
  return std::all_of(intent.begin(), intent.end(), [&](const Document& wanted) {
    const std::string key(key_of(wanted));
    return std::any_of(live.begin(), live.end(), [&](const Document& item) {
      return item.is_object() && item.contains(key) && item.at(key) == wanted.at(key) && covers(item, wanted);
    });
  });
}

}  // namespace

bool covers(const Document& live, const Document& intent) {
  if (intent.is_array()) return live.is_array() && list_covers(live, intent);
  if (!intent.is_object()) return live == intent;
  if (!live.is_object()) return false;
  return std::all_of(intent.items().begin(), intent.items().end(), [&](const auto& member) {
    const auto at = live.find(member.key());
    // An empty mapping is not kept by the server.
    if (at == live.end()) return member.value().is_object() && member.value().empty();
    return covers(*at, member.value());
  });
}

}  // namespace slipway::kube
