#include "services/server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <latch>

#include "ports/backend/testing/fake_backend.h"
#include "system/http/client.h"
#include "values/domain/observed.h"

namespace slipway::server {
namespace {

using namespace std::chrono_literals;
using backend::testing::FakeBackend;
using backend::testing::FakeBehaviour;
using ::testing::HasSubstr;

constexpr const char* kBody = R"({"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]})";

// A server over a fake model, asked over real sockets.
class ServerTest : public ::testing::Test {
 protected:
  void start(Options options = {}) {
    Backends backends;
    backends.emplace("native", std::make_unique<FakeBackend>(behaviour_));
    options.listen = *http::parse_address("127.0.0.1:0");
    options.models = {{.name = "m", .path = SLIPWAY_TEST_DATA "/zoo/xgb_binary_cancer/model.json"}};
    server_ = std::make_unique<Server>(std::move(options), std::move(backends), clock_);
    const Status started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
    warm_runs_ = behaviour_->runs;
  }
  http::Response ask(const http::Request& request) {
    http::Client client(*http::parse_url("http://" + server_->address().str()));
    auto response = client.ask(request);
    EXPECT_TRUE(response) << (response ? "" : response.error().message);
    return response.value_or(http::Response{});
  }
  http::Response get(const std::string& target) { return ask({.target = target}); }
  http::Response infer(const std::string& body = kBody) {
    return ask({.method = base::Method::kPost, .target = "/v2/models/m/infer", .body = body});
  }
  // The server's own word on a sample, e.g. "slipway_server_in_flight".
  std::string sample(const std::string& name) {
    const std::string text = get("/metrics").body;
    const size_t at = text.find("\n" + name + " ");
    return at == std::string::npos
               ? "none"
               : text.substr(at + name.size() + 2, text.find('\n', at + 1) - at - name.size() - 2);
  }

  std::shared_ptr<FakeBehaviour> behaviour_ = std::make_shared<FakeBehaviour>();
  runtime::RealClock clock_;
  std::unique_ptr<Server> server_;
  int warm_runs_ = 0;
};

TEST_F(ServerTest, AnswersAndSaysWhoAnswered) {
  start();
  const auto answer = infer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body,
              HasSubstr(R"("outputs":[{"name":"y","datatype":"FP32","shape":[1,2],"data":[2,4]}])"));
  EXPECT_TRUE(answer.find("slipway-revision").starts_with("m-1-57104ea8; digest=sha256:"));
  EXPECT_EQ(sample(R"(slipway_server_requests_total{model="m",version="1",code="200"})"), "1");
}

TEST_F(ServerTest, GivesTheModelsOwnFaultItsCode) {
  start();
  const struct {
    Code code;
    int status;
  } rows[] = {{Code::kInvalid, 400},
              {Code::kUnsupported, 501},
              {Code::kExhausted, 503},
              {Code::kTimeout, 504},
              {Code::kInternal, 500}};
  for (const auto& row : rows) {
    behaviour_->check = [&](auto) -> Status { return fail(row.code, "because"); };
    const auto answer = infer();
    EXPECT_EQ(answer.status, row.status);
    EXPECT_THAT(answer.body, HasSubstr("because"));
    EXPECT_NE(answer.find("slipway-revision"), "");
    EXPECT_EQ(answer.find("retry-after"), row.status == 503 ? "1" : "");
    EXPECT_EQ(sample(fmt::format(R"(slipway_server_requests_total{{model="m",version="1",code="{}"}})",
                                 row.status)),
              "1");
  }
}

TEST_F(ServerTest, RefusesWhatItCannotReadWithoutRunning) {
  start();
  EXPECT_EQ(infer("{").status, 400);
  EXPECT_EQ(behaviour_->runs, warm_runs_);
  EXPECT_EQ(ask({.method = base::Method::kPost, .target = "/v2/models/n/infer", .body = kBody}).status, 404);
  EXPECT_EQ(sample(R"(slipway_server_refused_total{reason="unknown_model"})"), "1");
}

// A model that is dear, so that it runs on the one worker, and waits there until it is let go.
class BusyServerTest : public ServerTest {
 protected:
  void start_busy(Options options) {
    options.predict.inline_time = Duration(0);
    options.workers = 1;
    start(std::move(options));
    behaviour_->before_run = [this] {
      running_.count_down();
      go_.wait();
    };
  }
  std::future<int> infer_later() {
    return std::async(std::launch::async, [this] { return infer().status; });
  }
  void TearDown() override {
    if (!go_.try_wait()) go_.count_down();
  }
  std::latch running_{1}, go_{1};
};

TEST_F(BusyServerTest, RefusesWhenTheQueueIsFullAndStillAnswersTheRest) {
  start_busy({.queue = 1});
  auto first = infer_later();
  running_.wait();
  auto second = infer_later();
  while (sample("slipway_server_in_flight") != "2") std::this_thread::yield();
  const auto third = infer();
  EXPECT_EQ(third.status, 503);
  EXPECT_EQ(third.find("retry-after"), "1");
  EXPECT_THAT(third.body, HasSubstr("too many requests are waiting"));
  EXPECT_EQ(get("/livez").status, 200);
  const auto observed = domain::parse_observed(get("/observed").body);
  EXPECT_EQ(observed->in_flight, 2);
  EXPECT_EQ(observed->queued, 1);
  EXPECT_EQ(observed->idle_seconds, 0);
  behaviour_->before_run = nullptr;
  go_.count_down();
  EXPECT_EQ(first.get(), 200);
  EXPECT_EQ(second.get(), 200);
  EXPECT_EQ(sample(R"(slipway_server_refused_total{reason="queue_full"})"), "1");
}

