#include "system/kube/reflector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/kube/testing/fake_api.h"

namespace slipway::kube {
namespace {

using testing::Canned;
using End = Canned::End;
using ::testing::ElementsAre;

const Resource kPods{"", "v1", "pods"};
const std::string kPath = "/api/v1/namespaces/a/pods";

std::string event(std::string_view type, std::string_view name, int version, std::string_view uid = "u") {
  return fmt::format(
             R"({{"type":"{}","object":{{"metadata":{{"name":"{}","namespace":"a","uid":"{}-{}","resourceVersion":"{}"}}}}}})",
             type, name, uid, name, version) +
         "\n";
}
std::string end_of_list(int version) {
  return fmt::format(R"({{"type":"BOOKMARK","object":{{"kind":"Pod","metadata":{{"resourceVersion":"{}",)"
                     R"("annotations":{{"k8s.io/initial-events-end":"true"}}}}}}}})",
                     version) +
         "\n";
}

class ReflectorTest : public ::testing::Test {
 protected:
  void serve(std::string body, End end = End::kHold) {
    api_.will("GET " + kPath, {.body = std::move(body), .end = end});
  }
  // Everything that is told until it was told that all is, so many times.
  std::vector<std::string> told(int times) {
    Reflector reflector(
        api_.access(), {.resource = kPods, .ns = "a", .label_selector = {}, .field_selector = {}}, clock_,
        {.put =
             [this](const Object& object) {
               say(fmt::format("{}@{}", object.name, object.resource_version));
             },
         .drop = [this](const std::string&, const std::string& name, uint64_t) { say("-" + name); },
         .settled = [this] { settle(); }},
        {.pause = [](Duration) {}});
    const runtime::MutexLock lock(mutex_);
    while (settled_ < times) changed_.wait(mutex_);
    return said_;
  }
  void say(std::string what) {
    const runtime::MutexLock lock(mutex_);
    said_.push_back(std::move(what));
  }
  void settle() {
    const runtime::MutexLock lock(mutex_);
    ++settled_;
    changed_.notify_all();
  }

  testing::FakeApi api_;
  runtime::RealClock clock_;
  runtime::Mutex mutex_;
  runtime::CondVar changed_;
  std::vector<std::string> said_ SLIPWAY_GUARDED_BY(mutex_);
  int settled_ SLIPWAY_GUARDED_BY(mutex_) = 0;
};

TEST_F(ReflectorTest, TellsWhatIsThereThenWhatChanges) {
  serve(event("ADDED", "x", 3) + event("ADDED", "y", 4) + end_of_list(5) + event("MODIFIED", "x", 6) +
        event("DELETED", "y", 7));
  EXPECT_THAT(told(3), ElementsAre("x@3", "y@4", "x@6", "-y"));
}

TEST_F(ReflectorTest, PassesOverWhatIsOlderAndWhatHasGone) {
  serve(event("ADDED", "x", 5) + end_of_list(5) + event("MODIFIED", "x", 4) + event("MODIFIED", "x", 5) +
        event("DELETED", "x", 6) + event("ADDED", "x", 5) + event("ADDED", "x", 8, "new"));
  EXPECT_THAT(told(6), ElementsAre("x@5", "-x", "x@8"));
}

TEST_F(ReflectorTest, WhatTheSelectorPicksAgainIsThereAgain) {
  serve(event("ADDED", "x", 5) + end_of_list(5) + event("DELETED", "x", 6) + event("ADDED", "x", 7));
  EXPECT_THAT(told(3), ElementsAre("x@5", "-x", "x@7"));
}

TEST_F(ReflectorTest, GoesOnWhereItWasAfterARefusal) {
  serve(event("ADDED", "x", 3) + end_of_list(5), End::kFinish);
  api_.will("GET " + kPath, {.status = 403, .body = testing::status_json(403, "Forbidden", "not now")});
  serve(event("MODIFIED", "x", 6));
  EXPECT_THAT(told(2), ElementsAre("x@3", "x@6"));
}

TEST_F(ReflectorTest, WhatVanishedWhileNobodyWatchedIsToldAsGone) {
  serve(event("ADDED", "x", 3) + event("ADDED", "y", 4) + end_of_list(5) +
            "{\"type\":\"ERROR\",\"object\":" + testing::status_json(410, "Expired", "too old") + "}\n",
        End::kFinish);
  serve(event("ADDED", "x", 3) + end_of_list(9));
  EXPECT_THAT(told(2), ElementsAre("x@3", "y@4", "-y"));
}

}  // namespace
}  // namespace slipway::kube
