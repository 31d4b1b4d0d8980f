// Replicas as pods, and their logs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "services/api/internal/log_query.h"
#include "services/api/testing/served_store.h"
#include "system/http/client.h"

namespace slipway::api {
namespace {

using domain::ReplicaState;
using json::Document;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kReplica = "credit-3-8f2a1c40-0", kPods = "/api/v1/namespaces/default/pods";

std::string line(int second, const std::string& text) {
  return fmt::format("{{\"time\":\"2026-01-31T23:59:{:02}.000Z\",\"message\":\"{}\"}}\n", second, text);
}

struct Folder {
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "slipway-logs-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  void add(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name, std::ios::app | std::ios::binary) << text;
  }
  std::string path;
};

class LogsTest : public ::testing::Test {
 protected:
  http::Request request(const std::string& target, const std::string& accept = "application/json") {
    return {.target = target,
            .headers = {{"authorization", "Bearer " + testing::kToken}, {"accept", accept}}};
  }
  http::Response ask(const std::string& target, const std::string& accept = "application/json") {
    http::Client client(*http::parse_url("http://" + served_.address().str()));
    auto response = client.ask(request(target, accept));
    EXPECT_TRUE(response) << response.error().message;
    return response ? *response : http::Response{};
  }
  std::string log(const std::string& query = "") {
    return ask(fmt::format("{}/{}/log?{}", kPods, kReplica, query)).body;
  }

  std::vector<domain::ReplicaObserved> list() {
    const runtime::MutexLock lock(mutex_);
    return replicas_;
  }
  void none() {
    const runtime::MutexLock lock(mutex_);
    replicas_.clear();
  }

