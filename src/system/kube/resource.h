// Which objects are meant, and the paths under which an API server has them.
#pragma once

#include <string>
#include <string_view>

#include "values/base/result.h"

namespace slipway::kube {

enum class Scope { kNamespaced, kCluster };
enum class Subresource { kNone, kStatus, kScale };

// A kind's place in the API: {"apps", "v1", "deployments"}; the group is empty for core/v1.
struct Resource {
  std::string group, version, plural;
  Scope scope = Scope::kNamespaced;

  bool operator==(const Resource&) const = default;
  std::string str() const;  // deployments.apps, as messages have it
};

// One object. `ns` is empty where the scope is the cluster.
struct ObjectRef {
  Resource resource;
  std::string ns, name;

  std::string str() const;  // deployments.apps 'web' in 'default'
};

// kInvalid when a name or namespace is empty or could be read as a path.
Result<std::string> object_path(const ObjectRef& ref, Subresource subresource = Subresource::kNone);
// All objects of a namespace, or of all namespaces when `ns` is empty.
Result<std::string> collection_path(const Resource& resource, std::string_view ns);

// What follows the '?': values are escaped, empty ones are left out.
class Query {
 public:
  Query& add(std::string_view name, std::string_view value);
  // "" or "?a=b&c=d"
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

}  // namespace slipway::kube
