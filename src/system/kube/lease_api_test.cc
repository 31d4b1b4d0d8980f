// The lease on a real API server: the one of SLIPWAY_TEST_KUBECONFIG, in a namespace of each test's own. All
// times are a fifth of the real ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "system/kube/internal/lease_json.h"
#include "system/kube/lease.h"

namespace slipway::kube {
namespace {

using internal::LeaseRecord;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

const Resource kNamespaces{"", "v1", "namespaces", Scope::kCluster};

// As a process sees time that was stopped for a while: it has jumped.
class ShiftedClock final : public runtime::Clock {
 public:
  TimePoint now() const override { return boot_.now() + Duration(ahead_.load()); }
  WallTime wall() const override { return boot_.wall(); }
  void jump(Duration by) { ahead_ += by.count(); }

 private:
  runtime::BootClock boot_;
  std::atomic<int64_t> ahead_{0};
};

class LeaseOnAnApiServer : public ::testing::Test {
 protected:
  struct Candidate {
    Candidate(const Access& access, const LeaseOptions& options) : lease(access, options, clock, metrics) {
      lease.on_lost([this](const std::string& why) { lost.set_value(why); });
    }
    ShiftedClock clock;
    telemetry::Registry metrics;
    std::promise<std::string> lost;
    Lease lease;
  };

  void SetUp() override {
    const char* file = std::getenv("SLIPWAY_TEST_KUBECONFIG");
    if (file == nullptr || *file == '\0')
      GTEST_SKIP() << "NOT TESTED: no API server; SLIPWAY_TEST_KUBECONFIG names a kubeconfig";
    const std::vector<std::string> files{file};
    auto loaded = load_access(files, "");
    ASSERT_TRUE(loaded) << loaded.error().message;
    access_ = loaded->access;
    client_ = std::make_unique<Client>(access_);
    auto made = client_->create(kNamespaces, "", R"({"metadata":{"generateName":"lease-"}})");
    ASSERT_TRUE(made) << made.error().error.message;
    options_.ns = made->name;
  }
  void TearDown() override {
    if (client_ == nullptr) return;
    const auto gone = client_->remove({kNamespaces, "", options_.ns});
    EXPECT_TRUE(gone) << gone.error().error.message;
  }

  std::unique_ptr<Candidate> candidate(const std::string& identity) {
    LeaseOptions options = options_;
    options.identity = identity;
    return std::make_unique<Candidate>(access_, options);
  }
  static std::future<Status> acquire(Candidate& candidate) {
    return std::async(std::launch::async, [&candidate] { return candidate.lease.acquire(); });
  }
  LeaseRecord record() {
    const auto lease = client_->get({internal::kLeases, options_.ns, options_.name});
    if (!lease) return {};
    return *internal::read_lease(lease->json);
  }
  // Until the candidate knows who leads, so that it does not wait for longer than it has to.
  static void await_holder(const Candidate& candidate, const std::string& holder) {
    while (candidate.lease.holder() != holder) std::this_thread::yield();
  }
  double seconds_since(TimePoint when) const {
    return std::chrono::duration<double>(clock_.now() - when).count();
  }

