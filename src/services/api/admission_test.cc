#include "services/api/internal/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/api/internal/encode.h"
#include "services/api/internal/patch.h"
#include "services/api/internal/scale.h"
#include "values/domain/definitions.h"

namespace slipway::api {
namespace {

using domain::Kind;
using json::Document;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Document deployment() {
  return {{"apiVersion", "slipway.dev/v1alpha1"},
          {"kind", "ModelDeployment"},
          {"metadata", {{"name", "credit"}}},
          {"spec", {{"model", "credit"}, {"version", 1}}}};
}

const Target kNew{.kind = Kind::kModelDeployment, .space = "default", .name = ""};
const Target kWhole{.kind = Kind::kModelDeployment, .space = "default", .name = "credit"};
const Target kStatus{
    .kind = Kind::kModelDeployment, .space = "default", .name = "credit", .part = Target::Part::kStatus};

tl::expected<Admitted, Failure> admit_new(const Document& document,
                                          FieldValidation how = FieldValidation::kStrict) {
  return admit(kNew, {.document = document, .duplicates = {}}, nullptr, how);
}

// What is stored of deployment().
domain::Object stored() {
  domain::Object object = admit_new(deployment())->object;
  object.meta.uid = "11111111-0000-4000-8000-000000000000";
  object.meta.resource_version = 7;
  object.meta.generation = 2;
  object.meta.created = "2026-01-01T00:00:00Z";
  object.status = R"({"replicas":2,"selector":"slipway.dev/deployment=credit"})";
  return object;
}

TEST(Admission, FillsInDefaultsAndTheNamespace) {
  const auto admitted = admit_new(deployment());
  ASSERT_TRUE(admitted) << admitted.error().message;
  EXPECT_EQ(admitted->object.key.space, "default");
  EXPECT_THAT(admitted->object.content, HasSubstr(R"("replicas":1)"));
  EXPECT_THAT(admitted->object.content, HasSubstr(R"("strategy":"immediate")"));
  EXPECT_THAT(admitted->warnings, IsEmpty());
}

TEST(Admission, SaysWhatIsWrongAsAnApiServerDoes) {
  struct Row {
    const char* why;
    const char* patch;  // onto deployment()
    int code;
    const char* says;
  };
  for (const Row& row : {
           Row{"no kind", R"({"kind":null})", 400, "kind is missing"},
           Row{"no version of the API", R"({"apiVersion":null})", 400, "apiVersion is missing"},
           Row{"another kind", R"({"kind":"ModelVersion"})", 422, "must be ModelDeployment"},
           Row{"another version of the API", R"({"apiVersion":"slipway.dev/v1"})", 400,
               "does not match the expected API version (slipway.dev/v1alpha1)"},
           Row{"another namespace", R"({"metadata":{"namespace":"other"}})", 400,
               "does not match the namespace"},
           Row{"no name", R"({"metadata":{"name":null}})", 422, "name or generateName is required"},
           Row{"a name in upper case", R"({"metadata":{"name":"Credit"}})", 422, "metadata.name"},
           Row{"no metadata to speak of", R"({"metadata":7})", 400, "metadata must be an object"},
           Row{"labels that are no texts", R"({"metadata":{"labels":{"a":1}}})", 400,
               "metadata.labels.a must be a string"},
           Row{"a label's key", R"({"metadata":{"labels":{"-a":"x"}}})", 422, "metadata.labels"},
           Row{"a label's value", R"({"metadata":{"labels":{"a":"x y"}}})", 422, "metadata.labels"},
           Row{"finalizers", R"({"metadata":{"finalizers":["a/b"]}})", 422, "finalizers are not supported"},
           Row{"an unknown field", R"({"spec":{"replica":1}})", 400, R"(unknown field \"spec.replica\")"},
           Row{"an unknown member of metadata", R"({"metadata":{"label":{}}})", 400,
               R"(unknown field \"metadata.label\")"},
           Row{"no spec", R"({"spec":null})", 422, "spec: "},
           Row{"a number that is text", R"({"spec":{"version":"1"}})", 422, "spec.version"},
           Row{"a rule",
               R"({"spec":{"rollout":{"strategy":"immediate","steps":[{"weight":5,"hold":"1m"}]}}})", 422,
               "steps belong to strategy canary"},
       }) {
    Document document = deployment();
    document.merge_patch(*json::parse_document(row.patch));
    const auto admitted = admit_new(document);
    ASSERT_FALSE(admitted) << row.why;
    EXPECT_EQ(admitted.error().code, row.code) << row.why << ": " << admitted.error().message;
    std::string says = row.says;
    for (size_t at; (at = says.find("\\\"")) != std::string::npos;) says.erase(at, 1);
    EXPECT_THAT(admitted.error().message, HasSubstr(says)) << row.why;
  }
}

TEST(Admission, WhatIsNoObjectIsRefused) {
  for (const char* body : {"7", "[]", "null", "\"x\"", "{}", R"({"metadata":{}})"}) {
    const auto decoded = decode(kNew, body);
    ASSERT_TRUE(decoded) << body;
    EXPECT_EQ(admit(kNew, *decoded, nullptr, FieldValidation::kStrict).error().code, 400) << body;
  }
  for (const char* body : {"", "{", "{}x", "{\"a\":01}"})
    EXPECT_EQ(decode(kNew, body).error().code, 400) << body;
}

TEST(Admission, UnknownAndDoubledFieldsAreAsFieldValidationSays) {
  const auto decoded = decode(
      kNew,
      R"({"apiVersion":"slipway.dev/v1alpha1","kind":"ModelDeployment","metadata":{"name":"a"},"spec":{"model":"x","model":"credit","version":1,"extra":{}}})");
  ASSERT_TRUE(decoded);
  EXPECT_THAT(decoded->duplicates, ElementsAre("spec.model"));
  const auto strict = admit(kNew, *decoded, nullptr, FieldValidation::kStrict);
  EXPECT_THAT(strict.error().message,
              HasSubstr(R"(duplicate field "spec.model", unknown field "spec.extra")"));
  const auto warned = admit(kNew, *decoded, nullptr, FieldValidation::kWarn);
  ASSERT_TRUE(warned);
  EXPECT_THAT(warned->warnings, ElementsAre(R"(299 - "duplicate field \"spec.model\"")",
                                            R"(299 - "unknown field \"spec.extra\"")"));
  EXPECT_THAT(warned->object.content, ::testing::Not(HasSubstr("extra")));
  EXPECT_THAT(admit(kNew, *decoded, nullptr, FieldValidation::kIgnore)->warnings, IsEmpty());
}

TEST(Admission, MakesANameWhereAPrefixIsGiven) {
  Document document = deployment();
  document["metadata"] = {{"generateName", "credit-"}};
  const auto admitted = admit_new(document);
  ASSERT_TRUE(admitted) << admitted.error().message;
  EXPECT_THAT(admitted->object.key.name, ::testing::MatchesRegex("credit-[b-z2-9]{5}"));
  EXPECT_NE(admitted->object.key.name, admit_new(document)->object.key.name);
}

TEST(Admission, AWholeWriteLeavesTheStatusAndAStatusWriteTheSpec) {
  const domain::Object before = stored();
  Document document = deployment();
  document["spec"]["replicas"] = 5;
  document["status"] = {{"replicas", 9}};
  const auto whole =
      admit(kWhole, {.document = document, .duplicates = {}}, &before, FieldValidation::kStrict);
  ASSERT_TRUE(whole) << whole.error().message;
  EXPECT_EQ(whole->object.status, "");
  EXPECT_THAT(whole->object.content, HasSubstr(R"("replicas":5)"));
  const auto status =
      admit(kStatus, {.document = document, .duplicates = {}}, &before, FieldValidation::kStrict);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->object.status, R"({"replicas":9})");
  EXPECT_EQ(status->object.content, before.content);
}

TEST(Admission, AStatusIsCheckedToo) {
  const domain::Object before = stored();
  Document document = deployment();
  document["status"] = {{"replicas", "two"}};
  EXPECT_EQ(admit(kStatus, {.document = document, .duplicates = {}}, &before, FieldValidation::kStrict)
                .error()
                .code,
            422);
}

// Of a PUT it is a precondition that failed: that is said before admission.
TEST(Admission, AnObjectsUidCannotBeChanged) {
  const domain::Object before = stored();
  Document document = deployment();
  document["metadata"]["uid"] = "22222222-0000-4000-8000-000000000000";
  const auto admitted =
      admit(kWhole, {.document = document, .duplicates = {}}, &before, FieldValidation::kStrict);
  ASSERT_FALSE(admitted);
  EXPECT_EQ(admitted.error().code, 422);
  EXPECT_THAT(admitted.error().message, HasSubstr("metadata.uid: Invalid value"));
}

TEST(Admission, AnotherNameThanThePathsIsRefused) {
  const domain::Object before = stored();
  Document document = deployment();
  document["metadata"]["name"] = "debit";
  EXPECT_EQ(
      admit(kWhole, {.document = document, .duplicates = {}}, &before, FieldValidation::kStrict).error().code,
      400);
}

TEST(Admission, JsonIsToldByItsMediaType) {
  for (const char* type : {"", "application/json", "application/json; charset=utf-8", "application/json;x=y"})
    EXPECT_TRUE(is_json(type)) << type;
  for (const char* type :
       {"application/yaml", "text/plain", "application/jsonx", "application/vnd.kubernetes.protobuf"})
    EXPECT_FALSE(is_json(type)) << type;
}

std::string patched(PatchType type, std::string_view patch) {
  const auto done = apply_patch(type, patch, {{"a", {{"b", 1}}}, {"list", {1, 2}}});
  return done ? json::canonical(*done) : std::to_string(done.error().code);
}

TEST(Patch, MergesAsRfc7386Says) {
  EXPECT_EQ(patched(PatchType::kMerge, R"({"a":{"c":2},"list":null})"), R"({"a":{"b":1,"c":2}})");
  EXPECT_EQ(patched(PatchType::kMerge, R"({"list":[3]})"), R"({"a":{"b":1},"list":[3]})");
  EXPECT_EQ(patched(PatchType::kMerge, "[]"), "400");
  EXPECT_EQ(patched(PatchType::kMerge, "{"), "400");
}

TEST(Patch, AppliesTheOperationsOfRfc6902) {
  struct Row {
    const char *patch, *becomes;
  };
  for (const Row& row :
       {Row{R"([{"op":"add","path":"/list/-","value":3}])", R"({"a":{"b":1},"list":[1,2,3]})"},
        Row{R"([{"op":"remove","path":"/a/b"}])", R"({"a":{},"list":[1,2]})"},
        Row{R"([{"op":"replace","path":"/a","value":7}])", R"({"a":7,"list":[1,2]})"},
        Row{R"([{"op":"move","from":"/a/b","path":"/c"}])", R"({"a":{},"c":1,"list":[1,2]})"},
        Row{R"([{"op":"copy","from":"/list","path":"/a/b"}])", R"({"a":{"b":[1,2]},"list":[1,2]})"},
        Row{R"([{"op":"test","path":"/a/b","value":1},{"op":"remove","path":"/list"}])", R"({"a":{"b":1}})"},
        Row{"[]", R"({"a":{"b":1},"list":[1,2]})"}, Row{R"([{"op":"test","path":"/a/b","value":2}])", "422"},
        Row{R"([{"op":"remove","path":"/x"}])", "422"}, Row{R"([{"op":"remove","path":""}])", "422"},
        Row{R"([{"op":"replace","path":"/list/2","value":1}])", "422"},
        Row{R"([{"op":"add","path":"/list/01","value":1}])", "400"},
        Row{R"([{"op":"jump","path":"/a"}])", "400"}, Row{R"([{"path":"/a"}])", "400"}, Row{R"([7])", "400"},
        Row{R"({"op":"add"})", "400"}})
    EXPECT_EQ(patched(PatchType::kJson, row.patch), row.becomes) << row.patch;
}

TEST(Patch, WhatGrowsWithoutEndIsStopped) {
  std::string copies = "[";
  for (int i = 0; i < 60; ++i) copies += R"({"op":"copy","from":"","path":"/a/b"},)";
  copies.back() = ']';
  EXPECT_EQ(patched(PatchType::kJson, copies), "422");
  std::string deep = "[";
  std::string path = "/a/b";
  for (int i = 0; i < 200; ++i, path += "/x")
    deep += fmt::format(R"({{"op":"add","path":"{}","value":{{}}}},)", path);
  deep.back() = ']';
  EXPECT_EQ(patched(PatchType::kJson, deep), "422");
}

TEST(Patch, AMergeIsHeldToTheLimitsOfABodyToo) {
  const std::string half(1600 << 10, 'x');
  const auto merged = apply_patch(PatchType::kMerge, json::canonical({{"b", half}}), {{"a", half}});
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().code, 422);
}

