#include "services/registry/testing/registry_test.h"

#include <gmock/gmock.h>

#include <random>

#include "services/registry/internal/answers.h"

namespace slipway::registry {
namespace {

using base::Method;
using ::testing::HasSubstr;
using What = Asked::What;

class RegistryManifests : public testing::RegistryTest {};

TEST(RegistryPaths, AreReadFromTheirEndBecauseARepositoryMayBeCalledAnything) {
  const auto at = [](std::string_view path) {
    const auto asked = Registry::parse(path);
    EXPECT_TRUE(asked) << path;
    return asked ? std::tuple(asked->what, asked->repository, asked->reference)
                 : std::tuple<What, std::string, std::string>();
  };
  EXPECT_EQ(at("/v2/"), std::tuple(What::kBase, "", ""));
  EXPECT_EQ(at("/v2"), std::tuple(What::kBase, "", ""));
  EXPECT_EQ(at("/v2/a/b/c/manifests/latest"), std::tuple(What::kManifest, "a/b/c", "latest"));
  EXPECT_EQ(at("/v2/blobs/uploads/manifests/1"), std::tuple(What::kManifest, "blobs/uploads", "1"));
  EXPECT_EQ(at("/v2/a/manifests/manifests/1"), std::tuple(What::kManifest, "a/manifests", "1"));
  EXPECT_EQ(at("/v2/a/blobs/uploads"), std::tuple(What::kUploads, "a", ""));
  EXPECT_EQ(at("/v2/a/blobs/uploads/"), std::tuple(What::kUploads, "a", ""));
  EXPECT_EQ(at("/v2/a/blobs/uploads/1f"), std::tuple(What::kUpload, "a", "1f"));
  EXPECT_EQ(at("/v2/a/blobs/sha256:x"), std::tuple(What::kBlob, "a", "sha256:x"));
  EXPECT_EQ(at("/v2/a/tags/list"), std::tuple(What::kTags, "a", ""));
  EXPECT_EQ(at("/v2/a/referrers/x"), std::tuple(What::kReferrers, "a", "x"));
}

TEST(RegistryPaths, ThatAreNoneAreRefused) {
  for (const char* path :
       {"", "/", "/v", "/v2x", "/v2//", "/v2/a", "/v2/a/b", "/v2/manifests/x", "/v2/a/manifests/",
        "/v2/a/blobs/", "/v2/a/uploads/x", "/v2/tags/list", "/v2/a/tags/lists", "/v2/a/referrers/"})
    EXPECT_EQ(Registry::parse(path).error().code, Code::kNotFound) << path;
  for (const char* path :
       {"/v2/A/manifests/x", "/v2/../manifests/x", "/v2/a/../b/manifests/x", "/v2/a%2fb/manifests/x",
        "/v2/a//manifests/x", "/v2//manifests/x", "/v2/a;x/tags/list", "/v2/.a/blobs/uploads/"})
    EXPECT_EQ(Registry::parse(path).error().code, Code::kInvalid) << path;
}

TEST(RegistryRanges, LieWithinTheBlobOrAreNone) {
  const auto range = [](std::string_view text, uint64_t size) {
    const auto parsed = parse_range(text, size);
    if (!parsed) return std::string("416");
    return *parsed ? fmt::format("{}-{}", (*parsed)->first, (*parsed)->last) : "whole";
  };
  EXPECT_EQ(range("bytes=0-0", 10), "0-0");
  EXPECT_EQ(range("bytes=2-", 10), "2-9");
  EXPECT_EQ(range("bytes=2-100", 10), "2-9");
  EXPECT_EQ(range("bytes=-3", 10), "7-9");
  EXPECT_EQ(range("bytes=-30", 10), "0-9");
  EXPECT_EQ(range("bytes=10-", 10), "416");
  EXPECT_EQ(range("bytes=-0", 10), "416");
  EXPECT_EQ(range("bytes=0-", 0), "416");
  for (const char* none :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=0-1,3-4", "items=0-1",
        "bytes=+1-2", "bytes=0x1-2", "bytes= 1-2", "bytes=18446744073709551616-"})
    EXPECT_EQ(range(none, 10), "whole") << none;
}

TEST_F(RegistryManifests, ComeBackByTagAndByDigestAsTheyWere) {
  start();
  EXPECT_EQ(get("/v2/").status, 200);
  const std::string text = upload_model("weights");
  const std::string digest = base::sha256(text).str();
  const auto put = put_manifest("1", text);
  EXPECT_EQ(put.status, 201);
  EXPECT_EQ(put.find("docker-content-digest"), digest);
  EXPECT_EQ(put.find("location"), "/v2/credit/manifests/" + digest);
  for (const std::string& reference : {std::string("1"), digest}) {
    const auto got = get("/v2/credit/manifests/" + reference);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, text);
    EXPECT_EQ(got.find("docker-content-digest"), digest);
    EXPECT_EQ(got.find("content-type"), oci::kManifestType);
    const auto head = ask(Method::kHead, "/v2/credit/manifests/" + reference);
    EXPECT_EQ(head.find("content-length"), std::to_string(text.size()));
    EXPECT_EQ(head.body, "");
  }
}

