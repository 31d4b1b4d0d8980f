#include "system/kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "system/kube/internal/warnings.h"
#include "system/kube/testing/fake_api.h"

namespace slipway::kube {
namespace {

using testing::Canned;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::status_json;

const Resource kPods{"", "v1", "pods"};
const Resource kWeb{"apps", "v1", "deployments"};
const Resource kNodes{"", "v1", "nodes", Scope::kCluster};
const ObjectRef kRef{kWeb, "default", "web"};
constexpr std::string_view kObject =
    R"({"kind":"Deployment","metadata":{"name":"web","namespace":"default","uid":"u1","resourceVersion":"7"}})";

class ClientTest : public ::testing::Test {
 protected:
  testing::FakeApi api_;
  std::vector<std::string> warnings_;
  Client client_{api_.access(),
                 {.on_warning = [this](std::string_view text) { warnings_.emplace_back(text); }}};
};

TEST(Paths, FollowGroupVersionPluralAndNamespace) {
  EXPECT_EQ(*object_path(kRef), "/apis/apps/v1/namespaces/default/deployments/web");
  EXPECT_EQ(*object_path(kRef, Subresource::kStatus),
            "/apis/apps/v1/namespaces/default/deployments/web/status");
  EXPECT_EQ(*object_path(kRef, Subresource::kScale),
            "/apis/apps/v1/namespaces/default/deployments/web/scale");
  EXPECT_EQ(*object_path({kNodes, "", "n:1"}), "/api/v1/nodes/n%3A1");
  EXPECT_EQ(*collection_path(kPods, "a"), "/api/v1/namespaces/a/pods");
  EXPECT_EQ(*collection_path(kPods, ""), "/api/v1/pods");
}

TEST(Paths, AreNeverMadeOfWhatCouldBeReadAsAPath) {
  for (const auto* name : {"", ".", "..", "a/b", "a%2Fb", "../../nodes"}) {
    EXPECT_EQ(object_path({kPods, "default", name}).error().code, Code::kInvalid) << name;
    EXPECT_FALSE(object_path({kPods, name, "x"})) << name;
  }
}

TEST(Paths, HaveTheirQueriesEscaped) {
  EXPECT_EQ(Query().str(), "");
  EXPECT_EQ(Query().add("a", "x in (1,2)").add("b", "").add("c", "é&=").str(),
            "?a=x%20in%20%281%2C2%29&c=%C3%A9%26%3D");
}

TEST_F(ClientTest, GetsAnObjectWithItsIdentity) {
  api_.will("GET /apis/apps/v1/namespaces/default/deployments/web", {.body = std::string(kObject)});
  const auto object = client_.get(kRef);
  ASSERT_TRUE(object) << object.error().error.message;
  EXPECT_EQ(*object, (Object{.json = std::string(kObject),
                             .name = "web",
                             .ns = "default",
                             .uid = "u1",
                             .resource_version = "7"}));
  EXPECT_EQ(api_.requests()[0].headers["accept"], "application/json");
}

TEST_F(ClientTest, WritesStrictlyAndUnderItsName) {
  const std::string path = "/apis/apps/v1/namespaces/default/deployments";
  const std::string query = "?fieldValidation=Strict&fieldManager=slipway";
  for (const auto& what :
       {"POST " + path, "PUT " + path + "/web", "PUT " + path + "/web/status", "PATCH " + path + "/web/scale",
        "PATCH " + path + "/web", "PATCH " + path + "/web"})
    api_.will(what, {.body = std::string(kObject)});
  EXPECT_TRUE(client_.create(kWeb, "default", "{}"));
  EXPECT_TRUE(client_.update(
      kRef, "{}",
      {.dry_run = DryRun::kServer, .field_validation = FieldValidation::kWarn, .field_manager = "me"}));
  EXPECT_TRUE(client_.update(kRef, "{}", {.subresource = Subresource::kStatus}));
  EXPECT_TRUE(
      client_.patch(kRef, {.json = R"({"spec":{"replicas":3}})"}, {.subresource = Subresource::kScale}));
  EXPECT_TRUE(client_.patch(kRef, {.kind = PatchKind::kJson, .json = "[]"}));
  EXPECT_TRUE(client_.patch(kRef, {.kind = PatchKind::kApplyForced, .json = "{}"}));
  EXPECT_THAT(
      api_.targets(),
      ElementsAre("POST " + path + query,
                  "PUT " + path + "/web?dryRun=All&fieldValidation=Warn&fieldManager=me",
                  "PUT " + path + "/web/status" + query, "PATCH " + path + "/web/scale" + query,
                  "PATCH " + path + "/web" + query, "PATCH " + path + "/web" + query + "&force=true"));
  const auto requests = api_.requests();
  EXPECT_EQ(requests[0].headers.at("content-type"), "application/json");
  EXPECT_EQ(requests[3].headers.at("content-type"), "application/merge-patch+json");
  EXPECT_EQ(requests[3].body, R"({"spec":{"replicas":3}})");
  EXPECT_EQ(requests[4].headers.at("content-type"), "application/json-patch+json");
  EXPECT_EQ(requests[5].headers.at("content-type"), "application/apply-patch+yaml");
}

TEST_F(ClientTest, DeletesOnlyWhatWasMeant) {
  api_.will("DELETE /apis/apps/v1/namespaces/default/deployments/web",
            {.body = R"({"kind":"Status","status":"Success"})"});
  EXPECT_TRUE(client_.remove(kRef, {.uid = "u1",
                                    .resource_version = "7",
                                    .propagation = Propagation::kForeground,
                                    .dry_run = DryRun::kServer}));
  EXPECT_EQ(api_.requests()[0].body,
            R"({"apiVersion":"v1","kind":"DeleteOptions","propagationPolicy":"Foreground","dryRun":["All"],)"
            R"("preconditions":{"uid":"u1","resourceVersion":"7"}})");
}

TEST_F(ClientTest, ListsAllPages) {
  api_.will(
      "GET /api/v1/pods",
      {.body =
           R"({"metadata":{"resourceVersion":"9","continue":"c1"},"items":[{"metadata":{"name":"a"}},{"metadata":{"name":"b"}}]})"});
  api_.will("GET /api/v1/pods",
            {.body = R"({"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"c"}}]})"});
  const auto list = client_.list({.resource = kPods, .label_selector = "app=x", .page = 2});
  ASSERT_TRUE(list) << list.error().error.message;
  ASSERT_EQ(list->items.size(), 3u);
  EXPECT_EQ(list->items[2].name, "c");
  EXPECT_EQ(list->resource_version, "9");
  EXPECT_THAT(api_.targets(), ElementsAre("GET /api/v1/pods?labelSelector=app%3Dx&limit=2",
                                          "GET /api/v1/pods?labelSelector=app%3Dx&limit=2&continue=c1"));
}

