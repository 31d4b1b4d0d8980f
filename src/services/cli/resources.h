// How people name resources on a command line, and how resources are shown to them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/cli/command.h"
#include "services/cli/table.h"
#include "system/kube/object.h"
#include "system/kube/resource.h"
#include "values/base/time.h"
#include "values/domain/object.h"
#include "values/schema/definition.h"

namespace slipway::cli {

// "mv", "modelversion", "modelversions", in any case. kInvalid with what was meant, or what there is.
Result<domain::Kind> parse_kind(std::string_view word);
kube::Resource resource_of(domain::Kind kind);

struct Named {
  domain::Kind kind;
  std::vector<std::string> names;  // empty: all
};
// "mv", "mv credit-3 credit-4", "mv/credit-3".
Result<Named> parse_named(const std::vector<std::string>& words);

enum class Shown : uint8_t { kTable, kWide, kJson, kYaml, kName };
Option output_option();  // -o
Shown parse_shown(const Arguments& arguments);

// Objects as JSON documents, in the asked form. A table's head is shown unless `continued`.
std::string show_table(domain::Kind kind, const std::vector<json::Document>& objects, Shown shown,
                       WallTime now);
Result<std::string> show_object(domain::Kind kind, const json::Document& object, Shown shown, WallTime now);
Result<std::string> show_list(domain::Kind kind, const std::vector<json::Document>& objects, Shown shown,
                              WallTime now);

// Control characters and direction marks made visible: what others wrote must not steer a terminal.
std::string safe(std::string_view text);

}  // namespace slipway::cli
