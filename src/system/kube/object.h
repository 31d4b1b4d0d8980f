// Objects as JSON text, with the few fields that every reader needs taken out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "values/base/result.h"

namespace slipway::kube {

struct Object {
  std::string json;
  std::string name, ns, uid, resource_version;

  bool operator==(const Object&) const = default;
};

struct ObjectList {
  std::vector<Object> items;
  std::string resource_version;  // where a watch goes on
  std::string next;              // the `continue` of the next page; empty at the last
  int64_t remaining = 0;         // objects behind this page, where the server says so

  bool operator==(const ObjectList&) const = default;
};

// Whether the version came before the other. They are ordered within a resource; what is no number is older
// than nothing, and nothing is older than it.
bool is_older(std::string_view version, std::string_view other);

// metadata.managedFields is often most of an object, and seldom of interest.
enum class ManagedFields : uint8_t { kDropped, kKept };

// kInvalid when it is no JSON object, or a field that is taken out is no text. Fields that are absent are
// empty.
Result<Object> read_object(std::string_view json, ManagedFields fields = ManagedFields::kDropped);
Result<ObjectList> read_object_list(std::string_view json, ManagedFields fields = ManagedFields::kDropped);

}  // namespace slipway::kube