  Access access_;
  runtime::RealClock clock_;
  std::unique_ptr<Client> client_;
  LeaseOptions options_{
      .name = "x",
      .identity = "",
      .election = {.duration = 3s, .renew_every = 1s, .renew_deadline = 2s, .retry = 400ms}};
};

TEST_F(LeaseOnAnApiServer, IsHeldByOneOfManyThatStartAtOnce) {
  constexpr int kMany = 6;
  std::vector<std::unique_ptr<Candidate>> all;
  for (int i = 0; i < kMany; ++i) all.push_back(candidate(std::string(1, static_cast<char>('a' + i))));
  std::latch leads(1);
  std::vector<std::future<Status>> waiting;
  for (auto& one : all)
    waiting.push_back(std::async(std::launch::async, [&] {
      auto status = one->lease.acquire();
      if (status) leads.count_down();
      return status;
    }));
  leads.wait();
  for (auto& one : all) await_holder(*one, record().holder);
  for (auto& one : all) EXPECT_EQ(one->lease.held(), one->lease.identity() == record().holder);
  EXPECT_EQ(record().transitions, 0);
  for (auto& one : all) one->lease.interrupt();
  int held = 0;
  for (auto& one : waiting) held += one.get().has_value() ? 1 : 0;
  EXPECT_EQ(held, 1);
}

TEST_F(LeaseOnAnApiServer, GoesToTheNextAtOnceWhenItIsGivenBack) {
  const auto a = candidate("a"), b = candidate("b");
  ASSERT_TRUE(a->lease.acquire());
  auto next = acquire(*b);
  await_holder(*b, "a");
  const TimePoint began = clock_.now();
  ASSERT_TRUE(a->lease.release());
  ASSERT_TRUE(next.get());
  EXPECT_LE(seconds_since(began), 3.0);  // whole, and more than a fifth of it by far
  EXPECT_EQ(record().holder, "b");
  EXPECT_EQ(record().transitions, 1);
}

TEST_F(LeaseOnAnApiServer, GoesToTheNextWhenItsHolderIsGone) {
  auto a = candidate("a");
  const auto b = candidate("b");
  ASSERT_TRUE(a->lease.acquire());
  auto next = acquire(*b);
  await_holder(*b, "a");
  const TimePoint began = clock_.now();
  a.reset();
  ASSERT_TRUE(next.get());
  EXPECT_GE(seconds_since(began), 1.9);
  EXPECT_LE(seconds_since(began), 17.0 / 5);
}

TEST_F(LeaseOnAnApiServer, IsRenewedForAsLongAsItsHolderLives) {
  const auto a = candidate("a"), b = candidate("b");
  ASSERT_TRUE(a->lease.acquire());
  const std::string first = record().renewed;
  auto next = acquire(*b);
  EXPECT_EQ(next.wait_for(4s), std::future_status::timeout);
  EXPECT_TRUE(a->lease.held());
  EXPECT_GT(record().renewed, first);
  EXPECT_EQ(record().transitions, 0);
  b->lease.interrupt();
  EXPECT_FALSE(next.get());
}

TEST_F(LeaseOnAnApiServer, IsNotTakenBackByOneThatWasStoppedForTooLong) {
  const auto a = candidate("a");
  ASSERT_TRUE(a->lease.acquire());
  const std::string before = record().renewed;
  a->clock.jump(16s);
  EXPECT_FALSE(a->lease.held());
  EXPECT_THAT(a->lost.get_future().get(), HasSubstr("renewed"));
  EXPECT_TRUE(a->lease.release());
  EXPECT_EQ(record().renewed, before);
  EXPECT_EQ(record().holder, "a");
}

TEST_F(LeaseOnAnApiServer, IsLostBySomebodyElsesHand) {
  const auto a = candidate("a");
  ASSERT_TRUE(a->lease.acquire());
  const auto taken =
      client_->patch({internal::kLeases, options_.ns, options_.name},
                     {.kind = PatchKind::kMerge, .json = R"({"spec":{"holderIdentity":"people"}})"});
  ASSERT_TRUE(taken) << taken.error().error.message;
  EXPECT_THAT(a->lost.get_future().get(), HasSubstr("people holds it now"));
}

TEST_F(LeaseOnAnApiServer, IsKeptWhenSomebodyElseLabelsIt) {
  const auto a = candidate("a");
  ASSERT_TRUE(a->lease.acquire());
  const ObjectRef ref{internal::kLeases, options_.ns, options_.name};
  for (int i = 0; i < 3; ++i) {
    const std::string label = fmt::format(R"({{"metadata":{{"labels":{{"l":"{}"}}}}}})", i);
    ASSERT_TRUE(client_->patch(ref, {.kind = PatchKind::kMerge, .json = label}));
    const std::string before = record().renewed;
    while (record().renewed == before) std::this_thread::sleep_for(50ms);
  }
  EXPECT_TRUE(a->lease.held());
  EXPECT_THAT(client_->get(ref)->json, HasSubstr(R"("l":"2")"));
}

}  // namespace
}  // namespace slipway::kube