TEST_F(ClientTest, StartsAListOverInOneAnswerWhenItsPlaceHasExpired) {
  api_.will(
      "GET /api/v1/pods",
      {.body =
           R"({"metadata":{"resourceVersion":"9","continue":"c1"},"items":[{"metadata":{"name":"a"}}]})"});
  api_.will("GET /api/v1/pods", {.status = 410, .body = status_json(410, "Expired", "too old")});
  api_.will("GET /api/v1/pods",
            {.body = R"({"metadata":{"resourceVersion":"12"},"items":[{"metadata":{"name":"z"}}]})"});
  const auto list = client_.list({.resource = kPods, .page = 1});
  ASSERT_TRUE(list);
  ASSERT_EQ(list->items.size(), 1u);
  EXPECT_EQ(list->items[0].name, "z");
  EXPECT_EQ(api_.targets()[2], "GET /api/v1/pods");
}

TEST_F(ClientTest, ReadsListsThatHoldNothing) {
  api_.will("GET /api/v1/pods", {.body = R"({"metadata":{"resourceVersion":"9"},"items":null})"});
  EXPECT_THAT(client_.list({.resource = kPods})->items, IsEmpty());
}

TEST_F(ClientTest, KeepsReasonAndCausesOfARefusal) {
  api_.will(
      "POST /api/v1/namespaces/a/pods",
      {.status = 422,
       .body = R"({"kind":"Status","status":"Failure","message":"Pod \"x\" is invalid","reason":"Invalid",
      "details":{"name":"x","causes":[{"reason":"FieldValueRequired","message":"Required value","field":"spec.containers"},{"message":"m","field":"f"}]},"code":422})"});
  const auto made = client_.create(kPods, "a", "{}");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(),
            (ApiError{.error = {Code::kInvalid, "Pod \"x\" is invalid"},
                      .status = 422,
                      .reason = "Invalid",
                      .causes = {{"FieldValueRequired", "spec.containers", "Required value"}, {"", "f", "m"}},
                      .retry_after = {}}));
}