TEST_F(RegistryManifests, WithoutTheirFilesOrWithALieAreRefused) {
  start();
  const std::string text = manifest_of("weights").manifest;
  const auto without = put_manifest("1", text);
  EXPECT_EQ(without.status, 404);
  EXPECT_EQ(code_of(without), "MANIFEST_BLOB_UNKNOWN");
  upload_model("weights");
  EXPECT_EQ(code_of(put_manifest(base::sha256("other").str(), text)), "MANIFEST_INVALID");
  EXPECT_EQ(code_of(put_manifest("1", "{}")), "MANIFEST_INVALID");
  EXPECT_EQ(code_of(put_manifest("not%20a%20tag", text)), "MANIFEST_INVALID");
  EXPECT_EQ(put_manifest("1", std::string(oci::kManifestBytes + 1, ' ')).status, 413);
  EXPECT_EQ(code_of(put_manifest("1", text, "Not/A/Name")), "NAME_INVALID");
  EXPECT_EQ(code_of(get("/v2/credit/manifests/1")), "NAME_UNKNOWN");
  EXPECT_EQ(put_manifest("1", text).status, 201);
  EXPECT_EQ(code_of(get("/v2/credit/manifests/2")), "MANIFEST_UNKNOWN");
}

TEST_F(RegistryManifests, AreDeletedByTagOrByDigest) {
  start();
  const std::string text = upload_model("weights"), digest = base::sha256(text).str();
  put_manifest("1", text);
  put_manifest("2", text);
  EXPECT_EQ(ask(Method::kDelete, "/v2/credit/manifests/1").status, 202);
  EXPECT_EQ(get("/v2/credit/manifests/1").status, 404);
  EXPECT_EQ(get("/v2/credit/manifests/2").status, 200);
  EXPECT_EQ(ask(Method::kDelete, "/v2/credit/manifests/" + digest).status, 202);
  EXPECT_EQ(get("/v2/credit/manifests/2").status, 404);
  EXPECT_EQ(ask(Method::kDelete, "/v2/credit/manifests/" + digest).status, 404);
}

TEST_F(RegistryManifests, TagsAreListedInPages) {
  start();
  EXPECT_EQ(code_of(get("/v2/credit/tags/list")), "NAME_UNKNOWN");
  const std::string text = upload_model("weights");
  for (const char* tag : {"c", "a", "b", "d"}) put_manifest(tag, text);
  EXPECT_EQ(get("/v2/credit/tags/list").body, R"({"name":"credit","tags":["a","b","c","d"]})");
  const auto page = get("/v2/credit/tags/list?n=2");
  EXPECT_EQ(page.body, R"({"name":"credit","tags":["a","b"]})");
  EXPECT_EQ(page.find("link"), "</v2/credit/tags/list?n=2&last=b>; rel=\"next\"");
  const auto rest = get("/v2/credit/tags/list?n=2&last=b");
  EXPECT_EQ(rest.body, R"({"name":"credit","tags":["c","d"]})");
  EXPECT_EQ(rest.find("link"), "");
  EXPECT_EQ(get("/v2/credit/tags/list?n=0").body, R"({"name":"credit","tags":[]})");
  EXPECT_EQ(get("/v2/credit/tags/list?n=-1").status, 400);
  EXPECT_EQ(get("/v2/credit/tags/list?n=999999999999999999999").status, 400);
}

