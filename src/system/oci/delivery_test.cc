// A version brought from registries that do well and badly, into folders and caches that are whole, half and
// spoilt.
#include "system/oci/delivery.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "system/oci/model_folder.h"
#include "system/oci/testing/fake_registry.h"

namespace slipway::oci {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::FakeRegistry;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DeliveryTest : public ::testing::Test {
 protected:
  DeliveryTest() {
    EXPECT_NE(::mkdtemp(base_.data()), nullptr);
    digest_ = registry_.give_version("credit", files_);
  }
  ~DeliveryTest() override { fs::remove_all(base_); }

  Result<std::string> bring(const std::string& cache = "", const std::string& into = "into") {
    RegistryClient client(registry_.url(), {.timeout_ms = 5000}, {.attempts = 3, .sleep = [](Duration) {}});
    return deliver(client, "credit", digest_,
                   {.into = base_ + "/" + into,
                    .cache = cache.empty() ? "" : base_ + "/" + cache,
                    .warn = [this](std::string_view text) { warned_ += text; }});
  }
  std::string whole(const std::string& into = "into") const {
    return base_ + "/" + into + "/" + digest_.hex();
  }
  std::string half() const { return base_ + "/into/.fetching-" + digest_.hex(); }
  std::string cached(const std::string& content) const {
    return base_ + "/cache/blobs/sha256/" + base::sha256(content).hex();
  }
  std::string partial(const std::string& content) const {
    return base_ + "/cache/partial/" + base::sha256(content).hex();
  }
  static std::string path(const std::string& content) {
    return FakeRegistry::blob("credit", base::sha256(content));
  }
  static void write(const std::string& file, std::string_view text) {
    fs::create_directories(fs::path(file).parent_path());
    if (fs::exists(file)) fs::permissions(file, fs::perms(0600));
    std::ofstream(file, std::ios::binary) << text;
  }
  static std::string read(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  // "data/one=1" of every file below, sorted; manifest.json by its name alone.
  static std::vector<std::string> found(const std::string& folder) {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      const std::string name = fs::relative(entry.path(), folder).string();
      if (!entry.is_directory())
        out.push_back(name == "manifest.json" ? name : name + "=" + read(entry.path()));
    }
    std::ranges::sort(out);
    return out;
  }
  void expect_whole(const std::string& into = "into") const {
    EXPECT_THAT(found(whole(into)),
                ElementsAre("data/deep/two=2", "data/one=1", "manifest.json", "model.onnx=weights"));
    const auto held = check_model_folder(whole(into));
    ASSERT_TRUE(held) << held.error().message;
    EXPECT_EQ(*held, digest_);
  }
  // What lies beside it afterwards.
  std::vector<std::string> beside() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::directory_iterator(base_ + "/into"))
      if (entry.path().filename() != digest_.hex()) out.push_back(entry.path().filename());
    return out;
  }

  std::string base_ = "/tmp/slipway-delivery-XXXXXX";
  FakeRegistry registry_;
  const std::map<std::string, std::string> files_{
      {"model.onnx", "weights"}, {"data/one", "1"}, {"data/deep/two", "2"}};
  Digest digest_;
  std::string warned_;
};

