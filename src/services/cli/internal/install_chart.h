// The parts of the helm chart that are no objects: what people may set, and how the objects ask for it.
#pragma once

#include <string>
#include <string_view>

#include "services/cli/install_objects.h"

namespace slipway::cli::internal {

std::string chart_yaml(const InstallOptions& options);
std::string chart_values(const InstallOptions& options);  // values.yaml
extern const std::string_view kChartSchema;               // values.schema.json
extern const std::string_view kChartHelpers;              // templates/_helpers.tpl
extern const std::string_view kChartNotes;                // templates/NOTES.txt

}  // namespace slipway::cli::internal
