#include "services/cli/install_formats.h"

#include <map>

#include <nlohmann/json.hpp>

#include "system/kube/yaml.h"

namespace slipway::cli {
namespace {

using json::Document;

// Definitions, then what stands before both components, then each component with all that is its own.
std::string file_of(const Document& object) {
  const Document& metadata = json::member(object, "metadata");
  if (json::text_of(object, "kind") == "CustomResourceDefinition") return "definitions.yaml";
  const std::string component =
      json::text_of(json::member(metadata, "labels"), "app.kubernetes.io/component");
  return component.empty() ? "cluster.yaml" : component + ".yaml";
}

// What serves models runs control's own image: where `images` names another one, control must be told.
constexpr std::string_view kReplacements =
    R"yaml(# Where `images` names another image, control is told: what serves models runs it too.
replacements:
- source:
    kind: Deployment
    name: slipway-control
    fieldPath: spec.template.spec.containers.[name=control].image
  targets:
  - select:
      kind: Deployment
      name: slipway-control
    fieldPaths:
    - spec.template.spec.containers.[name=control].args.2
    options:
      delimiter: "="
      index: 1
)yaml";

std::string kustomization(const std::vector<std::string>& files, const InstallOptions& options) {
  std::string out =
      "# Made by `slipway install --format kustomize`. What is yours goes into an overlay that names this "
      "folder.\n"
      "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: " +
      options.ns + "\nresources:\n";
  for (const std::string& file : files) out += "- " + file + "\n";
  const bool has_control = options.part == Part::kAll || options.part == Part::kControl;
  return has_control ? out + std::string(kReplacements) : out;
}

}  // namespace

Result<std::string> to_stream(const std::vector<Document>& objects) {
  std::string out;
  for (const Document& object : objects) {
    const auto text = kube::json_to_yaml(json::canonical(object));
    if (!text) return fail(text.error());
    out += "---\n" + *text;
  }
  return out;
}

Result<std::vector<RenderedFile>> render_yaml(const InstallOptions& options) {
  auto text = to_stream(install_objects(options));
  if (!text) return fail(text.error());
  return std::vector<RenderedFile>{{"slipway.yaml", "# Made by `slipway install`.\n" + *text}};
}

Result<std::vector<RenderedFile>> render_kustomize(const InstallOptions& options) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<Document>> files;
  for (Document& object : install_objects(options)) {
    const std::string file = file_of(object);
    if (!files.contains(file)) order.push_back(file);
    files[file].push_back(std::move(object));
  }
  std::vector<RenderedFile> out{{"kustomization.yaml", kustomization(order, options)}};
  for (const std::string& file : order) {
    auto text = to_stream(files[file]);
    if (!text) return fail(text.error());
    out.push_back({file, std::move(*text)});
  }
  return out;
}

}  // namespace slipway::cli