TEST_F(DeliveryTest, IsTheFolderThatALayoutWouldMake) {
  const auto folder = bring();
  ASSERT_TRUE(folder) << folder.error().message;
  EXPECT_EQ(*folder, whole());
  expect_whole();
  EXPECT_THAT(beside(), IsEmpty());
  struct stat facts{};
  ASSERT_EQ(::stat((whole() + "/model.onnx").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0444u);
}

TEST_F(DeliveryTest, WhatIsThereAsksNobodyAndWhatWasSpoiltIsMadeAnew) {
  ASSERT_TRUE(bring());
  const size_t asked = registry_.asked().size();
  ASSERT_TRUE(bring());
  EXPECT_EQ(registry_.asked().size(), asked);
  write(whole() + "/data/one", "X");
  ASSERT_TRUE(bring());
  expect_whole();
  fs::remove_all(whole());
  fs::create_symlink("/etc", whole());
  ASSERT_TRUE(bring());
  expect_whole();
}

TEST_F(DeliveryTest, GoesOnWhereAKilledRunBrokeOff) {
  write(half() + "/model.onnx", "wei");
  write(half() + "/data/one", "1");
  write(half() + "/manifest.json.7.new", "half");
  write(half() + "/unknown/deep/file", "of nobody");
  fs::create_symlink("/etc/passwd", half() + "/link");
  ASSERT_TRUE(bring());
  expect_whole();
  EXPECT_THAT(beside(), IsEmpty());
  std::vector<std::string> blobs;
  for (const std::string& line : registry_.asked())
    if (line.find("/blobs/") != std::string::npos) blobs.push_back(line);
  EXPECT_THAT(blobs, ElementsAre("GET " + path("2"), "GET " + path("weights") + " range=bytes=3-"))
      << "the fake sends the whole all the same, and its beginning is passed over";
}

TEST_F(DeliveryTest, AHalfThatIsNoPartOfItIsBroughtFromTheStart) {
  write(half() + "/model.onnx", "WEI");
  write(half() + "/data/one", "longer than it is");
  ASSERT_TRUE(bring());
  expect_whole();
}

TEST_F(DeliveryTest, ALinkInTheWayIsNotWrittenThrough) {
  const std::string victim = base_ + "/victim";
  write(victim, "wei");
  fs::create_directories(half());
  fs::create_hard_link(victim, half() + "/model.onnx");
  ASSERT_TRUE(bring());
  expect_whole();
  EXPECT_EQ(read(victim), "wei");
  fs::remove_all(whole());
  fs::create_directories(half());
  fs::create_symlink(base_, half() + "/data");
  ASSERT_TRUE(bring());
  expect_whole();
  EXPECT_FALSE(fs::exists(base_ + "/one"));
}

TEST_F(DeliveryTest, OtherContentIsToldFromWhatCannotBeBroughtNow) {
  const auto code = [&](FakeRegistry::Handler handler) {
    registry_.on(path("weights"), std::move(handler));
    const auto folder = bring();
    EXPECT_FALSE(folder);
    EXPECT_FALSE(fs::exists(whole()));
    return folder ? Code::kInternal : folder.error().code;
  };
  EXPECT_EQ(code(FakeRegistry::text(200, "WEIGHTS")), Code::kInvalid);
  EXPECT_EQ(code(FakeRegistry::text(200, "weigh")), Code::kInvalid) << "shorter than its manifest says";
  EXPECT_EQ(code(FakeRegistry::text(200, "weights and more")), Code::kInvalid);
  EXPECT_EQ(code(FakeRegistry::text(404, "")), Code::kNotFound);
  EXPECT_EQ(code(FakeRegistry::text(403, "")), Code::kDenied);
  EXPECT_EQ(code(FakeRegistry::text(500, "")), Code::kUnavailable);
  EXPECT_EQ(code(FakeRegistry::text(418, "")), Code::kUnsupported) << "it is no content at all";
  EXPECT_EQ(code([](http::Exchange& exchange) {
              exchange.start({.status = 200});
              exchange.write("wei", nullptr);
              exchange.abort();
            }),
            Code::kUnavailable);
  registry_.give(path("weights"), "weights");
  EXPECT_TRUE(bring());
  expect_whole();
}

TEST_F(DeliveryTest, AManifestThatIsNotItIsOtherContentAndOneThatIsNoModelIsNot) {
  registry_.give(FakeRegistry::manifest("credit", digest_), "{}");
  EXPECT_EQ(bring().error().code, Code::kInvalid);
  digest_ = base::sha256("{}");
  registry_.give(FakeRegistry::manifest("credit", digest_), "{}");
  const auto none = bring();
  EXPECT_EQ(none.error().code, Code::kUnsupported);
  EXPECT_THAT(none.error().message, HasSubstr("is no model"));
  digest_ = base::sha256("gone");
  EXPECT_EQ(bring().error().code, Code::kNotFound);
}

// A body without an end, in pieces as fast as they are taken.
TEST_F(DeliveryTest, ABodyWithoutAnEndIsLeft) {
  for (const std::string& each : {path("weights"), FakeRegistry::manifest("credit", digest_)}) {
    registry_.on(each, [](http::Exchange& exchange) {
      exchange.start({.status = 200});
      auto more = std::make_shared<std::function<void(http::Exchange&)>>();
      *more = [more](http::Exchange& to) {
        while (to.write(std::string(64 << 10, 'x'), *more)) {
        }
      };
      exchange.on_cancel([more] { *more = nullptr; });
      (*more)(exchange);
    });
    const auto folder = bring();
    ASSERT_FALSE(folder);
    EXPECT_THAT(folder.error().message,
                ::testing::AnyOf(HasSubstr("more came than the 7 bytes"), HasSubstr("is larger than")));
  }
}

TEST_F(DeliveryTest, BreaksAreMendedByRanges) {
  registry_.on(path("weights"), {[](http::Exchange& exchange) {
                                   exchange.start({.status = 200});
                                   exchange.write("wei", nullptr);
                                   exchange.abort();
                                 },
                                 FakeRegistry::text(503, ""),
                                 FakeRegistry::with_header(206, "content-range", "bytes 3-6/7", "ghts")});
  const auto folder = bring();
  ASSERT_TRUE(folder) << folder.error().message;
  expect_whole();
}

TEST_F(DeliveryTest, AnotherRangeThanWasAskedForIsNotTaken) {
  write(half() + "/model.onnx", "wei");
  registry_.on(path("weights"), FakeRegistry::with_header(206, "content-range", "bytes 0-6/7", "weights"));
  EXPECT_EQ(bring().error().code, Code::kUnavailable);
}

TEST_F(DeliveryTest, TheCacheServesTheNextOneWithoutTheRegistry) {
  ASSERT_TRUE(bring("cache", "one"));
  expect_whole("one");
  const size_t asked = registry_.asked().size();
  ASSERT_TRUE(bring("cache", "into"));
  expect_whole();
  EXPECT_EQ(registry_.asked().size(), asked);
  EXPECT_EQ(warned_, "");
  EXPECT_EQ(fs::hard_link_count(cached("weights")), 3u) << "links, where the file system makes them";
  EXPECT_TRUE(fs::is_empty(base_ + "/cache/partial"));
}

TEST_F(DeliveryTest, WhatIsDamagedInTheCacheIsBroughtAgain) {
  ASSERT_TRUE(bring("cache", "one"));
  for (const std::string& spoilt :
       {std::string("WEIGHTS"), std::string("wei"), std::string("weights and more")}) {
    fs::remove_all(base_ + "/into");
    fs::remove(cached("weights"));
    write(cached("weights"), spoilt);
    write(base_ + "/cache/blobs/sha256/" + digest_.hex(), "no manifest");
    ASSERT_TRUE(bring("cache"));
    expect_whole();
    EXPECT_EQ(read(cached("weights")), "weights");
    EXPECT_EQ(warned_, "");
  }
}

TEST_F(DeliveryTest, AHalfInTheCacheIsGoneOnWith) {
  write(partial("weights"), "wei");
  ASSERT_TRUE(bring("cache"));
  expect_whole();
  EXPECT_THAT(registry_.asked(), ::testing::Contains("GET " + path("weights") + " range=bytes=3-"));
  write(partial("1"), "7");
  fs::remove_all(base_ + "/into");
  fs::remove(cached("1"));
  ASSERT_TRUE(bring("cache"));
  expect_whole();
}

TEST_F(DeliveryTest, LinksInTheCacheLeadNowhere) {
  ASSERT_TRUE(bring("cache", "one"));
  write(base_ + "/secret", "weights");
  fs::remove(cached("weights"));
  fs::create_symlink(base_ + "/secret", cached("weights"));
  ASSERT_TRUE(bring("cache"));
  expect_whole();
  EXPECT_EQ(read(base_ + "/secret"), "weights");
  EXPECT_THAT(warned_, HasSubstr("the cache " + base_ + "/cache is passed over"));
}

TEST_F(DeliveryTest, ACacheThatCannotBeUsedIsPassedOverWithAWarning) {
  write(base_ + "/cache", "a file");
  ASSERT_TRUE(bring("cache"));
  expect_whole();
  EXPECT_THAT(warned_, HasSubstr("is passed over"));
}

TEST_F(DeliveryTest, WhatTheRegistryDoesWrongIsNotTheCachesFault) {
  registry_.give(path("weights"), "WEIGHTS");
  const auto folder = bring("cache");
  EXPECT_EQ(folder.error().code, Code::kInvalid);
  EXPECT_EQ(warned_, "");
  EXPECT_FALSE(fs::exists(cached("weights")));
  registry_.give(path("weights"), "weights");
  EXPECT_TRUE(bring("cache"));
  expect_whole();
}

TEST_F(DeliveryTest, ManyAtTheSameTimeBringItOnce) {
  std::vector<std::thread> many;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 8; ++i)
    many.emplace_back([&, i] {
      RegistryClient client(registry_.url(), {.timeout_ms = 5000}, {});
      const auto folder = deliver(
          client, "credit", digest_,
          {.into = base_ + (i % 2 == 0 ? "/into" : fmt::format("/into-{}", i)), .cache = base_ + "/cache"});
      if (!folder) ++failed;
    });
  for (std::thread& each : many) each.join();
  EXPECT_EQ(failed, 0);
  for (const char* into : {"into", "into-1", "into-3", "into-5", "into-7"}) expect_whole(into);
  const auto asked = registry_.asked();
  EXPECT_EQ(std::ranges::count(asked, "GET " + path("weights")), 1);
  EXPECT_THAT(beside(), IsEmpty());
}

TEST_F(DeliveryTest, AFolderThatCannotBeMadeIsNamed) {
  write(base_ + "/into", "a file");
  const auto folder = bring();
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr(base_ + "/into"));
  EXPECT_NE(folder.error().code, Code::kInvalid);
}

}  // namespace
}  // namespace slipway::oci