TEST(Patch, TheTypeIsInTheMediaType) {
  EXPECT_EQ(patch_type("application/merge-patch+json"), PatchType::kMerge);
  EXPECT_EQ(patch_type("application/json-patch+json; charset=utf-8"), PatchType::kJson);
  for (const char* type :
       {"", "application/json", "application/strategic-merge-patch+json", "application/apply-patch+yaml"})
    EXPECT_FALSE(patch_type(type)) << type;
}

TEST(Scale, ShowsReplicasAndTheSelectorThatAnHpaNeeds) {
  const Document scale = to_scale(stored());
  EXPECT_EQ(scale["kind"], "Scale");
  EXPECT_EQ(scale["spec"]["replicas"], 1);
  EXPECT_EQ(scale["status"]["replicas"], 2);
  EXPECT_EQ(scale["status"]["selector"], "slipway.dev/deployment=credit");
  EXPECT_EQ(scale["metadata"]["resourceVersion"], "7");
}

TEST(Scale, ChangesTheReplicasAlone) {
  Document scale = to_scale(stored());
  scale["spec"]["replicas"] = 4;
  const auto changed = with_scale(stored(), scale);
  ASSERT_TRUE(changed);
  EXPECT_EQ((*changed)["spec"]["replicas"], 4);
  EXPECT_EQ((*changed)["spec"]["model"], "credit");
  EXPECT_EQ((*changed)["metadata"]["resourceVersion"], "7");
}

