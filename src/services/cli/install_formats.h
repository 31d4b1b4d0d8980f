// The installed objects as files: plain YAML, a kustomize base, a helm chart. Pure.
#pragma once

#include <string>
#include <vector>

#include "services/cli/install_objects.h"

namespace slipway::cli {

struct RenderedFile {
  std::string path;  // below the folder that is asked for
  std::string text;

  bool operator==(const RenderedFile&) const = default;
};

// One stream of documents, each behind "---".
Result<std::string> to_stream(const std::vector<json::Document>& objects);

// slipway.yaml; kustomization.yaml beside a file for each component; a chart, whose default values are the
// options' (what they choose between is chosen in its values.yaml).
Result<std::vector<RenderedFile>> render_yaml(const InstallOptions& options);
Result<std::vector<RenderedFile>> render_kustomize(const InstallOptions& options);
Result<std::vector<RenderedFile>> render_helm(const InstallOptions& options);

}  // namespace slipway::cli