  runtime::Mutex mutex_;
  std::vector<domain::ReplicaObserved> replicas_{
      {.name = kReplica,
       .address = "a.sock",
       .revision = "credit-3-8f2a1c40",
       .deployment = "credit",
       .state = ReplicaState::kReady,
       .fault = {},
       .load = {}},
      {.name = "spam-1-00000000-0",
       .address = "b.sock",
       .revision = "spam-1-00000000",
       .deployment = "spam",
       .state = ReplicaState::kBackingOff,
       .failures = 3,
       .fault = domain::Fault{domain::Reason::kLoadFailed, "no such tree"},
       .load = {}}};
  Folder folder_;
  testing::ServedStore served_{
      {.api = {.version = "0.0.0", .logs = {.replicas = [this] { return list(); }, .folder = folder_.path}}}};
};

TEST_F(LogsTest, ReplicasAreListedAsPods) {
  const Document pods = Document::parse(ask(kPods + "?labelSelector=slipway.dev/deployment%3Dcredit").body);
  ASSERT_EQ(pods["items"].size(), 1u) << pods;
  const Document& pod = pods["items"][0];
  EXPECT_EQ(pod["metadata"]["name"], kReplica);
  EXPECT_EQ(pod["status"]["phase"], "Running");
  EXPECT_EQ(pod["spec"]["containers"].size(), 1u);
  EXPECT_EQ(Document::parse(ask(kPods + "/" + kReplica).body), pod);
  EXPECT_EQ(ask(kPods + "/nobody-1-00000000-0").status, 404);
  EXPECT_EQ(Document::parse(ask("/api/v1/namespaces/other/pods").body)["items"].size(), 0u);
}

TEST_F(LogsTest, TheTableOfPodsSaysWhyOneDoesNotRun) {
  const Document table = Document::parse(ask(kPods, "application/json;as=Table;v=v1;g=meta.k8s.io").body);
  EXPECT_EQ(table["rows"][0]["cells"], (Document{kReplica, "1/1", "Running", 0, "credit-3-8f2a1c40"}));
  EXPECT_EQ(table["rows"][1]["cells"],
            (Document{"spam-1-00000000-0", "0/1", "LoadFailed", 3, "spam-1-00000000"}));
}

TEST_F(LogsTest, PodsAreSelectedByFieldsThatTheyHave) {
  const auto names = [&](const std::string& selector) {
    return Document::parse(ask(kPods + "?fieldSelector=" + selector).body)["items"].size();
  };
  EXPECT_EQ(names("metadata.name%3D" + kReplica), 1u);
  EXPECT_EQ(names("status.phase!%3DRunning"), 0u);
  EXPECT_EQ(ask(kPods + "?fieldSelector=spec.nodeName%3Dx").status, 400);
  EXPECT_EQ(ask(kPods + "?watch=1").status, 405);
}

TEST_F(LogsTest, ALogIsGivenWholeOrByItsEnd) {
  folder_.add(kReplica + ".log", line(1, "a") + line(2, "b") + "no end");
  folder_.add(kReplica + ".log.1", "before\n");
  EXPECT_EQ(log(), line(1, "a") + line(2, "b") + "no end");
  EXPECT_EQ(log("tailLines=2&container=server"), line(2, "b") + "no end");
  EXPECT_EQ(log("tailLines=0"), "");
  EXPECT_EQ(log("tailLines=100"), log());
  EXPECT_EQ(log("limitBytes=7"), log().substr(0, 7));
  EXPECT_EQ(log("previous=true"), "before\n");
}

TEST_F(LogsTest, LinesAreChosenByTheirTimeAndShownWithIt) {
  folder_.add(kReplica + ".log", line(1, "a") + "of a\n" + line(5, "b") + "of b\nno end");
  EXPECT_EQ(log("sinceTime=2026-01-31T23:59:03Z"), line(5, "b") + "of b\nno end");
  EXPECT_EQ(log("sinceTime=2026-01-31T23:59:03Z&tailLines=1"), "no end");
  EXPECT_EQ(log("sinceTime=2026-01-31T23:59:06Z"), "");
  const std::string b = "2026-01-31T23:59:05.000Z ";
  EXPECT_EQ(log("timestamps=true&tailLines=3"), b + line(5, "b") + b + "of b\n" + b + "no end");
}

TEST_F(LogsTest, LinesBeforeAnyTimeAreAsYoungAsTheFile) {
  folder_.add(kReplica + ".log", "serving\n" + line(1, "a"));
  EXPECT_EQ(log("sinceSeconds=3600"), "serving\n");
  EXPECT_EQ(log("timestamps=true"), "serving\n2026-01-31T23:59:01.000Z " + line(1, "a"));
}

TEST_F(LogsTest, ALongLogComesInPieces) {
  std::string text;
  for (int i = 0; text.size() < (3 << 20); ++i) text += fmt::format("line {}\n", i);
  folder_.add(kReplica + ".log", text);
  EXPECT_EQ(log(), text);
  EXPECT_EQ(log("tailLines=20000"),
            text.substr(text.find(fmt::format("line {}\n", std::ranges::count(text, '\n') - 20'000))));
}

// Reads from an answer that goes on until it holds the text, or is complete.
std::string read_until(http::Client& client, const std::string& text) {
  std::string out;
  std::array<char, 4096> piece{};
  while (out.find(text) == std::string::npos) {
    const auto got = client.read(piece);
    if (!got || *got == 0) break;
    out.append(piece.data(), *got);
  }
  return out;
}

TEST_F(LogsTest, WhoFollowsSeesWhatIsAddedAlsoInANewFile) {
  folder_.add(kReplica + ".log", "first\n");
  http::Client client(*http::parse_url("http://" + served_.address().str()));
  ASSERT_TRUE(client.begin(request(fmt::format("{}/{}/log?follow=true", kPods, kReplica))));
  EXPECT_EQ(read_until(client, "first\n"), "first\n");
  folder_.add(kReplica + ".log", "second\n");
  EXPECT_EQ(read_until(client, "second\n"), "second\n");
  std::filesystem::rename(folder_.path + "/" + kReplica + ".log", folder_.path + "/" + kReplica + ".log.1");
  folder_.add(kReplica + ".log", "after a restart\n");
  EXPECT_EQ(read_until(client, "restart\n"), "after a restart\n");
  none();
  EXPECT_EQ(read_until(client, "never"), "") << "it ends with its replica";
}

TEST_F(LogsTest, WhatIsNotThereIsToldApart) {
  EXPECT_THAT(log(), HasSubstr("is waiting to start"));
  EXPECT_THAT(log("previous=true"), HasSubstr("previous terminated container"));
  EXPECT_EQ(ask(kPods + "/nobody-1-00000000-0/log").status, 404);
  folder_.add("gone-1-00000000-0.log", "its last words\n");
  EXPECT_EQ(ask(kPods + "/gone-1-00000000-0/log?follow=true").body, "its last words\n");
}

TEST_F(LogsTest, NoNameLeadsOutOfTheFolder) {
  folder_.add("control.log", "secret");
  std::filesystem::create_symlink("/etc/passwd", folder_.path + "/link-1-00000000-0.log");
  for (const char* name : {"..%2F..%2Fetc%2Fpasswd", "control", "%2e%2e", "a-1%00-0", "link-1-00000000-0",
                           "credit-3-8f2a1c40-0.log.1", "Credit-0", "-0", "credit-"})
    EXPECT_THAT(ask(fmt::format("{}/{}/log", kPods, name)).status, ::testing::AnyOf(404, 400)) << name;
}

TEST_F(LogsTest, WrongParametersAreNamed) {
  for (const char* query : {"tailLines=-1", "limitBytes=0", "sinceSeconds=0", "tailLines=x", "sinceTime=noon",
                            "container=other"}) {
    const auto answer = ask(fmt::format("{}/{}/log?{}", kPods, kReplica, query));
    EXPECT_THAT(answer.status, ::testing::AnyOf(400, 422)) << query;
    const std::string name = std::string(query).substr(0, std::string(query).find('='));
    EXPECT_THAT(answer.body, HasSubstr(name)) << query;
  }
}

TEST(UnobservedApi, DoesNotPretendThatThereIsNothing) {
  testing::ServedStore served({.api = {.version = "0.0.0", .observed = false}});
  http::Client client(*http::parse_url("http://" + served.address().str()));
  const auto ask = [&](const std::string& target) {
    auto answer = client.ask({.target = target, .headers = {{"authorization", "Bearer " + testing::kToken}}});
    return answer ? *answer : http::Response{};
  };
  const std::string slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
  for (const std::string& target : {slices, slices + "?watch=1", kPods, kPods + "/x-0"}) {
    const auto answer = ask(target);
    EXPECT_EQ(answer.status, 503) << target;
    EXPECT_EQ(answer.find("retry-after"), "1") << target;
    EXPECT_EQ(Document::parse(answer.body)["kind"], "Status");
  }
  EXPECT_EQ(ask("/apis/slipway.dev/v1alpha1/modeldeployments").status, 200);
  served.api().set_observed();
  EXPECT_EQ(ask(slices).status, 200);
  EXPECT_EQ(ask(kPods).status, 200);
}

}  // namespace
}  // namespace slipway::api
