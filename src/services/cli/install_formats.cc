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

// A digest is a field of its own in kustomize.
std::string kustomization(const std::vector<std::string>& files, const std::string& ns) {
  std::string out =
      "# Made by `slipway install --format kustomize`. Put what is yours into an overlay that names this "
      "folder.\n"
      "apiVersion: kustomize.config.k8s.io/v1beta1\n"
      "kind: Kustomization\n"
      "namespace: " +
      ns + "\nresources:\n";
  for (const std::string& file : files) out += "- " + file + "\n";
  return out +
         "# What serves models runs control's own image: where `images` of this file names another one, "
         "control is "
         "told.\n"
         "replacements:\n"
         "- source: {kind: Deployment, name: slipway-control, fieldPath: "
         "\"spec.template.spec.containers.[name=control].image\"}\n"
         "  targets:\n"
         "  - select: {kind: Deployment, name: slipway-control}\n"
         "    fieldPaths: [spec.template.spec.containers.[name=control].args.2]\n"
         "    options: {delimiter: =, index: 1}\n";
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
  std::vector<RenderedFile> out{{"kustomization.yaml", kustomization(order, options.ns)}};
  for (const std::string& file : order) {
    auto text = to_stream(files[file]);
    if (!text) return fail(text.error());
    out.push_back({file, std::move(*text)});
  }
  return out;
}

}  // namespace slipway::cli