TEST_F(RegistryManifests, ReferrersAreThoseThatNameTheSubject) {
  start();
  const std::string text = upload_model("weights"), digest = base::sha256(text).str();
  put_manifest("1", text);
  const std::string signature = fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","artifactType":"a/signature","config":{{"mediaType":"a/b","digest":"{}","size":7}},)"
      R"("layers":[],"subject":{{"mediaType":"{}","digest":"{}","size":1}},"annotations":{{"by":"me"}}}})",
      oci::kManifestType, base::sha256("weights").str(), oci::kManifestType, digest);
  const auto put = put_manifest(base::sha256(signature).str(), signature);
  EXPECT_EQ(put.find("oci-subject"), digest);
  const auto all = get("/v2/credit/referrers/" + digest);
  EXPECT_EQ(all.find("content-type"), oci::kIndexType);
  const auto listed = nlohmann::json::parse(all.body)["manifests"];
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0]["artifactType"], "a/signature");
  EXPECT_EQ(listed[0]["annotations"]["by"], "me");
  const auto none = get("/v2/credit/referrers/" + digest + "?artifactType=a%2Fother");
  EXPECT_EQ(nlohmann::json::parse(none.body)["manifests"].size(), 0u);
  EXPECT_EQ(none.find("oci-filters-applied"), "artifactType");
  EXPECT_EQ(get("/v2/unknown/referrers/" + digest).status, 200) << "none is an answer";
  EXPECT_EQ(code_of(get("/v2/credit/referrers/latest")), "DIGEST_INVALID");
}

TEST_F(RegistryManifests, AWrongMethodIsToldWhichAreRight) {
  start();
  const std::string blob = "/v2/credit/blobs/" + base::sha256("x").str();
  for (const auto& [method, target, allowed] : std::vector<std::tuple<Method, std::string, std::string>>{
           {Method::kPost, "/v2/", "GET, HEAD"},
           {Method::kDelete, blob, "GET, HEAD"},
           {Method::kPut, blob, "GET, HEAD"},
           {Method::kGet, "/v2/credit/blobs/uploads/", "POST"},
           {Method::kPost, "/v2/credit/manifests/1", "GET, HEAD, PUT, DELETE"},
           {Method::kPost, "/v2/credit/blobs/uploads/1", "GET, HEAD, PATCH, PUT, DELETE"},
           {Method::kPut, "/v2/credit/tags/list", "GET, HEAD"},
           {Method::kDelete, "/v2/credit/referrers/x", "GET, HEAD"}}) {
    const auto refused = ask(method, target);
    EXPECT_EQ(refused.status, 405) << target;
    EXPECT_EQ(refused.find("allow"), allowed) << target;
    EXPECT_EQ(code_of(refused), "UNSUPPORTED");
  }
  EXPECT_EQ(get("/v2/credit/nothing/x").status, 404);
}

TEST_F(RegistryManifests, TargetsOfAnyKindAreAnsweredAndLeadNowhere) {
  start();
  const std::string before = outside();
  static const std::vector<std::string> kParts{"..",        "/",        "%2e%2e",    "%2f",
                                               "blobs",     "uploads",  "manifests", "tags/list",
                                               "credit",    "a",        "sha256:",   base::sha256("x").str(),
                                               "%00",       "?digest=", "&",         "//",
                                               "referrers", "\\",       "'",         "~"};
  std::mt19937 random(4);
  const std::vector<Method> methods{Method::kGet, Method::kPut, Method::kPost, Method::kPatch,
                                    Method::kDelete};
  for (int i = 0; i < 1'500; ++i) {
    std::string target = "/v2/";
    for (size_t n = 0; n <= random() % 7; ++n)
      target += kParts[random() % kParts.size()] + (random() % 2 == 0 ? "/" : "");
    const auto answer = ask(methods[random() % methods.size()], target, random() % 2 == 0 ? "" : "{}");
    EXPECT_NE(answer.status, 500) << target;
  }
  EXPECT_EQ(outside(), before);
  EXPECT_TRUE(layout_->verify(nullptr)->faults.empty());
}

}  // namespace
}  // namespace slipway::registry
