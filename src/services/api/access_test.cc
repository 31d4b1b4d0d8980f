// Who may do what: every route, with and without the token, under every spelling of its path.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/api/testing/served_store.h"
#include "system/http/testing/raw_client.h"

namespace slipway::api {
namespace {

using http::testing::RawClient;
using http::testing::status_of_answer;

std::string filled(std::string pattern) {
  for (const auto& [name, value] : {std::pair{"{namespace}", "default"}, std::pair{"{name}", "nobody"}})
    if (const size_t at = pattern.find(name); at != std::string::npos)
      pattern.replace(at, std::string_view(name).size(), value);
  return pattern;
}

// The same path in other spellings; some are other paths to us, none may be a way past the question.
std::vector<std::string> spellings(const std::string& path) {
  const size_t last = path.rfind('/');
  const std::string head = path.substr(0, last), tail = path.substr(last + 1);
  std::string upper = path;
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return {path,
          "/" + path,
          head + "//" + tail,
          head + "%2f" + tail,
          head + "%2F" + tail,
          head + "/./" + tail,
          head + "/x/../" + tail,
          head + "/%2e/" + tail,
          path + ";x",
          path + "/",
          path + "%00",
          path + "%zz",
          path + "?x=%zz",
          path + "?watch=1",
          path + "/health",
          "/livez/.." + path,
          upper,
          "http://127.0.0.1" + path};
}

class AccessTest : public ::testing::Test {
 protected:
  int ask(base::Method method, const std::string& target, const std::string& authorization) {
    RawClient client(served_.address());
    client.send(
        fmt::format("{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\nConnection: close\r\n{}\r\n",
                    base::name(method), target, authorization));
    return status_of_answer(client.rest());
  }

  testing::ServedStore served_{{.api = {.version = "0.0.0", .watch_limit = std::chrono::milliseconds(1)}}};
};

const std::string kNobody, kWrong = "Authorization: Bearer another-token\r\n",
                           kRight = fmt::format("Authorization: Bearer {}\r\n", testing::kToken);

TEST_F(AccessTest, NothingIsAnsweredWithoutTheTokenButHealth) {
  for (const Api::RouteRow& route : served_.api().routes()) {
    ASSERT_FALSE(route.permission.empty()) << route.pattern;
    const bool open = route.permission == "health.read";
    const std::string path = filled(route.pattern);
    for (const std::string& target : spellings(path))
      for (const std::string& authorization : {kNobody, kWrong}) {
        const int status = ask(route.method, target, authorization);
        const bool same = target == path || target.starts_with(path + "?") || target == path + "/" ||
                          target == "http://127.0.0.1" + path;
        if (open && same)
          EXPECT_EQ(status, 200) << target;
        else
          EXPECT_TRUE(status == 401 || status == 400)
              << base::name(route.method) << " " << target << ": " << status;
      }
  }
}

TEST_F(AccessTest, NobodyIsRefusedAndNotMisunderstood) {
  for (const Api::RouteRow& route : served_.api().routes()) {
    if (route.permission == "health.read") continue;
    EXPECT_EQ(ask(route.method, filled(route.pattern), kWrong), 401) << route.pattern;
  }
  EXPECT_EQ(ask(base::Method::kGet, "/nowhere", kNobody), 401);
  EXPECT_EQ(ask(base::Method::kPost, "/version", kNobody), 401);
}

TEST_F(AccessTest, TheRightTokenIsNeverUnauthorized) {
  for (const Api::RouteRow& route : served_.api().routes()) {
    const std::string path = filled(route.pattern);
    const int status = ask(route.method, path, kRight);
    EXPECT_NE(status, 401) << path;
    EXPECT_NE(status, 403) << path;
    EXPECT_NE(status, 405) << base::name(route.method) << " " << path;
    EXPECT_LT(status, 500) << base::name(route.method) << " " << path;
  }
}

TEST_F(AccessTest, OnlyHealthIsOpen) {
  std::vector<std::string> open;
  for (const Api::RouteRow& route : served_.api().routes())
    if (ask(route.method, filled(route.pattern), kNobody) != 401) open.push_back(route.pattern);
  EXPECT_THAT(open, ::testing::UnorderedElementsAre("/livez", "/readyz", "/healthz"));
}

}  // namespace
}  // namespace slipway::api
