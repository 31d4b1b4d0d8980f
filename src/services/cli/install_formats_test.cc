#include "services/cli/install_formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "system/kube/yaml.h"

namespace slipway::cli {
namespace {

using ::testing::HasSubstr;

InstallOptions options() { return {.image = "registry.example.com/slipway:9", .version = "9"}; }

std::string text_of(const std::vector<RenderedFile>& files, const std::string& path) {
  for (const RenderedFile& file : files)
    if (file.path == path) return file.text;
  ADD_FAILURE() << "there is no " << path;
  return "";
}

TEST(InstallFormats, ReadBackAsTheObjectsThatTheyWereMadeFrom) {
  const auto files = render_yaml(options());
  ASSERT_TRUE(files);
  const auto documents = kube::yaml_to_json(text_of(*files, "slipway.yaml"), "slipway.yaml");
  ASSERT_TRUE(documents) << documents.error().message;
  const auto objects = install_objects(options());
  ASSERT_EQ(documents->size(), objects.size());
  for (size_t i = 0; i < objects.size(); ++i)
    EXPECT_EQ(*json::parse_document((*documents)[i].json), objects[i]);
}

TEST(InstallFormats, OfKustomizeNameEveryFileAndTellControlItsImage) {
  const auto files = render_kustomize(options());
  ASSERT_TRUE(files);
  const std::string main = text_of(*files, "kustomization.yaml");
  for (const RenderedFile& file : *files)
    if (file.path != "kustomization.yaml") {
      EXPECT_THAT(main, HasSubstr("- " + file.path + "\n"));
    }
  // The field that the replacement names is the image.
  for (const json::Document& each : install_objects(options()))
    if (each["kind"] == "Deployment" && each["metadata"]["name"] == "slipway-control") {
      EXPECT_EQ(each["spec"]["template"]["spec"]["containers"][0]["args"][2],
                "--image=registry.example.com/slipway:9");
    }
  EXPECT_THAT(main, HasSubstr("args.2"));
  InstallOptions gateway = options();
  gateway.part = Part::kGateway;
  EXPECT_THAT(text_of(*render_kustomize(gateway), "kustomization.yaml"),
              ::testing::Not(HasSubstr("replacements")));
}

TEST(InstallFormats, OfHelmKeepDefinitionsWhereHelmNeverDeletesThem) {
  const auto files = render_helm(options());
  ASSERT_TRUE(files);
  for (const RenderedFile& file : *files) {
    const bool defines = file.text.find("kind: CustomResourceDefinition") != std::string::npos;
    EXPECT_EQ(defines, file.path.starts_with("crds/")) << file.path;
  }
}

TEST(InstallFormats, OfHelmAskForEveryValueAndLeaveNoMark) {
  const auto files = render_helm(options());
  ASSERT_TRUE(files);
  std::string templates;
  for (const RenderedFile& file : *files)
    if (file.path.starts_with("templates/")) templates += file.text;
  for (const char* mark : {"mark-", "mark://"}) EXPECT_THAT(templates, ::testing::Not(HasSubstr(mark)));
  for (const char* value :
       {"image", "expose", "replicas", "allNamespaces", "only", "registry.enabled", "registry.size",
        "registry.storageClass", "pullSecrets", "cacheClaim", "networkPolicies"})
    EXPECT_THAT(templates, HasSubstr(std::string(".Values.") + value));
}

TEST(InstallFormats, OfHelmHaveTheOptionsAsTheirDefaults) {
  InstallOptions of = options();
  of.expose = *parse_expose("httproute:infra/public/https://ml.example.com");
  of.registry = {.size = "50Gi", .storage_class = "fast"};
  of.pull_secrets = {"one", "two"};
  of.replicas = 5;
  const auto values = kube::yaml_to_json(text_of(*render_helm(of), "values.yaml"), "values.yaml");
  ASSERT_TRUE(values) << values.error().message;
  const json::Document said = *json::parse_document(values->front().json);
  EXPECT_EQ(said["expose"], "httproute:infra/public/https://ml.example.com");
  EXPECT_EQ(said["registry"],
            (json::Document{{"enabled", true}, {"size", "50Gi"}, {"storageClass", "fast"}}));
  EXPECT_EQ(said["pullSecrets"], (json::Document{"one", "two"}));
  EXPECT_EQ(said["replicas"], 5);
}

}  // namespace
}  // namespace slipway::cli
