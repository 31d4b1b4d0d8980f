// The same on one thread, event by event: a caller that goes within the very call that answers it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "services/gateway/internal/forward.h"
#include "services/gateway/internal/traffic.h"
#include "services/gateway/testing/world.h"
#include "system/http/address.h"
#include "system/os/descriptor.h"
#include "system/runtime/testing/manual_clock.h"

namespace slipway::gateway {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

// An exchange whose caller can be made to go whenever something is said to it. As the real one, it tells that
// by on_cancel() and takes no more words afterwards.
class Exchange final : public http::Exchange {
 public:
  explicit Exchange(runtime::EventLoop& loop, std::shared_ptr<void>& local) : loop_(loop), local_(local) {
    head_.target = head_.path = "/v2/models/credit";
    head_.host = "h";
  }
  void ask_with(base::RequestHead head) { head_ = head; }
  void go() {
    cancelled_ = true;
    if (on_cancel_) std::exchange(on_cancel_, nullptr)();
  }
  void give(Result<Piece> piece) { std::exchange(piece_then_, nullptr)(*this, std::move(piece)); }
  bool wants_a_piece() const { return piece_then_ != nullptr; }

  const base::RequestHead& head() const override { return head_; }
  base::Arena& arena() override { return arena_; }
  TimePoint received() const override { return loop_.now(); }
  std::string_view request_id() const override { return "id"; }
  void read_all(size_t, WholeBody then) override { whole_then_ = std::move(then); }
  void read(BodyPiece then) override { piece_then_ = std::move(then); }
  void respond(const http::Answer& answer) override { say(fmt::format("{} {}", answer.status, answer.body)); }
  void start(const http::Answer& answer) override { say(fmt::format("{}…", answer.status)); }
  bool write(std::string_view piece, std::function<void(http::Exchange&)> then) override {
    say(fmt::format("+{}", piece));
    if (cancelled_) loop_.post([this, then = std::move(then)] { then(*this); });
    return !cancelled_;
  }
  void finish(std::span<const base::Header>) override { say("."); }
  void abort() override { say("cut"); }
  bool cancelled() const override { return cancelled_; }
  void on_cancel(std::function<void()> then) override { on_cancel_ = std::move(then); }
  void post(std::function<void()> task) override { loop_.post(std::move(task)); }
  runtime::EventLoop& loop() override { return loop_; }
  std::shared_ptr<void>& local() override { return local_; }

  std::string said;
  std::string goes_at;  // what is said last

 private:
  void say(const std::string& what) {
    if (cancelled_) return;
    said += what + ";";
    if (!goes_at.empty() && what.starts_with(goes_at)) go();
  }