TEST(Scale, WhatIsNoScaleIsRefused) {
  struct Row {
    const char* patch;  // onto the Scale
    int code;
  };
  for (const Row& row :
       {Row{R"({"kind":"ModelDeployment"})", 400}, Row{R"({"apiVersion":"autoscaling/v2"})", 400},
        Row{R"({"metadata":{"name":"debit"}})", 400}, Row{R"({"spec":{"replicas":-1}})", 422},
        Row{R"({"spec":{"replicas":1.5}})", 422}, Row{R"({"spec":{"replicas":"2"}})", 422}}) {
    Document scale = to_scale(stored());
    scale.merge_patch(*json::parse_document(row.patch));
    const auto changed = with_scale(stored(), scale);
    ASSERT_FALSE(changed) << row.patch;
    EXPECT_EQ(changed.error().code, row.code) << row.patch;
  }
}

TEST(Encode, ChoosesTheFirstFormThatWeHave) {
  constexpr std::string_view kTable = "application/json;as=Table;v=v1;g=meta.k8s.io";
  struct Row {
    std::string accept;
    std::optional<Form> form;
  };
  for (const Row& row :
       {Row{"", Form::kObject}, Row{"application/json", Form::kObject}, Row{"*/*", Form::kObject},
        Row{std::string(kTable), Form::kTable}, Row{fmt::format("{},application/json", kTable), Form::kTable},
        Row{"application/json;as=Table;v=v1beta1;g=meta.k8s.io, application/json", Form::kObject},
        Row{"application/vnd.kubernetes.protobuf, application/json", Form::kObject},
        Row{"application/vnd.kubernetes.protobuf", std::nullopt}, Row{"text/html", std::nullopt},
        Row{"application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io", std::nullopt}}) {
    const auto view = choose_view(row.accept, "");
    EXPECT_EQ(view ? std::optional(view->form) : std::nullopt, row.form) << row.accept;
  }
  EXPECT_EQ(choose_view("", "None")->row_object, RowObject::kNone);
  EXPECT_EQ(choose_view("", "Object")->row_object, RowObject::kWhole);
}

TEST(Encode, ATableHasAColumnACell) {
  const schema::Definition& of = domain::definition(Kind::kModelDeployment);
  const std::string text = encode(of, stored(), {.form = Form::kTable}, WallTime{});
  const auto table = json::parse_document(text);
  ASSERT_TRUE(table) << text;
  EXPECT_EQ((*table)["columnDefinitions"].size(), of.columns.size() + 1);
  ASSERT_EQ((*table)["rows"].size(), 1u);
  EXPECT_EQ((*table)["rows"][0]["cells"].size(), of.columns.size() + 1);
  EXPECT_EQ((*table)["rows"][0]["cells"][0], "credit");
  EXPECT_EQ((*table)["rows"][0]["object"]["kind"], "PartialObjectMetadata");
}

}  // namespace
}  // namespace slipway::api
