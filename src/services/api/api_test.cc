#include "services/api/api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include <nlohmann/json.hpp>

#include "ports/store/testing/store_contract.h"
#include "services/api/testing/served_store.h"
#include "system/http/client.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::api {
namespace {

using namespace std::chrono_literals;
using base::Method;
using json::Document;
using store::deployment;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kAll = "/apis/slipway.dev/v1alpha1/namespaces/default/modeldeployments";
const std::string kTable = "application/json;as=Table;v=v1;g=meta.k8s.io";
const store::Cause kCause{.actor = {"tester"}, .reason = "Test", .request_id = ""};

struct Answer {
  int status = 0;
  Document body;
  std::string warning;
};

std::string body_of(const std::string& name, int replicas = 1) {
  return domain::to_json(deployment(name, replicas));
}

class ApiTest : public ::testing::Test {
 protected:
  explicit ApiTest(size_t history = 4096)
      : served_({.history = history, .clock = &clock_}),
        client_(*http::parse_url("http://" + served_.address().str())) {}

  http::Request request(Method method, const std::string& target, std::string_view body = "") {
    return {.method = method,
            .target = target,
            .headers = {{"authorization", "Bearer " + testing::kToken}},
            .body = body};
  }
  Answer ask(http::Request request) {
    const auto response = client_.ask(request);
    EXPECT_TRUE(response) << response.error().message;
    if (!response) return {};
    auto body = json::parse_document(response->body);
    EXPECT_TRUE(body) << response->body;
    return {response->status, body ? std::move(*body) : Document(), std::string(response->find("warning"))};
  }
  Answer ask(Method method, const std::string& target, std::string_view body = "") {
    return ask(request(method, target, body));
  }
  Answer patch(const std::string& target, const std::string& type, std::string_view body) {
    auto asked = request(Method::kPatch, target, body);
    asked.headers.emplace_back("content-type", type);
    return ask(std::move(asked));
  }
  Answer ask_table(const std::string& target) {
    auto asked = request(Method::kGet, target);
    asked.headers.emplace_back("accept", kTable);
    return ask(std::move(asked));
  }
  void make(std::initializer_list<const char*> all) {
    for (const char* name : all) ASSERT_TRUE(served_.store().create(deployment(name), kCause));
  }

  runtime::testing::ManualClock clock_;
  testing::ServedStore served_;
  http::Client client_;
};

std::vector<std::string> names(const Document& list) {
  std::vector<std::string> out;
  for (const Document& item : json::member(list, "items")) out.push_back(item["metadata"]["name"]);
  return out;
}

TEST_F(ApiTest, CreatesGetsReplacesAndDeletes) {
  const Answer made = ask(Method::kPost, kAll, body_of("credit"));
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made.body["metadata"]["generation"], 1);
  const Answer got = ask(Method::kGet, kAll + "/credit");
  EXPECT_EQ(got.body, made.body);
  Document changed = got.body;
  changed["spec"]["replicas"] = 3;
  const Answer replaced = ask(Method::kPut, kAll + "/credit", changed.dump());
  EXPECT_EQ(replaced.status, 200);
  EXPECT_EQ(replaced.body["metadata"]["generation"], 2);
  const Answer deleted = ask(Method::kDelete, kAll + "/credit");
  EXPECT_EQ(deleted.status, 200);
  EXPECT_EQ(deleted.body["status"], "Success");
  EXPECT_EQ(deleted.body["details"]["uid"], made.body["metadata"]["uid"]);
  const Answer gone = ask(Method::kGet, kAll + "/credit");
  EXPECT_EQ(gone.status, 404);
  EXPECT_EQ(gone.body["reason"], "NotFound");
}

