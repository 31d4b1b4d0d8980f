// Uploads over HTTP whose senders break off, meet each other, or find no room.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <future>
#include <latch>
#include <thread>

#include "services/registry/registry.h"
#include "system/http/client.h"
#include "system/http/server.h"
#include "system/http/testing/raw_client.h"

namespace slipway::registry {
namespace {

using namespace std::chrono_literals;
using base::Method;

constexpr size_t kPiece = 64 << 10;
constexpr size_t kQueue = 16;

class BrokenUploadTest : public testing::Test {
 protected:
  BrokenUploadTest() {
    std::string pattern = testing::TempDir() + "slipway-upload-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    layout_ = std::move(*oci::Layout::open(folder_, {.open_uploads = 8}, clock_));
    executor_ = std::make_unique<runtime::Executor>(
        runtime::Executor::Options{.name = "disk", .threads = 2, .queue = kQueue});
    registry_ = std::make_unique<Registry>(RegistryOptions{.piece_bytes = kPiece}, *layout_, *executor_);
    server_ = std::make_unique<http::Server>(
        http::ServerOptions{.address = *http::parse_address("127.0.0.1:0"), .loops = 2},
        [this](http::Exchange& exchange) { registry_->handle(exchange); }, clock_);
    EXPECT_TRUE(server_->start());
  }
  ~BrokenUploadTest() override {
    executor_->stop();
    server_->stop();
    std::filesystem::remove_all(folder_);
  }

  struct Answer {
    int status = 0;
    std::string location, range;
  };
  Answer ask(Method method, const std::string& target, std::string_view body = "",
             const std::string& range = "") {
    http::Client client(*http::parse_url("http://" + server_->address().str()));
    http::Request request{.method = method, .target = target, .headers = {}, .body = body};
    if (!range.empty()) request.headers.emplace_back("content-range", range);
    const auto got = client.ask(request);
    EXPECT_TRUE(got) << got.error().message;
    if (!got) return {};
    return {got->status, std::string(got->find("location")), std::string(got->find("range"))};
  }
  std::string begin_upload() { return ask(Method::kPost, "/v2/credit/blobs/uploads/").location; }
  static std::string id_of(const std::string& location) { return location.substr(location.rfind('/') + 1); }
  size_t open_uploads() const {
    const std::filesystem::directory_iterator files(folder_ + "/uploads");
    return static_cast<size_t>(std::distance(begin(files), end(files)));
  }
  // A request whose body is said to have `length` bytes.
  static std::string head(const std::string& method, const std::string& target, size_t length) {
    return fmt::format("{} {} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", method, target, length);
  }
  // Keeps every thread of the executor busy until it is destroyed.
  struct Busy {
    explicit Busy(runtime::Executor& executor) {
      const auto started = std::make_shared<std::latch>(2);
      const std::shared_future<void> end = end_.get_future().share();
      for (int i = 0; i < 2; ++i)
        EXPECT_TRUE(executor.submit([started, end] {
          started->count_down();
          end.wait();
        }));
      started->wait();
    }
    ~Busy() { end_.set_value(); }
    std::promise<void> end_;
  };