TEST_F(ClientTest, TellsRefusalsApart) {
  struct Row {
    int status;
    std::string_view reason;
    Code code;
  };
  for (const auto& [status, reason, code] :
       std::vector<Row>{{400, "BadRequest", Code::kInvalid},
                        {401, "Unauthorized", Code::kDenied},
                        {403, "Forbidden", Code::kDenied},
                        {404, "NotFound", Code::kNotFound},
                        {405, "MethodNotAllowed", Code::kUnsupported},
                        {409, "Conflict", Code::kConflict},
                        {409, "AlreadyExists", Code::kConflict},
                        {410, "Expired", Code::kConflict},
                        {413, "RequestEntityTooLarge", Code::kTooLarge},
                        {415, "UnsupportedMediaType", Code::kUnsupported},
                        {429, "TooManyRequests", Code::kUnavailable},
                        {500, "InternalError", Code::kUnavailable},
                        {503, "ServiceUnavailable", Code::kUnavailable},
                        {504, "Timeout", Code::kTimeout}}) {
    api_.will("GET /api/v1/nodes/n", {.status = status, .body = status_json(status, reason, "why")});
    const auto got = client_.get({kNodes, "", "n"});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().error.code, code) << reason;
    EXPECT_EQ(got.error().reason, reason);
    EXPECT_THAT(got.error().error.message, HasSubstr("why"));
    EXPECT_EQ(got.error().expired(), status == 410);
    EXPECT_EQ(got.error().already_exists(), reason == "AlreadyExists");
  }
}

TEST_F(ClientTest, SaysWhenAnotherTryMayHelp) {
  api_.will("GET /api/v1/nodes/n", {.status = 429, .body = "slow down", .headers = {{"retry-after", "3"}}});
  api_.will(
      "GET /api/v1/nodes/n",
      {.status = 504,
       .body = R"({"kind":"Status","reason":"ServerTimeout","details":{"retryAfterSeconds":5},"code":504})"});
  const auto first = client_.get({kNodes, "", "n"});
  EXPECT_EQ(first.error().retry_after, std::chrono::seconds(3));
  EXPECT_EQ(first.error().error.message,
            "GET " + api_.access().server + "/api/v1/nodes/n: answered 429: slow down");
  EXPECT_EQ(client_.get({kNodes, "", "n"}).error().retry_after, std::chrono::seconds(5));
}

TEST_F(ClientTest, HandsWarningsUp) {
  api_.will("GET /api/v1/nodes/n", {.body = "{}",
                                    .headers = {{"warning", R"(299 - "unknown field \"spec.x\"")"},
                                                {"warning", R"(299 - "old", 299 - "older")"}}});
  EXPECT_TRUE(client_.get({kNodes, "", "n"}));
  EXPECT_THAT(warnings_, ElementsAre("unknown field \"spec.x\"", "old", "older"));
  EXPECT_THAT(internal::read_warnings("299 - \"never ends"), IsEmpty());
}

TEST_F(ClientTest, RefusesAnswersThatAreNoObjects) {
  for (const auto* body : {"", "[]", "<html>", R"({"metadata":{"name":1}})", R"({"metadata":7})", "{} {}"}) {
    api_.will("GET /api/v1/nodes/n", {.body = body});
    EXPECT_EQ(client_.get({kNodes, "", "n"}).error().error.code, Code::kInvalid) << body;
  }
}