TEST_F(ServerTest, ParsesALargeBodyOnAWorkerToTheSameAnswer) {
  Options options;
  options.predict.inline_body_bytes = 10;
  start(std::move(options));
  const auto answer = infer();
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr(R"("data":[2,4])"));
  EXPECT_EQ(infer(std::string(100, '[')).status, 400);
}

TEST_F(BusyServerTest, DoesNotRunWhatHasWaitedPastItsDeadline) {
  Options options;
  options.predict.run_time = Duration(0);
  start_busy(std::move(options));
  EXPECT_EQ(infer().status, 504);
  EXPECT_EQ(behaviour_->runs, warm_runs_);
  EXPECT_EQ(sample(R"(slipway_server_refused_total{reason="expired"})"), "1");
}

TEST_F(BusyServerTest, PastTheDrainDeadlineOnlyInferenceIsRefused) {
  start_busy({.drain = {.quiet = 60s, .deadline = Duration(0)}});
  auto busy = infer_later();
  running_.wait();
  http::Client kept(*http::parse_url("http://" + server_->address().str()));
  ASSERT_EQ(kept.ask({.target = "/readyz"})->status, 200);
  server_->begin_drain();
  EXPECT_FALSE(server_->drain_step(clock_.now()));
  const auto refused =
      kept.ask({.method = base::Method::kPost, .target = "/v2/models/m/infer", .body = kBody});
  ASSERT_TRUE(refused) << refused.error().message;
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->find("slipway-refused"), "draining");
  behaviour_->before_run = nullptr;
  go_.count_down();
  EXPECT_EQ(busy.get(), 200);
}

TEST_F(ServerTest, IsIdleSinceItsStartOrItsLastRequest) {
  start();
  EXPECT_LT(domain::parse_observed(get("/observed").body)->idle_seconds, 60);
  infer();
  const auto observed = domain::parse_observed(get("/observed").body);
  EXPECT_EQ(observed->arrivals, 1);
  EXPECT_EQ(observed->in_flight, 0);
  EXPECT_EQ(observed->revisions[0].state, domain::RevisionState::kReady);
}

TEST_F(ServerTest, RefusesARequestThatTheBudgetCannotHold) {
  start({.request_memory = 200'000});
  std::string body = R"({"inputs":[{"name":"x","datatype":"FP32","shape":[100000,2],"data":[)";
  for (int i = 0; i < 200'000; ++i) body += i == 0 ? "1" : ",1";
  const auto answer = infer(body + "]}]}");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.find("retry-after"), "1");
  EXPECT_EQ(infer().status, 200);
  EXPECT_EQ(sample("slipway_server_request_memory_bytes"), "0");
}

TEST_F(ServerTest, HasItsAdminPathsOnAListenerOfTheirOwn) {
  start({.admin = *http::parse_address("127.0.0.1:0")});
  EXPECT_EQ(get("/metrics").status, 404);
  http::Client admin(*http::parse_url("http://" + server_->admin_address().str()));
  for (const char* path : {"/startupz", "/readyz", "/livez", "/metrics", "/observed"})
    EXPECT_EQ(admin.ask({.target = path})->status, 200);
  EXPECT_EQ(admin.ask({.target = "/v2/models"})->status, 404);
}

// A start that waits in its warm-up run.
TEST_F(BusyServerTest, SaysThatItLoadsBeforeAndWhileItDoes) {
  Backends backends;
  backends.emplace("native", std::make_unique<FakeBackend>(behaviour_));
  behaviour_->before_run = [this] {
    if (!running_.try_wait()) running_.count_down();
    go_.wait();
  };
  server_ = std::make_unique<Server>(
      Options{.models = {{.name = "m",
                          .path = SLIPWAY_TEST_DATA "/zoo/xgb_binary_cancer/model.json",
                          .revision = "m-1-abc"}},
              .listen = *http::parse_address("127.0.0.1:0")},
      std::move(backends), clock_);
  ASSERT_TRUE(server_->listen());
  const std::vector<domain::ObservedRevision> loading{
      {.revision = "m-1-abc", .model = "m", .version = 1, .digest = ""}};
  EXPECT_EQ(domain::parse_observed(get("/observed").body)->revisions, loading);
  auto loaded = std::async(std::launch::async, [this] { return server_->load(); });
  running_.wait();
  EXPECT_EQ(domain::parse_observed(get("/observed").body)->revisions, loading);
  EXPECT_EQ(get("/readyz").status, 503);
  EXPECT_EQ(infer().status, 503);
  EXPECT_EQ(infer().find("slipway-refused"), "loading");
  go_.count_down();
  ASSERT_TRUE(loaded.get());
  EXPECT_EQ(domain::parse_observed(get("/observed").body)->revisions[0].state, domain::RevisionState::kReady);
}

TEST_F(ServerTest, FailsItsStartWithTheModelThatCannotBeServed) {
  Backends backends;
  backends.emplace("native", std::make_unique<FakeBackend>(behaviour_));
  behaviour_->check = [](auto) -> Status { return fail(Code::kInternal, "broken"); };
  Server server({.models = {{.name = "m", .path = SLIPWAY_TEST_DATA "/zoo/xgb_binary_cancer/model.json"}},
                 .listen = *http::parse_address("127.0.0.1:0")},
                std::move(backends), clock_);
  const Status started = server.start();
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message, HasSubstr("model m: "));
  EXPECT_FALSE(server.ready());
}

}  // namespace
}  // namespace slipway::server
