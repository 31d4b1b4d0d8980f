// A resource as the store holds it: which one it is, what the system knows of it, and its content.
//
// `content` is the canonical JSON of the members besides apiVersion, kind, metadata and status: {"spec":{…}}
// for our own kinds, the flat members for Events and EndpointSlices. `status` is canonical JSON, or empty.
// What the content means is for others to say: here it is text. Plain values.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "values/base/result.h"
#include "values/json/document.h"

namespace slipway::domain {

enum class Kind : uint8_t { kModelVersion, kModelDeployment, kEvent, kEndpointSlice };
inline constexpr size_t kKinds = 4;

// Where a kind stands in the API. api/ holds its definition; a test holds this table against it.
struct KindInfo {
  Kind kind;
  std::string_view name;     // "ModelDeployment"
  std::string_view plural;   // "modeldeployments"
  std::string_view group;    // "slipway.dev"; empty: core
  std::string_view version;  // "v1alpha1"
  bool in_memory;            // lost with the process: what can be observed or happened anew
};

std::span<const KindInfo> kinds();
const KindInfo& info(Kind kind);
std::string api_version(Kind kind);  // "slipway.dev/v1alpha1", "v1"

struct ObjectKey {
  Kind kind = Kind::kModelVersion;
  std::string space;  // the namespace
  std::string name;

  auto operator<=>(const ObjectKey&) const = default;
  std::string str() const;  // modeldeployments/credit, as errors name it
};

using Labels = std::map<std::string, std::string>;

struct ObjectMeta {
  std::string uid;
  uint64_t resource_version = 0;  // of its last change; 0: not stored yet
  int64_t generation = 0;         // of its content
  std::string created;            // RFC 3339, whole seconds
  std::string generate_name;      // the prefix that its name was made from
  Labels labels, annotations;
  std::string owners;  // ownerReferences as canonical JSON, or empty

  bool operator==(const ObjectMeta&) const = default;
};

struct Object {
  ObjectKey key;
  ObjectMeta meta;
  std::string content = "{}";
  std::string status;

  bool operator==(const Object&) const = default;
};
using ObjectPtr = std::shared_ptr<const Object>;

// The whole object as the API shows it.
std::string to_json(const Object& object);
void append_json(const Object& object, std::string& out);
// The metadata alone, with braces.
void append_meta_json(const Object& object, std::string& out);

// kInvalid when metadata has members of a wrong type. What metadata has besides is ignored.
Result<Object> to_object(Kind kind, const json::Document& document);
Result<ObjectMeta> parse_meta(const json::Document& metadata);

// Who asks, and why: what the audit of a change shows.
struct Actor {
  std::string name;  // "admin", "control/endpoints"
  bool operator==(const Actor&) const = default;
};

struct Cause {
  Actor actor;
  std::string reason;  // "kubectl-client-side-apply", "RolloutStep"; a field manager or a condition's reason
  std::string request_id;  // may be empty
};

}  // namespace slipway::domain
