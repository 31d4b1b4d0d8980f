#include "values/schema/definition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "values/schema/openapi.h"
#include "values/schema/table.h"

namespace slipway::schema {
namespace {

using namespace std::chrono_literals;
using json::Document;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const Document kCrd = *json::parse_document(R"({"spec":{
  "group":"shop.dev","names":{"kind":"Cart","listKind":"CartList","plural":"carts","singular":"cart","shortNames":["ct"],"categories":["all"]},
  "versions":[{"name":"v1","subresources":{"status":{},"scale":{}},
    "additionalPrinterColumns":[
      {"name":"Owner","type":"string","jsonPath":".spec.owner"},
      {"name":"Ready","type":"string","jsonPath":".status.conditions[?(@.type==\"Ready\")].status","priority":1},
      {"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}],
    "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{"owner":{"type":"string"}}}}}}}]}})");

const Document kCart =
    *json::parse_document(R"({"metadata":{"name":"c","creationTimestamp":"2026-01-01T00:00:00Z"},
  "spec":{"owner":"ann","ref":{"kind":"Shop","name":"s"},"items":[{"n":1},{"n":2}]},
  "status":{"conditions":[{"type":"Full","status":"False"},{"type":"Ready","status":"True"}]}})");

TEST(Definition, ReadsWhatAKindIsCalledAndHowItIsShown) {
  const auto cart = parse_definition(kCrd, {});
  ASSERT_TRUE(cart) << cart.error().message;
  EXPECT_EQ(cart->kind, "Cart");
  EXPECT_EQ(cart->list_kind, "CartList");
  EXPECT_EQ(cart->api_version(), "shop.dev/v1");
  EXPECT_EQ(cart->resource(), "carts.shop.dev");
  EXPECT_EQ(cart->qualified_kind(), "Cart.shop.dev");
  EXPECT_THAT(cart->short_names, ElementsAre("ct"));
  EXPECT_TRUE(cart->has_status);
  EXPECT_TRUE(cart->has_scale);
  ASSERT_EQ(cart->columns.size(), 3u);
  EXPECT_EQ(cart->columns[1].priority, 1);
}

TEST(Definition, SaysWhichKindIsBroken) {
  Document broken = kCrd;
  broken["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["anyOf"] = 7;
  EXPECT_THAT(parse_definition(broken, {}).error().message, HasSubstr("Cart"));
  for (const char* text : {"{}", "[]", R"({"spec":{"versions":[]}})", R"({"spec":{"versions":[7]}})"})
    EXPECT_FALSE(parse_definition(*json::parse_document(text), {})) << text;
}

TEST(AtPath, FollowsMembersIndexesAndPicks) {
  struct Row {
    const char *path, *value;
  };
  for (const Row& row :
       {Row{".spec.owner", "\"ann\""}, Row{".spec.items[1].n", "2"},
        Row{".spec.items[?(@.n==\"1\")]", "null"},
        Row{".status.conditions[?(@.type==\"Ready\")].status", "\"True\""},
        Row{".status.conditions[?(@.type==\"None\")].status", "null"}, Row{".spec.items[7]", "null"},
        Row{".spec.items[-1]", "null"}, Row{".spec.items[x]", "null"}, Row{".spec.owner.first", "null"},
        Row{".nothing.at.all", "null"}, Row{".spec[0]", "null"}})
    EXPECT_EQ(json::canonical(at_path(kCart, row.path)), row.value) << row.path;
  at_path(kCart, ".spec.items[0");  // a bracket that is not closed ends the walk
  EXPECT_EQ(at_path(kCart, ""), kCart);
}

TEST(Table, HasTheNameAndACellForEachColumn) {
  const auto cart = parse_definition(kCrd, {});
  const WallTime now = *parse_rfc3339("2026-01-03T01:00:00Z");
  EXPECT_THAT(row_cells(*cart, kCart, now), ElementsAre("c", "ann", "True", "2d1h"));
  EXPECT_THAT(row_cells(*cart, Document::object(), now), ElementsAre("", Document(), Document(), Document()));
  Document odd = kCart;
  odd["spec"]["owner"] = {{"kind", "Shop"}, {"name", "s"}};
  odd["metadata"]["creationTimestamp"] = "once";
  EXPECT_THAT(row_cells(*cart, odd, now), ElementsAre("c", "shop/s", "True", "<invalid>"));
}

TEST(HumanAge, IsAsKubectlHasIt) {
  struct Row {
    Duration age;
    const char* text;
  };
  // Source: k8s.io/apimachinery duration_test.go
  for (const Row& row :
       {Row{0s, "0s"},          Row{1s, "1s"},        Row{70s, "70s"},         Row{119s, "119s"},
        Row{120s, "2m"},        Row{190s, "3m10s"},   Row{10min, "10m"},       Row{70min, "70m"},
        Row{179min, "179m"},    Row{180min, "3h"},    Row{190min, "3h10m"},    Row{8h, "8h"},
        Row{47h, "47h"},        Row{48h, "2d"},       Row{49h, "2d1h"},        Row{194h, "8d"},
        Row{367 * 24h, "367d"}, Row{730 * 24h, "2y"}, Row{755 * 24h, "2y25d"}, Row{2922 * 24h, "8y"},
        Row{-1s, "0s"},         Row{-2s, "<invalid>"}})
    EXPECT_EQ(human_age(WallTime{1000h}, WallTime{1000h} + row.age), row.text);
}

TEST(ParseRfc3339, TakesFractionsAndZonesAndNothingElse) {
  const WallTime noon = *parse_rfc3339("2026-06-01T12:00:00Z");
  for (const char* text :
       {"2026-06-01T12:00:00.123456Z", "2026-06-01T14:00:00+02:00", "2026-06-01T06:30:00-05:30"}) {
    const auto time = parse_rfc3339(text);
    ASSERT_TRUE(time) << text;
    EXPECT_EQ(*time, noon) << text;
  }
  for (const char* text :
       {"", "2026-06-01", "2026-06-01T12:00:00", "2026-06-01T12:00:00Zx", "2026-06-01T12:00:00+2",
        "2026-06-01T12:00:00.Z", "1013-06-01T12:00:00Z", "9999-06-01T12:00:00Z"})
    EXPECT_FALSE(parse_rfc3339(text)) << text;
}

TEST(OpenApi, HasThePathsAndSchemasOfEachKind) {
  const auto cart = parse_definition(kCrd, {});
  const Definition* const all[] = {&*cart};
  const Document document = openapi(all);
  const Document& paths = json::member(document, "paths");
  for (const char* path : {"/apis/shop.dev/v1/carts", "/apis/shop.dev/v1/namespaces/{namespace}/carts",
                           "/apis/shop.dev/v1/namespaces/{namespace}/carts/{name}",
                           "/apis/shop.dev/v1/namespaces/{namespace}/carts/{name}/status",
                           "/apis/shop.dev/v1/namespaces/{namespace}/carts/{name}/scale"})
    EXPECT_TRUE(paths.contains(path)) << path;
  const Document& schemas = json::member(json::member(document, "components"), "schemas");
  ASSERT_TRUE(schemas.contains("dev.shop.v1.Cart"));
  EXPECT_TRUE(schemas.contains("dev.shop.v1.CartList"));
  EXPECT_EQ(at_path(schemas, ".dev").type(), Document::value_t::null);
  // kubectl checks fields on the server where an operation takes fieldValidation.
  EXPECT_THAT(json::canonical(paths), HasSubstr("fieldValidation"));
  // Every reference leads somewhere.
  const std::string text = json::canonical(document);
  constexpr std::string_view kReference = "\"#/components/schemas/";
  for (size_t at = text.find(kReference); at != std::string::npos; at = text.find(kReference, at + 1)) {
    const size_t start = at + kReference.size();
    EXPECT_TRUE(schemas.contains(text.substr(start, text.find('"', start) - start)));
  }
}

}  // namespace
}  // namespace slipway::schema