TEST_F(ApiTest, SaysWhatConflicts) {
  make({"credit"});
  const Answer twice = ask(Method::kPost, kAll, body_of("credit"));
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.body["reason"], "AlreadyExists");
  Document seen = ask(Method::kGet, kAll + "/credit").body;
  ASSERT_TRUE(served_.store().update(deployment("credit", 2), {}, kCause));
  seen["spec"]["replicas"] = 9;
  const Answer overtaken = ask(Method::kPut, kAll + "/credit", seen.dump());
  EXPECT_EQ(overtaken.status, 409);
  EXPECT_EQ(overtaken.body["reason"], "Conflict");
  const Answer blind = ask(Method::kPut, kAll + "/credit", body_of("credit", 9));
  EXPECT_EQ(blind.status, 422);
  EXPECT_THAT(blind.body["message"], HasSubstr("must be specified for an update"));
  const Answer kept = ask(Method::kDelete, kAll + "/credit", R"({"preconditions":{"uid":"x"}})");
  EXPECT_EQ(kept.status, 409);
  EXPECT_THAT(kept.body["message"], HasSubstr("UID in the precondition (x)"));
}

TEST_F(ApiTest, DryRunsShowWhatWouldBeAndStoreNothing) {
  const Answer made = ask(Method::kPost, kAll + "?dryRun=All", body_of("credit"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(ask(Method::kGet, kAll + "/credit").status, 404);
  make({"credit"});
  EXPECT_EQ(ask(Method::kPost, kAll + "?dryRun=All", body_of("credit")).status, 409);
  const Document before = ask(Method::kGet, kAll + "/credit").body;
  Document changed = before;
  changed["spec"]["replicas"] = 7;
  changed["metadata"]["labels"] = {{"a", "b"}};
  changed["metadata"]["ownerReferences"] = {
      {{"apiVersion", "v1"}, {"kind", "Pod"}, {"name", "x"}, {"uid", "u"}}};
  const Answer shown = ask(Method::kPut, kAll + "/credit?dryRun=All", changed.dump());
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.body["spec"]["replicas"], 7);
  EXPECT_EQ(shown.body["metadata"]["labels"]["a"], "b");
  EXPECT_EQ(json::member(shown.body["metadata"], "ownerReferences").size(), 1u);
  EXPECT_EQ(shown.body["metadata"]["generation"], 2);
  EXPECT_EQ(ask(Method::kDelete, kAll + "/credit?dryRun=All").status, 200);
  EXPECT_EQ(ask(Method::kGet, kAll + "/credit").body, before);
  changed["metadata"]["resourceVersion"] = "999";
  EXPECT_EQ(ask(Method::kPut, kAll + "/credit?dryRun=All", changed.dump()).status, 409);
}

TEST_F(ApiTest, UnknownFieldsAreWarnedOfOrRefused) {
  Document wrong = json::parse_document(body_of("credit")).value();
  wrong["spec"]["replica"] = 2;
  const Answer strict = ask(Method::kPost, kAll + "?fieldValidation=Strict", wrong.dump());
  EXPECT_EQ(strict.status, 400);
  const Answer warned = ask(Method::kPost, kAll, wrong.dump());
  EXPECT_EQ(warned.status, 201);
  EXPECT_THAT(warned.warning, HasSubstr("spec.replica"));
}

TEST_F(ApiTest, PatchesAndScales) {
  make({"credit"});
  EXPECT_EQ(patch(kAll + "/credit", "application/merge-patch+json", R"({"spec":{"replicas":4}})")
                .body["spec"]["replicas"],
            4);
  EXPECT_EQ(patch(kAll + "/credit", "application/json-patch+json",
                  R"([{"op":"replace","path":"/spec/replicas","value":5}])")
                .body["spec"]["replicas"],
            5);
  EXPECT_EQ(patch(kAll + "/credit/scale", "application/merge-patch+json", R"({"spec":{"replicas":6}})")
                .body["kind"],
            "Scale");
  EXPECT_EQ(ask(Method::kGet, kAll + "/credit/scale").body["spec"]["replicas"], 6);
  EXPECT_EQ(patch(kAll + "/credit", "application/apply-patch+yaml", "{}").status, 415);
  EXPECT_EQ(patch(kAll + "/credit", "application/merge-patch+json", R"({"spec":{"replicas":-1}})").status,
            422);
  EXPECT_EQ(patch(kAll + "/credit/status", "application/merge-patch+json",
                  R"({"status":{"replicas":2},"spec":{"replicas":99}})")
                .body["spec"]["replicas"],
            6);
  EXPECT_EQ(patch(kAll + "/nobody", "application/merge-patch+json", "{}").status, 404);
  const auto stale = patch(kAll + "/credit", "application/merge-patch+json",
                           R"({"metadata":{"resourceVersion":"1"},"spec":{"replicas":7}})");
  EXPECT_EQ(stale.status, 409);
}

TEST_F(ApiTest, PatchesAtTheSameTimeLoseNothingOfEachOther) {
  make({"credit"});
  constexpr int kClients = 4, kPatches = 20;
  std::vector<std::jthread> clients;
  for (int c = 0; c < kClients; ++c)
    clients.emplace_back([this, c] {
      http::Client client(*http::parse_url("http://" + served_.address().str()));
      for (int i = 0; i < kPatches; ++i) {
        const std::string body =
            fmt::format(R"({{"metadata":{{"resourceVersion":null,"labels":{{"l-{}-{}":"x"}}}}}})", c, i);
        auto asked = request(Method::kPatch, kAll + "/credit", body);
        asked.headers.emplace_back("content-type", "application/merge-patch+json");
        auto answer = client.ask(asked);
        while (answer && answer->status == 409) answer = client.ask(asked);  // overtaken too often
        EXPECT_TRUE(answer && answer->status == 200);
      }
    });
  clients.clear();
  const auto now = served_.store().get(deployment("credit").key);
  EXPECT_EQ((*now)->meta.labels.size(), size_t{kClients * kPatches});
}

TEST_F(ApiTest, OneMachineHasOneNamespace) {
  const Answer made =
      ask(Method::kPost, "/apis/slipway.dev/v1alpha1/namespaces/other/modeldeployments", body_of("credit"));
  EXPECT_EQ(made.status, 404);
  EXPECT_THAT(made.body["message"], HasSubstr("namespaces \"other\" not found"));
}

TEST_F(ApiTest, PagesShowTheListAsItWasAtTheFirst) {
  make({"a", "b", "c", "d", "e"});
  const Document first = ask(Method::kGet, kAll + "?limit=2").body;
  EXPECT_THAT(names(first), ElementsAre("a", "b"));
  EXPECT_EQ(first["metadata"]["remainingItemCount"], 3);
  ASSERT_TRUE(served_.store().remove(deployment("d").key, {}, kCause));
  make({"bb"});
  const Document second =
      ask(Method::kGet, kAll + "?limit=2&continue=" + first["metadata"]["continue"].get<std::string>()).body;
  EXPECT_THAT(names(second), ElementsAre("c", "d"));
  EXPECT_EQ(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
  const Document third =
      ask(Method::kGet, kAll + "?limit=2&continue=" + second["metadata"]["continue"].get<std::string>()).body;
  EXPECT_THAT(names(third), ElementsAre("e"));
  EXPECT_FALSE(third["metadata"].contains("continue"));
  EXPECT_THAT(names(ask(Method::kGet, kAll).body), ElementsAre("a", "b", "bb", "c", "e"));
}

TEST_F(ApiTest, ASelectedListIsPagedAfterSelecting) {
  for (const char* name : {"a", "b", "c", "d"}) {
    store::Object object = deployment(name);
    if (*name != 'b') object.meta.labels = {{"tier", "gold"}};
    ASSERT_TRUE(served_.store().create(object, kCause));
  }
  const Document first = ask(Method::kGet, kAll + "?limit=2&labelSelector=tier%3Dgold").body;
  EXPECT_THAT(names(first), ElementsAre("a", "c"));
  EXPECT_FALSE(first["metadata"].contains("remainingItemCount"));
  const Document second = ask(Method::kGet, kAll + "?limit=2&labelSelector=tier%3Dgold&continue=" +
                                                first["metadata"]["continue"].get<std::string>())
                              .body;
  EXPECT_THAT(names(second), ElementsAre("d"));
  EXPECT_THAT(names(ask(Method::kGet, kAll + "?fieldSelector=metadata.name%3Db").body), ElementsAre("b"));
  EXPECT_EQ(ask(Method::kDelete, kAll + "?labelSelector=tier%3Dgold").status, 200);
  EXPECT_THAT(names(ask(Method::kGet, kAll).body), ElementsAre("b"));
}

TEST_F(ApiTest, AVersionThatHasNotHappenedIsATimeout) {
  for (const char* query : {"?resourceVersion=999", "?resourceVersion=999&resourceVersionMatch=Exact",
                            "?watch=1&resourceVersion=999"}) {
    const Answer answer = ask(Method::kGet, kAll + query);
    EXPECT_EQ(answer.status, 504) << query;
    EXPECT_EQ(answer.body["details"]["causes"][0]["reason"], "ResourceVersionTooLarge") << query;
  }
}

TEST_F(ApiTest, ALongListComesInPieces) {
  for (int i = 0; i < 400; ++i)
    ASSERT_TRUE(served_.store().create(deployment(fmt::format("m-{:03}", i)), kCause));
  const Answer all = ask(Method::kGet, kAll);
  EXPECT_EQ(names(all.body).size(), 400u);
  EXPECT_EQ(ask_table(kAll).body["rows"].size(), 400u);
}

TEST_F(ApiTest, ShowsTables) {
  make({"a", "b"});
  const Document table = ask_table(kAll).body;
  EXPECT_EQ(table["kind"], "Table");
  EXPECT_EQ(table["columnDefinitions"][0]["name"], "Name");
  EXPECT_EQ(table["rows"][1]["cells"][0], "b");
  EXPECT_EQ(ask_table(kAll + "/a").body["rows"].size(), 1u);
  EXPECT_FALSE(ask_table(kAll + "?includeObject=None").body["rows"][0].contains("object"));
  EXPECT_EQ(ask_table(kAll + "?includeObject=Object").body["rows"][0]["object"]["kind"], "ModelDeployment");
}

TEST_F(ApiTest, WhatCannotBeTakenOrGivenIsSaid) {
  const std::string body = body_of("a"), large(4 << 20, ' ');
  auto asked = request(Method::kPost, kAll, body);
  asked.headers.emplace_back("content-type", "application/yaml");
  EXPECT_EQ(ask(asked).status, 415);
  asked = request(Method::kGet, kAll);
  asked.headers.emplace_back("accept", "text/html");
  EXPECT_EQ(ask(asked).status, 406);
  const Answer other = ask(Method::kPost, kAll + "/a", "{}");
  EXPECT_EQ(other.status, 405);
  EXPECT_EQ(ask(Method::kGet, "/apis/slipway.dev/v1alpha1/modeldeployment").status, 404);
  EXPECT_EQ(ask(Method::kPost, kAll, large).status, 413);
}

TEST_F(ApiTest, DiscoveryNamesEveryKindWithItsVerbs) {
  for (const domain::KindInfo& kind : domain::kinds()) {
    const std::string root =
        (kind.group.empty() ? "/api/" : "/apis/" + std::string(kind.group) + "/") + std::string(kind.version);
    const Document resources = ask(Method::kGet, root).body["resources"];
    const auto found = std::find_if(resources.begin(), resources.end(), [&](const Document& each) {
      return each["name"] == std::string(kind.plural);
    });
    ASSERT_NE(found, resources.end()) << kind.plural;
    EXPECT_EQ((*found)["kind"], std::string(kind.name));
    const Document paths = ask(Method::kGet, "/openapi/v3").body["paths"];
    ASSERT_TRUE(paths.contains(root.substr(1))) << paths;
    EXPECT_EQ(ask(Method::kGet, paths[root.substr(1)]["serverRelativeURL"]).status, 200);
  }
}

}  // namespace
}  // namespace slipway::api