class PatientClientTest : public ClientTest {
 protected:
  void busy(const std::string& what, int status, const std::string& seconds) {
    api_.will(what, {.status = status,
                     .body = status_json(status, "TooManyRequests", "busy"),
                     .headers = {{"retry-after", seconds}}});
  }
  std::vector<Duration> pauses_;
  telemetry::Registry registry_;
  ApiMetrics metrics_{registry_};
  Client patient_{
      api_.access(),
      {.busy_tries = 3, .pause = [this](Duration time) { pauses_.push_back(time); }, .metrics = &metrics_}};
};

TEST_F(PatientClientTest, AsksABusyServerAgainWhenItSaysWhen) {
  const std::string put = "PUT /api/v1/nodes/n", all = "GET /api/v1/nodes";
  busy(put, 429, "2");
  busy(put, 503, "1");
  api_.will(put, {.body = "{}"});
  EXPECT_TRUE(patient_.update({kNodes, "", "n"}, R"({"a":1})"));
  EXPECT_EQ(api_.requests()[2].body, R"({"a":1})");
  busy(all, 429, "3");
  api_.will(all, {.body = R"({"metadata":{},"items":[]})"});
  EXPECT_TRUE(patient_.list({.resource = kNodes}));
  EXPECT_THAT(pauses_,
              ElementsAre(std::chrono::seconds(2), std::chrono::seconds(1), std::chrono::seconds(3)));
  const std::string text = registry_.expose(telemetry::Form::kPrometheus);
  EXPECT_THAT(text, HasSubstr(R"(slipway_kube_retries_total{verb="update"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(slipway_kube_requests_total{verb="update",code="429"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(slipway_kube_requests_total{verb="list",code="200"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(slipway_kube_requests_total{verb="create",code="201"} 0)"));
}

TEST_F(PatientClientTest, GivesUpAfterItsTriesOrWhenItShouldWaitTooLong) {
  const std::string get = "GET /api/v1/nodes/n";
  for (int i = 0; i < 3; ++i) busy(get, 429, "1");
  EXPECT_EQ(patient_.get({kNodes, "", "n"}).error().status, 429);
  busy(get, 429, "11");
  EXPECT_EQ(patient_.get({kNodes, "", "n"}).error().retry_after, std::chrono::seconds(11));
  api_.will(get, {.status = 503, .body = status_json(503, "ServiceUnavailable", "may have been done")});
  EXPECT_EQ(patient_.get({kNodes, "", "n"}).error().status, 503);
  EXPECT_THAT(pauses_, ::testing::SizeIs(2));
  EXPECT_EQ(api_.requests().size(), 5u);
}

TEST_F(ClientTest, SaysWhoItIs) {
  api_.will("GET /api/v1/nodes/n", {.body = "{}"});
  EXPECT_TRUE(client_.get({kNodes, "", "n"}));
  Access access = api_.access();
  access.user_agent = "slipway-control/1 (a)";
  Client named(access);
  api_.will("GET /api/v1/nodes/n", {.body = "{}"});
  EXPECT_TRUE(named.get({kNodes, "", "n"}));
  EXPECT_THAT(api_.requests()[0].headers["user-agent"], ::testing::MatchesRegex("slipway/[0-9.]+"));
  EXPECT_EQ(api_.requests()[1].headers["user-agent"], "slipway-control/1 (a)");
}

TEST(Versions, AreOrderedWhereTheyAreNumbers) {
  EXPECT_TRUE(is_older("9", "10"));
  EXPECT_TRUE(is_older("0009", "10"));
  EXPECT_TRUE(is_older("99999999999999999999998", "99999999999999999999999"));
  EXPECT_FALSE(is_older("10", "9"));
  EXPECT_FALSE(is_older("10", "0010"));
  EXPECT_FALSE(is_older("", "10"));
  EXPECT_FALSE(is_older("9", ""));
  EXPECT_FALSE(is_older("a", "b"));
  EXPECT_FALSE(is_older("0", "0"));
}

