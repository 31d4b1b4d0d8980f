// A CustomResourceDefinition, read: how a kind is called, what it looks like, how a table shows it.
#pragma once

#include <string>
#include <vector>

#include "values/schema/schema.h"

namespace slipway::schema {

struct Column {
  std::string name, type, format, description;
  std::string path;  // ".status.conditions[?(@.type==\"Ready\")].status"
  int priority = 0;  // above 0: only in wide tables
};

struct Definition {
  std::string group, version;  // group empty: core
  std::string kind, list_kind, plural, singular;
  std::vector<std::string> short_names, categories;
  bool has_status = false, has_scale = false;
  std::vector<Column> columns;
  std::shared_ptr<const json::Document> structural;  // the openAPIV3Schema as it stands in the file
  Schema schema;

  std::string api_version() const { return group.empty() ? version : group + "/" + version; }
  // "modeldeployments.slipway.dev", as errors name the resource.
  std::string resource() const { return group.empty() ? plural : plural + "." + group; }
  std::string qualified_kind() const { return group.empty() ? kind : kind + "." + group; }
};

// From the JSON of the definition's file. Its first version is taken.
Result<Definition> parse_definition(const json::Document& crd, const RuleBook& twins);

// What a column's path leads to in an object; null when it leads nowhere. The paths are those that printer
// columns use: .a.b, [0], [?(@.name=="text")].
const json::Document& at_path(const json::Document& object, std::string_view path);

}  // namespace slipway::schema
