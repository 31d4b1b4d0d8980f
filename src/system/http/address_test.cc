#include "system/http/address.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace slipway::http {
namespace {

TEST(AddressTest, IsReadAndWritten) {
  for (const char* text : {"127.0.0.1:8080", "[::1]:0", "unix:/run/a.sock", "fd:3", "localhost:1"})
    EXPECT_EQ(parse_address(text)->str(), text);
  for (const char* text : {"", ":80", "host", "host:", "host:65536", "host:-1", "unix:", "fd:x"})
    EXPECT_FALSE(parse_address(text)) << text;
  EXPECT_TRUE(is_local(*parse_address("127.0.0.1:1")));
  EXPECT_FALSE(is_local(*parse_address("0.0.0.0:1")));
  EXPECT_FALSE(is_local(*parse_address("127.example.org:1")));
}

TEST(AddressTest, SaysWhichPortIsBusy) {
  const auto first = listen_on(*parse_address("127.0.0.1:0"));
  const auto second = listen_on(*bound_address(*first));
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("is in use"), std::string::npos);
}

TEST(AddressTest, MakesUnixSocketsThatOnlyTheirOwnerMayUse) {
  const std::string path = fmt::format("{}/slipway-address-{}.sock", ::testing::TempDir(), ::getpid());
  const auto listening = listen_on({.kind = Address::Kind::kUnix, .path = path});
  ASSERT_TRUE(listening) << listening.error().message;
  struct stat facts{};
  ASSERT_EQ(::stat(path.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600U);
  ::close(*listening);
  ::unlink(path.c_str());
}

}  // namespace
}  // namespace slipway::http
