#include "system/oci/manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/oci/names.h"

namespace slipway::oci {
namespace {

using ::testing::HasSubstr;

const Digest kDigest = base::sha256("x");

std::string descriptor(std::string_view type, std::string_view more = "") {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":1{}}})", type, kDigest.str(), more);
}
std::string manifest_with(std::string_view members) {
  return fmt::format(R"({{"schemaVersion":2,"config":{}{}}})", descriptor("a/config"), members);
}
std::string model_with(const std::vector<std::string>& paths, std::string_view type) {
  std::string layers;
  for (const std::string& path : paths)
    layers += (layers.empty() ? "" : ",") +
              descriptor(type, fmt::format(R"(,"annotations":{{"org.cncf.model.filepath":"{}"}})", path));
  return manifest_with(fmt::format(R"(,"artifactType":"{}","layers":[{}])", kModelType, layers));
}
constexpr std::string_view kRaw = "application/vnd.cncf.model.weight.v1.raw";

TEST(Manifest, OfAModelHoldsTheSameBytesForTheSameFiles) {
  const ModelFile weights{
      .path = "model.ubj", .size = 3, .digest = base::sha256("abc"), .role = Role::kWeights};
  const ModelFile readme{.path = "docs/README.md", .size = 1, .digest = kDigest, .role = Role::kDocument};
  const ModelManifest made = make_model_manifest({weights, readme}, "xgboost");
  EXPECT_EQ(made.manifest, make_model_manifest({readme, weights}, "xgboost").manifest);
  // Its digest is the version's name everywhere: this text may never change for these files.
  EXPECT_EQ(base::sha256(made.manifest).str(),
            "sha256:31f6c0a288bae9d18f1c93b2b78386c5852c978f4018cce37f2bc1582d7bd223")
      << made.manifest;
  EXPECT_THAT(*parse_model_manifest(made.manifest), ::testing::ElementsAre(readme, weights));
  const auto any = parse_manifest(made.manifest, kManifestType);
  EXPECT_EQ(any->artifact_type, kModelType);
  EXPECT_EQ(any->blobs.front().media_type, kModelConfigType);
  EXPECT_EQ(any->blobs.front().digest, base::sha256(made.config));
}

TEST(Manifest, SaysWhatItIsForOrItsConfigDoes) {
  EXPECT_EQ(parse_manifest(manifest_with(""), "")->artifact_type, "a/config");
  EXPECT_EQ(parse_manifest(manifest_with(R"(,"artifactType":"a/b")"), "")->artifact_type, "a/b");
  EXPECT_EQ(parse_manifest(manifest_with(""), "")->media_type, kManifestType);
  EXPECT_EQ(parse_manifest(manifest_with(""), "a/sent; charset=utf-8")->media_type, "a/sent");
  EXPECT_EQ(parse_manifest(R"({"schemaVersion":2,"manifests":[]})", "")->media_type, kIndexType);
}

TEST(Manifest, IsRefusedWhenTwoReadersWouldReadItDifferently) {
  for (const std::string& text : {
           std::string(R"({"schemaVersion":2})"),
           manifest_with(R"(,"manifests":[])"),
           std::string(R"({"schemaVersion":2,"manifests":[],"layers":[]})"),
       })
    EXPECT_THAT(parse_manifest(text, "").error().message, HasSubstr("or it is an index")) << text;
  EXPECT_THAT(parse_manifest(manifest_with(R"(,"mediaType":"a/b")"), "a/c").error().message,
              HasSubstr("says that it is a/b, and was sent as a/c"));
}

TEST(Manifest, IsRefusedWhenItIsNone) {
  for (const std::string& text : {
           std::string(),
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"schemaVersion":1})"),
           std::string(R"({"schemaVersion":2,"config":{}})"),
           manifest_with(R"(,"layers":{})"),
           manifest_with(R"(,"layers":[7])"),
           manifest_with(R"(,"subject":"x")"),
           manifest_with(R"(,"annotations":{"a":1})"),
           manifest_with(R"(,"annotations":[])"),
           manifest_with(R"(,"mediaType":"a/b\r\nset-cookie: x")"),
           manifest_with(R"(,"artifactType":"no type")"),
           manifest_with(",\"layers\":[" + descriptor("") + "]"),
           manifest_with(",\"layers\":[" + descriptor("a/b\\nc") + "]"),
           manifest_with(R"(,"layers":[{"mediaType":"a/b","digest":"sha256:zz","size":1}])"),
           manifest_with(
               fmt::format(R"(,"layers":[{{"mediaType":"a/b","digest":"{}","size":-1}}])", kDigest.str())),
           manifest_with(
               fmt::format(R"(,"layers":[{{"mediaType":"a/b","digest":"{}","size":1.5}}])", kDigest.str())),
           manifest_with(
               fmt::format(R"(,"layers":[{{"mediaType":"a/b","digest":"{}","size":1e30}}])", kDigest.str())),
           manifest_with(fmt::format(R"(,"layers":[{{"mediaType":"a/b","digest":"{}"}}])", kDigest.str())),
           std::string(100'000, '['),
           manifest_with(R"(,"x":)" + std::string(100, '[') + std::string(100, ']')),
       })
    EXPECT_FALSE(parse_manifest(text, "")) << text.substr(0, 200);
  EXPECT_FALSE(parse_manifest(manifest_with(""), "not a type"));
  EXPECT_EQ(parse_manifest(std::string(kManifestBytes + 1, ' '), "").error().code, Code::kTooLarge);
}

TEST(Manifest, OfAModelIsRefusedWithPathsThatLeadElsewhere) {
  for (const char* path : {"/etc/passwd", "../x", "a/../../x", "a/..", "./a", "a//b", "a/", "", "a\\\\b",
                           "a\\u0000b", "a\\nb", "a\\u007fb", ".", "..", "manifest.json"})
    EXPECT_FALSE(parse_model_manifest(model_with({path}, kRaw))) << path;
  EXPECT_FALSE(parse_model_manifest(model_with({std::string(600, 'a')}, kRaw)));
  EXPECT_FALSE(parse_model_manifest(model_with({std::string(256, 'a')}, kRaw)));
  std::string deep = "a";
  for (int i = 0; i < 16; ++i) deep += "/a";
  EXPECT_FALSE(parse_model_manifest(model_with({deep}, kRaw)));
  EXPECT_TRUE(parse_model_manifest(model_with({"..a/b..c/...", "ä/模型.onnx"}, kRaw)));
}

TEST(Manifest, OfAModelIsRefusedWhenAPathStandsTwiceOrBelowAnother) {
  EXPECT_THAT(parse_model_manifest(model_with({"a/b", "A/B"}, kRaw)).error().message,
              HasSubstr("stands twice"));
  EXPECT_THAT(parse_model_manifest(model_with({"a/b/c", "a"}, kRaw)).error().message,
              HasSubstr("a file and a folder"));
  EXPECT_TRUE(parse_model_manifest(model_with({"a/b", "a/c", "ab"}, kRaw)));
}

TEST(Manifest, OfAModelHoldsPlainFilesOnly) {
  for (const char* type :
       {"application/vnd.cncf.model.weight.v1.tar", "application/vnd.cncf.model.weight.v1.tar+gzip"}) {
    const auto refused = parse_model_manifest(model_with({"a"}, type));
    EXPECT_EQ(refused.error().code, Code::kUnsupported);
    EXPECT_THAT(refused.error().message, HasSubstr("is an archive"));
  }
  EXPECT_EQ(parse_model_manifest(model_with({"a"}, "text/plain")).error().code, Code::kUnsupported);
  EXPECT_THAT(parse_model_manifest(manifest_with("")).error().message, HasSubstr("no model's manifest"));
  EXPECT_THAT(parse_model_manifest(model_with({}, kRaw)).error().message, HasSubstr("names no files"));
}

TEST(Names, AreThoseOfTheSpecificationAndNothingElse) {
  for (const char* good : {"a", "credit", "team/credit", "a.b_c__d-e---f/0", "a/b/c/d"})
    EXPECT_TRUE(check_repository(good)) << good;
  for (const char* bad : {"",   "/",  "a/",     "/a",    "a//b", "A", "a b", "a..b", "a___b", "-a", "a-",
                          ".a", "..", "a/../b", "a%2fb", "a\\b", "ä", "a\n", "a:b",  "a@b",   "_a"})
    EXPECT_FALSE(check_repository(bad)) << bad;
  EXPECT_FALSE(check_repository(std::string(256, 'a')));
  EXPECT_FALSE(check_repository(std::string_view("a\0b", 3)));
  for (const char* good : {"latest", "1", "v1.2-rc_3", "_x", "A"}) EXPECT_TRUE(check_tag(good)) << good;
  for (const char* bad : {"", ".", "..", "-a", ".a", "a/b", "a:b", "a b", "a\n", "ä"})
    EXPECT_FALSE(check_tag(bad)) << bad;
  EXPECT_FALSE(check_tag(std::string(129, 'a')));
}

TEST(Names, AReferenceIsADigestOrATag) {
  EXPECT_EQ(Reference::parse("v1")->tag, "v1");
  EXPECT_EQ(Reference::parse(kDigest.str())->digest, kDigest);
  EXPECT_FALSE(Reference::parse("sha512:" + std::string(128, 'a')));
  EXPECT_FALSE(Reference::parse("sha256:" + std::string(64, 'A')));
}

}  // namespace
}  // namespace slipway::oci
