#include "services/supervisor/where.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace slipway::supervisor {
namespace {

bool does(const char* actual, const char* wanted) {
  return is_at(*http::parse_address(wanted), *http::parse_address(actual));
}

TEST(Where, IsWhatWasAskedFor) {
  EXPECT_TRUE(does("127.0.0.1:8080", "127.0.0.1:8080"));
  EXPECT_TRUE(does("127.0.0.1:8080", "127.0.0.1:0")) << "any port will do";
  EXPECT_TRUE(does("127.0.0.1:8080", "localhost:8080"));
  EXPECT_TRUE(does("unix:/run/a", "unix:/run/a"));
}

TEST(Where, IsNotWhatWasAskedFor) {
  EXPECT_FALSE(does("127.0.0.1:8080", "127.0.0.1:8081"));
  EXPECT_FALSE(does("127.0.0.1:8080", "0.0.0.0:8080"));
  EXPECT_FALSE(does("0.0.0.0:8080", "127.0.0.1:0"));
  EXPECT_FALSE(does("0.0.0.0:8080", "localhost:8080"));
  EXPECT_FALSE(does("unix:/run/a", "unix:/run/b"));
  EXPECT_FALSE(does("unix:/run/a", "127.0.0.1:0"));
}

TEST(Where, AFolderTooDeepForSocketsIsRefused) {
  const std::string deep = "/tmp/" + std::string(71, 'd');
  const Status refused = prepare(deep);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kInvalid);
  EXPECT_FALSE(std::filesystem::exists(deep));
}

TEST(Where, OnlyAPortMakesAUrl) {
  EXPECT_EQ(url_of(*http::parse_address("127.0.0.1:8080")), "http://127.0.0.1:8080");
  EXPECT_EQ(url_of(*http::parse_address("unix:/run/a")), "unix:/run/a");
}

}  // namespace
}  // namespace slipway::supervisor