  runtime::EventLoop& loop_;
  std::shared_ptr<void>& local_;
  base::RequestHead head_;
  base::Arena arena_;
  bool cancelled_ = false;
  std::function<void()> on_cancel_;
  WholeBody whole_then_;
  BodyPiece piece_then_;
};

class OrderTest : public ::testing::Test {
 protected:
  OrderTest() {
    const http::Address address{.kind = http::Address::Kind::kUnix, .path = folder_.file("a-0.sock")};
    listener_ = os::Descriptor(*http::listen_on(address));
    auto row = std::make_shared<route::Row>();
    row->deployment = "credit";
    row->revisions = {
        {.name = "a", .weight = 100, .share = 1, .endpoints = {{.replica = "a-0", .address = {}}}}};
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->entries["credit"] = {.row = row,
                                   .stats = std::make_shared<DeploymentStats>(),
                                   .revisions = {stats_},
                                   .addresses = {address.str()}};
    published_.publish(std::move(snapshot));
  }
  std::shared_ptr<Exchange> exchange() { return std::make_shared<Exchange>(loop_, local_); }
  void step() {
    for (int i = 0; i < 4; ++i) loop_.step(0ms);
  }
  os::Descriptor begin(const std::shared_ptr<Exchange>& exchange) {
    traffic_.handle(*exchange, "credit", "");
    step();
    return os::Descriptor(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  }
  void answer(const os::Descriptor& peer, std::string_view bytes) {
    ASSERT_EQ(::send(peer.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
    step();
  }
  std::string received(const os::Descriptor& peer) const {
    std::string out(1 << 16, '\0');
    const ssize_t got = ::recv(peer.get(), out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return out;
  }
  void expect_quiet() const {
    EXPECT_EQ(traffic_.in_flight(), 0);
    EXPECT_EQ(stats_->in_flight, 0);
  }

  testing::Folder folder_;
  os::Descriptor listener_;
  runtime::testing::ManualClock clock_;
  runtime::EventLoop loop_{clock_};
  telemetry::Registry registry_;
  std::shared_ptr<RevisionStats> stats_ = std::make_shared<RevisionStats>(registry_, "credit", "a");
  Published published_;
  Traffic traffic_{{}, published_, registry_};
  std::shared_ptr<void> local_;  // the loop's state: first to go
};

constexpr std::string_view kPart = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc";

TEST_F(OrderTest, AnAnswerComesAsTheReplicaGivesIt) {
  const auto asked = exchange();
  const auto peer = begin(asked);
  answer(peer, kPart);
  EXPECT_EQ(asked->said, "200…;+abc;");
  EXPECT_EQ(stats_->in_flight, 1);
  answer(peer, "def");
  EXPECT_EQ(asked->said, "200…;+abc;+def;.;");
  expect_quiet();
}

TEST_F(OrderTest, ACallerMayGoWithTheHeadOfItsAnswer) {
  const auto asked = exchange();
  asked->goes_at = "200";
  answer(begin(asked), kPart);
  EXPECT_EQ(asked->said, "200…;");
  expect_quiet();
}

TEST_F(OrderTest, ACallerMayGoWithAPieceOfItsAnswer) {
  const auto asked = exchange();
  asked->goes_at = "+abc";
  answer(begin(asked), kPart);
  EXPECT_EQ(asked->said, "200…;+abc;");
  expect_quiet();
}

TEST_F(OrderTest, ACallerMayGoWithTheLastPieceOfItsAnswer) {
  const auto asked = exchange();
  asked->goes_at = "+def";
  const auto peer = begin(asked);
  answer(peer, kPart);
  answer(peer, "def");
  EXPECT_EQ(asked->said, "200…;+abc;+def;");
  expect_quiet();
}

TEST_F(OrderTest, ACallerMayGoWithAWholeAnswer) {
  const auto asked = exchange();
  asked->goes_at = "200";
  answer(begin(asked), "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na");
  EXPECT_EQ(asked->said, "200 a;");
  expect_quiet();
}

TEST_F(OrderTest, RoomThatComesForACallerWhoHasGoneTouchesNobodyElse) {
  // More at once than are kept for later, so that some of what waits for room has gone itself.
  std::vector<std::shared_ptr<Exchange>> all;
  std::vector<os::Descriptor> peers;
  for (int i = 0; i < 300; ++i) {
    all.push_back(exchange());
    all.back()->goes_at = "+abc";
    peers.push_back(begin(all.back()));
    ASSERT_TRUE(peers.back().valid());
  }
  for (const auto& peer : peers) ASSERT_GT(::send(peer.get(), kPart.data(), kPart.size(), MSG_NOSIGNAL), 0);
  step();
  expect_quiet();
}

TEST_F(OrderTest, ACallerThatGoesBeforeAnAnswerIsToldNothingAndItsReplicaHearsIt) {
  const auto asked = exchange();
  const auto peer = begin(asked);
  EXPECT_THAT(received(peer), HasSubstr("GET /v2/models/credit HTTP/1.1"));
  asked->go();
  step();
  char byte = 0;
  EXPECT_EQ(::recv(peer.get(), &byte, 1, 0), 0) << "the connection is closed";
  EXPECT_EQ(asked->said, "");
  expect_quiet();
}

TEST_F(OrderTest, AnAnswerBeforeTheBodyIsTheAnswerAndTheRestOfTheBodyIsNobodys) {
  const auto asked = exchange();
  const base::Header headers[] = {{"transfer-encoding", "chunked"}};
  asked->ask_with({.method = base::Method::kPost,
                   .target = "/v2/models/credit/infer",
                   .path = "/v2/models/credit/infer",
                   .headers = headers});
  const auto peer = begin(asked);
  answer(peer, "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(asked->wants_a_piece());
  answer(peer, "HTTP/1.1 413 Too Large\r\ncontent-length: 1\r\n\r\nx");
  EXPECT_EQ(asked->said, "413 x;");
  expect_quiet();
}

TEST_F(OrderTest, ABodyThatFailsAfterTheAnswerBeganCutsTheAnswer) {
  const auto asked = exchange();
  const base::Header headers[] = {{"transfer-encoding", "chunked"}};
  asked->ask_with({.method = base::Method::kPost,
                   .target = "/v2/models/credit/infer",
                   .path = "/v2/models/credit/infer",
                   .headers = headers});
  const auto peer = begin(asked);
  answer(peer, "HTTP/1.1 100 Continue\r\n\r\n");
  answer(peer, kPart);
  asked->give(fail(Code::kTimeout, "too slow"));
  EXPECT_EQ(asked->said, "200…;+abc;cut;");
  expect_quiet();
}

}  // namespace
}  // namespace slipway::gateway