TEST(Objects, AreKeptWithoutTheirManagedFields) {
  const auto kept = [](std::string_view json) {
    const auto object = read_object(json);
    return object ? object->name + " " + object->json : object.error().message;
  };
  EXPECT_EQ(kept(R"({"metadata":{"name":"x","managedFields":[{"f":{}}],"uid":"u"},"a":1})"),
            R"(x {"metadata":{"name":"x","uid":"u"},"a":1})");
  EXPECT_EQ(kept(R"({"metadata":{"managedFields":[] , "name":"x"}})"), R"(x {"metadata":{ "name":"x"}})");
  EXPECT_EQ(kept(R"({"metadata":{"name":"x", "managedFields":null}})"), R"(x {"metadata":{"name":"x"}})");
  EXPECT_EQ(kept(R"({"metadata":{"managedFields":[]}})"), R"( {"metadata":{}})");
  EXPECT_EQ(kept(R"({"managedFields":[1],"spec":{"metadata":{"managedFields":[2]}}})"),
            R"( {"managedFields":[1],"spec":{"metadata":{"managedFields":[2]}}})");
}

TEST_F(ClientTest, EndsAWaitWhenInterrupted) {
  api_.will("GET /api/v1/nodes/n", {.end = Canned::End::kHold});
  auto waiting = std::async(std::launch::async, [this] { return client_.get({kNodes, "", "n"}); });
  api_.await_requests(1);
  client_.interrupt();
  EXPECT_EQ(waiting.get().error().error.code, Code::kUnavailable);
  EXPECT_EQ(client_.get({kNodes, "", "n"}).error().error.code, Code::kUnavailable);
}

TEST_F(ClientTest, ReadsTextThatGoesOnUntilItIsCompleteOrEnough) {
  const std::string log = "/api/v1/namespaces/a/pods/p/log", path = "GET " + log;
  std::string text;
  const auto take = [&](std::string_view piece) {
    text += piece;
    return text.find("enough") == std::string::npos;
  };
  api_.will(path, {.body = "one\ntwo\n", .end = testing::Canned::End::kFinish});
  EXPECT_TRUE(client_.read_text(log, take));
  EXPECT_EQ(text, "one\ntwo\n");
  api_.will(path, {.body = "enough\n", .end = testing::Canned::End::kHold});
  EXPECT_TRUE(client_.read_text(log, take)) << "it does not wait for what it does not want";
  api_.will(path, {.body = "cut", .end = testing::Canned::End::kAbort});
  EXPECT_EQ(client_.read_text(log, [](std::string_view) { return true; }).error().error.code,
            Code::kUnavailable);
  api_.will(path, {.status = 404, .body = status_json(404, "NotFound", "pods \"p\" not found")});
  EXPECT_EQ(client_.read_text(log, take).error().error.code, Code::kNotFound);
}

TEST(ClientOverTls, SendsItsTokenToAServerThatItsCaVouchesFor) {
  testing::FakeApi api(testing::FakeApi::Transport::kTls);
  Access access = api.access();
  access.token = "secret";
  api.will("GET /api/v1/nodes/n", {.body = "{}"});
  Client client(access);
  const auto got = client.get({kNodes, "", "n"});
  ASSERT_TRUE(got) << got.error().error.message;
  EXPECT_EQ(api.requests()[0].headers["authorization"], "Bearer secret");

  testing::FakeApi other(testing::FakeApi::Transport::kTls);
  access.server = other.access().server;
  Client misled(access);
  EXPECT_EQ(misled.get({kNodes, "", "n"}).error().error.code, Code::kDenied);
  EXPECT_THAT(other.requests(), IsEmpty());
}

TEST(ClientErrors, NameTheAddress) {
  Client client({.server = "http://127.0.0.1:1"});
  EXPECT_EQ(client.get({kNodes, "", "n"}).error().error.message,
            "cannot connect to 127.0.0.1:1: Connection refused");
}

}  // namespace
}  // namespace slipway::kube