  const runtime::RealClock clock_;
  std::string folder_;
  std::unique_ptr<oci::Layout> layout_;
  std::unique_ptr<runtime::Executor> executor_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(BrokenUploadTest, WhatArrivedBeforeABreakIsKept) {
  const std::string where = begin_upload();
  const std::string arrived(kPiece + 1000, 'x');
  {
    http::testing::RawClient client(server_->address());
    client.send(head("PATCH", where, 10 * kPiece) + arrived);
  }
  while (*layout_->upload_size(id_of(where)) < arrived.size()) std::this_thread::yield();
  EXPECT_EQ(ask(Method::kGet, where).range, fmt::format("0-{}", arrived.size() - 1));
  const std::string rest(50, 'y');
  const auto digest = base::sha256(arrived + rest);
  // That the sender has gone is noticed a moment after its bytes; until then it has the upload.
  int status = 416;
  while (status == 416) status = ask(Method::kPut, where + "?digest=" + digest.str(), rest).status;
  EXPECT_EQ(status, 201);
}

TEST_F(BrokenUploadTest, AnUploadWhoseIdNobodyKnowsGoesWithItsRequest) {
  const std::string digest = base::sha256("abc").str(), target = "/v2/credit/blobs/uploads/?digest=";
  for (int i = 0; i < 20; ++i) {  // more than may be open
    http::testing::RawClient client(server_->address());
    client.send(head("POST", target + digest, 1000) + "abc");
    while (open_uploads() == 0) std::this_thread::yield();
    client.half_close();
    while (open_uploads() != 0) std::this_thread::yield();
  }
  EXPECT_EQ(ask(Method::kPost, target + "sha256:nonsense", "abc").status, 400);
  EXPECT_EQ(open_uploads(), 0u);
  EXPECT_EQ(ask(Method::kPost, target + digest, "abc").status, 201);
  EXPECT_TRUE(layout_->find_blob(base::sha256("abc")));
}

TEST_F(BrokenUploadTest, OfTwoSendersToOneUploadOneIsRefusedAndNothingIsMixed) {
  for (int round = 0; round < 10; ++round) {
    const std::string where = begin_upload(), a(3 * kPiece, 'a'), b(3 * kPiece, 'b');
    const std::string range = fmt::format("0-{}", a.size() - 1);
    int status_a = 0, status_b = 0;
    {
      const std::jthread one([&] { status_a = ask(Method::kPatch, where, a, range).status; });
      const std::jthread two([&] { status_b = ask(Method::kPatch, where, b, range).status; });
    }
    EXPECT_EQ(std::min(status_a, status_b), 202);
    EXPECT_EQ(std::max(status_a, status_b), 416);
    EXPECT_TRUE(layout_->finish_upload(id_of(where), base::sha256(status_a == 202 ? a : b)));
  }
}

TEST_F(BrokenUploadTest, TwoSendersWhoSayNoPlaceComeOneAfterTheOtherOrOneIsRefused) {
  const std::string where = begin_upload(), a(3 * kPiece, 'a'), b(3 * kPiece, 'b');
  int status_a = 0, status_b = 0;
  {
    const std::jthread one([&] { status_a = ask(Method::kPatch, where, a).status; });
    const std::jthread two([&] { status_b = ask(Method::kPatch, where, b).status; });
  }
  EXPECT_TRUE(status_a == 202 || status_b == 202) << status_a << " " << status_b;
  const uint64_t size = *layout_->upload_size(id_of(where));
  if (status_a == 202 && status_b == 202) {  // one after the other
    EXPECT_EQ(size, a.size() + b.size());
  } else {
    EXPECT_EQ(std::max(status_a, status_b), 416);
    EXPECT_TRUE(layout_->finish_upload(id_of(where), base::sha256(status_a == 202 ? a : b)));
  }
}

TEST_F(BrokenUploadTest, AFullQueueRefusesAndTheUploadCanGoOn) {
  const std::string where = begin_upload();
  {
    const Busy busy(*executor_);
    while (executor_->submit([] {})) {
    }
    EXPECT_EQ(ask(Method::kPatch, where, "abc").status, 503);
    EXPECT_EQ(
        ask(Method::kPost, "/v2/credit/blobs/uploads/?digest=" + base::sha256("abc").str(), "abc").status,
        503);
  }
  while (ask(Method::kPatch, where, "abc").status == 503) std::this_thread::yield();
  EXPECT_EQ(ask(Method::kPut, where + "?digest=" + base::sha256("abc").str()).status, 201);
}

// Senders and receivers, some of which go in the middle, and the end of the server.
TEST_F(BrokenUploadTest, TheEndMayComeInTheMiddle) {
  const std::string large(8 * kPiece, 'z');
  const auto blob = *layout_->put_blob(large);
  std::atomic<bool> enough{false};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&] {
      while (!enough) {
        http::Client client(*http::parse_url("http://" + server_->address().str()));
        const auto begun = client.ask({.method = Method::kPost,
                                       .target = "/v2/credit/blobs/uploads/?digest=" + blob.str(),
                                       .headers = {},
                                       .body = large});
        if (!begun && enough) return;
      }
    });
  for (int i = 0; i < 2; ++i)
    threads.emplace_back([&, i] {
      while (!enough) {
        http::testing::RawClient client(server_->address());
        client.send(i == 0 ? head("POST", "/v2/credit/blobs/uploads/?digest=" + blob.str(), large.size()) +
                                 large.substr(0, 2 * kPiece + 7)
                           : head("GET", "/v2/credit/blobs/" + blob.str(), 0));
        client.receive(1000, 1);
      }
    });
  std::this_thread::sleep_for(400ms);
  enough = true;
  executor_->stop();
  threads.clear();
  server_->stop();
}

}  // namespace
}  // namespace slipway::registry
