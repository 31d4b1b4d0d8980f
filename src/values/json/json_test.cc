#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>
#include <vector>

#include "values/json/scanner.h"
#include "values/json/writer.h"

namespace slipway::json {
namespace {

// Empty when the text is one valid JSON value, else what is wrong with it.
std::string problem(std::string_view text, Limits limits = {}) {
  Scanner in(text, limits);
  in.skip();
  in.finish();
  return in.error().message;
}

TEST(Scanner, TakesWhatTheStandardAllows) {
  for (const char* text : {"0", "-0.0", "1e5", "1E+2", "true", "null", R"("")", "[]", "{}",
                           " [1 , 2.5e-3,\n\"a\"] ", R"({"a":{"b":[{}]},"c":"\u00e9\ud83d\ude00\n"})"})
    EXPECT_EQ(problem(text), "") << text;
}

TEST(Scanner, RefusesWhatItDoesNot) {
  for (const char* text : {"",          " ",        "01",         "1.",
                           ".5",        "+1",       "1e",         "-",
                           "nul",       "tru",      "NaN",        "Infinity",
                           "-Infinity", "[1,]",     "[,1]",       "[1 2]",
                           "{\"a\"}",   "{\"a\":}", "{\"a\":1,}", "{a:1}",
                           "{'a':1}",   "[1",       "{\"a\":1",   "1 1",
                           "[]]",       "\"a",      "\"\\x\"",    "\"\t\"",
                           "\"\\u12\"", "/* */ 1",  "0x10",       "\xEF\xBB\xBF 1"})
    EXPECT_NE(problem(text), "") << text;
}

TEST(Scanner, SaysWhereAndWhatWasExpected) {
  EXPECT_EQ(problem("[1, 2 3]"), "at byte 6: expected ',' or ']'");
  EXPECT_EQ(problem("{\"a\" 1}"), "at byte 5: expected ':'");
  EXPECT_EQ(problem("[1] x"), "at byte 4: unexpected text after the value");
}

TEST(Scanner, RefusesALoneSurrogate) {
  EXPECT_NE(problem(R"("\ud800")"), "");
  EXPECT_NE(problem(R"("\ud800\u0041")"), "");
  EXPECT_NE(problem(R"("\udc00")"), "");
}

TEST(Scanner, RefusesWhatIsNotUtf8) {
  EXPECT_EQ(problem("\"\xC3\xA9\xF0\x9F\x98\x80\""), "");
  for (const char* text :
       {"\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xE9\"", "\"\x80\""})
    EXPECT_NE(problem(text), "");
}

TEST(Scanner, StopsAtItsDepthWithoutUsingTheStack) {
  EXPECT_EQ(problem(std::string(64, '[') + std::string(64, ']')), "");
  EXPECT_EQ(problem(std::string(65, '[') + std::string(65, ']')), "at byte 65: nested deeper than 64 levels");
  EXPECT_NE(problem(std::string(1'000'000, '[')), "");
}

TEST(Scanner, DecodesEscapesAndViewsTheRest) {
  const std::string text = R"(["plain","tab\t\u00e9\ud83d\ude00"])";
  Scanner in(text);
  std::string_view value;
  ASSERT_TRUE(in.begin_array() && in.next_element() && in.read(value));
  EXPECT_EQ(value, "plain");
  EXPECT_EQ(value.data(), text.data() + 2);
  ASSERT_TRUE(in.next_element() && in.read(value));
  EXPECT_EQ(value, "tab\t\xC3\xA9\xF0\x9F\x98\x80");
  EXPECT_TRUE(!in.next_element() && in.finish());
}

TEST(Scanner, KeepsDecodedStringsInTheArena) {
  base::Arena arena;
  Scanner in(R"(["a\n","b\n"])", {}, &arena);
  std::string_view first, second;
  ASSERT_TRUE(in.begin_array() && in.next_element() && in.read(first) && in.next_element() &&
              in.read(second));
  EXPECT_EQ(first, "a\n");
  EXPECT_EQ(second, "b\n");
}

template <class T>
T number(std::string_view text, NonFinite non_finite = NonFinite::kRefused) {
  Scanner in(text, {.non_finite = non_finite});
  T value{};
  EXPECT_TRUE(in.read(value) && in.finish()) << text << ": " << in.error().message;
  return value;
}

template <class T>
std::string refusal(std::string_view text) {
  Scanner in(text);
  T value{};
  EXPECT_FALSE(in.read(value) && in.finish()) << text;
  return in.error().message;
}

TEST(Scanner, RoundsOnceFromTheTextToTheType) {
  EXPECT_EQ(number<float>("16777217.0000001"), 16777218.0F);  // by way of double it would be 16777216
  EXPECT_EQ(number<double>("9007199254740993"), 9007199254740992.0);
  EXPECT_EQ(number<float>("1e-60"), 0.0F);
  EXPECT_TRUE(std::signbit(number<float>("-0.0")));
  EXPECT_EQ(refusal<float>("1e39"), "at byte 0: 1e39 is out of range");
}

TEST(Scanner, HoldsIntegersToTheirRange) {
  EXPECT_EQ(number<int64_t>("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(number<uint64_t>("18446744073709551615"), UINT64_MAX);
  EXPECT_NE(refusal<int64_t>("9223372036854775808"), "");
  EXPECT_NE(refusal<uint64_t>("-1"), "");
  EXPECT_EQ(refusal<int64_t>("1.0"), "at byte 0: expected an integer, found 1.0");
}

TEST(Scanner, ReadsMissingValuesOnlyWhenAsked) {
  EXPECT_TRUE(std::isnan(number<float>("null", NonFinite::kRead)));
  EXPECT_TRUE(std::isnan(number<double>("NaN", NonFinite::kRead)));
  EXPECT_EQ(number<float>("-Infinity", NonFinite::kRead), -INFINITY);
  EXPECT_NE(refusal<float>("null"), "");
  EXPECT_EQ(problem("[NaN,-Infinity]", {.non_finite = NonFinite::kRead}), "");
}

// Reads an array as runs with single reads in between, as a request's reader does.
template <class T>
std::vector<T> read_array(const std::string& text) {
  Scanner in(text, {.non_finite = NonFinite::kRead});
  std::vector<T> all;
  EXPECT_TRUE(in.begin_array());
  for (std::array<T, 4> some;;) {
    const size_t count = in.read_run(std::span<T>(some));
    all.insert(all.end(), some.begin(), some.begin() + count);
    if (count == some.size()) continue;
    if (!in.next_element()) break;
    T value{};
    if (!in.read(value)) break;
    all.push_back(value);
  }
  EXPECT_TRUE(in.finish()) << text << ": " << in.error().message;
  return all;
}

TEST(Scanner, ReadsRunsOfNumbersToTheSameBits) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 20'000; ++i) {
    const auto bits = static_cast<uint32_t>(random());
    const auto wild = std::bit_cast<float>(bits);
    const std::string shortest = fmt::format("{}", std::isfinite(wild) ? wild : 1.5F);
    const std::string plain = fmt::format("{:.{}f}", std::ldexp(static_cast<double>(random()), -44), i % 17);
    const std::string integer = fmt::format("-{}", random() % 1'000'000'000);
    for (const std::string& text : {shortest, plain, integer}) {
      const std::string array = "[ " + text + " ," + text + "]";
      const auto floats = read_array<float>(array);
      const auto doubles = read_array<double>(array);
      ASSERT_EQ(floats.size(), 2u);
      EXPECT_EQ(std::bit_cast<uint32_t>(floats[1]),
                std::bit_cast<uint32_t>(std::strtof(text.c_str(), nullptr)))
          << text;
      EXPECT_EQ(std::bit_cast<uint64_t>(doubles[0]),
                std::bit_cast<uint64_t>(std::strtod(text.c_str(), nullptr)))
          << text;
    }
  }
}

TEST(Scanner, ReadsRunsWithAllThatMayStandBetween) {
  const auto values = read_array<float>("[1, -0, null ,2.5e3,\n16777217.0000001,0.1, 3,4,5,6]");
  ASSERT_EQ(values.size(), 10u);
  EXPECT_TRUE(std::signbit(values[1]));
  EXPECT_TRUE(std::isnan(values[2]));
  EXPECT_EQ(values[3], 2500.0F);
  EXPECT_EQ(values[4], 16777218.0F);
  EXPECT_EQ(read_array<float>("[]").size(), 0u);
}

TEST(Scanner, RefusesInARunWhatItRefusesElsewhere) {
  for (const char* text :
       {"[1,]", "[01]", "[1.]", "[.5]", "[1 2]", "[1,,2]", "[,1]", "[1", "[-]", "[1x]", "[+1]"}) {
    Scanner in(text);
    std::array<float, 8> out;
    ASSERT_TRUE(in.begin_array());
    (void)in.read_run(std::span<float>(out));
    while (in.next_element())
      if (float value = 0; !in.read(value)) break;
    EXPECT_FALSE(in.finish()) << text;
  }
}

TEST(Scanner, GivesTheTextOfAValueForLater) {
  Scanner in(R"({"data": [1, [2]] , "n": 3})");
  std::string_view key, data;
  ASSERT_TRUE(in.begin_object() && in.next_key(key) && in.raw(data) && in.next_key(key));
  EXPECT_EQ(data, "[1, [2]]");
  EXPECT_EQ(key, "n");
}

TEST(Scanner, KeepsItsFirstFault) {
  Scanner in("[x");
  std::string_view text;
  EXPECT_TRUE(in.begin_array() && in.next_element());
  EXPECT_FALSE(in.read(text));
  const std::string first = in.error().message;
  EXPECT_FALSE(in.begin_object() || in.skip() || in.finish());
  EXPECT_EQ(in.error().message, first);
}

TEST(Writer, PutsTheCommasItself) {
  std::string out;
  const std::vector<int64_t> dims{2, 3};
  Writer(out).object([&](Writer& w) {
    w.key("id").value("a\"b\n").key("shape").array(std::span(dims)).key("ok").value(true).key("none").null();
  });
  EXPECT_EQ(out, R"({"id":"a\"b\n","shape":[2,3],"ok":true,"none":null})");
}

TEST(Writer, WritesNumbersThatReadBackToTheSameBits) {
  std::string out;
  const std::vector<float> values{0.1F, 1e-45F, 3.4028235e38F, -0.0F, NAN, INFINITY};
  Writer(out).array(std::span(values));
  EXPECT_EQ(out, "[0.1,1e-45,3.4028235e+38,-0.0,null,null]");
}

TEST(Writer, NeverWritesWhatIsNotUtf8) {
  std::string out;
  Writer(out).value(std::string_view("a\xFF\x01z"));
  EXPECT_EQ(out, "\"a\xEF\xBF\xBD\\u0001z\"");
}

}  // namespace
}  // namespace slipway::json
