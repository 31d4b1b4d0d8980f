#include "adapters/native/ubjson.h"

#include <gtest/gtest.h>

#include <vector>

namespace slipway::native {
namespace {

using namespace std::string_literals;

std::string problem(const std::string& bytes) {
  Ubjson in(bytes);
  in.skip();
  in.finish();
  return in.error().message;
}

TEST(UbjsonTest, ReadsEveryKindOfValue) {
  const std::string bytes =
      "{i\x01"
      "aTi\x01"
      "bSi\x02hii\x01"
      "c[i\xFFU\xFFI\x01\x02l\x00\x00\x00\x05L\x00\x00\x00\x00\x00\x00\x00\x06]i\x01"
      "dd\x3F\x80\x00\x00}"s;
  Ubjson in(bytes);
  std::string_view key, text;
  bool flag = false;
  ASSERT_TRUE(in.begin_object() && in.next_key(key) && in.read(flag));
  EXPECT_TRUE(flag);
  ASSERT_TRUE(in.next_key(key) && in.read(text));
  EXPECT_EQ(text, "hi");
  ASSERT_TRUE(in.next_key(key) && in.begin_array());
  std::vector<int64_t> numbers;
  while (in.next_element()) ASSERT_TRUE(in.read(numbers.emplace_back()));
  EXPECT_EQ(numbers, (std::vector<int64_t>{-1, 255, 258, 5, 6}));
  float number = 0;
  ASSERT_TRUE(in.next_key(key) && in.read(number));
  EXPECT_EQ(number, 1.0F);
  EXPECT_TRUE(!in.next_key(key) && in.finish());
}

TEST(UbjsonTest, ReadsTypedAndCountedArrays) {
  const std::string typed = "[$d#i\x02\x3F\x80\x00\x00\x40\x00\x00\x00"s;
  Ubjson in(typed);
  std::vector<float> numbers;
  ASSERT_TRUE(in.begin_array());
  while (in.next_element()) ASSERT_TRUE(in.read(numbers.emplace_back()));
  EXPECT_TRUE(in.finish());
  EXPECT_EQ(numbers, (std::vector<float>{1, 2}));
  EXPECT_EQ(problem("[#i\x02TF"s), "");
  EXPECT_EQ(problem("[$U#i\x00"s), "");
}

TEST(UbjsonTest, RefusesLengthsThatLie) {
  EXPECT_NE(problem("Si\x05hi"s).find("2 are left"), std::string::npos);
  EXPECT_NE(problem("Si\xFFhi"s).find("negative length"), std::string::npos);
  EXPECT_NE(problem("[$d#L\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"s).find("bytes are left"), std::string::npos);
  EXPECT_NE(problem("[#i\x03TF"s), "");
}

TEST(UbjsonTest, RefusesWhatEndsTooSoonOrIsUnknown) {
  for (const std::string& bytes : {""s, "{"s, "["s, "d\x3F"s, "L\x00"s, "{i\x01"s, "x"s, "[$"s, "[$d"s,
                                   "[$d#"s, "[$[#i\x01"s, "{$d#i\x01"s,
                                   "Hi\x01"
                                   "1"s,
                                   "TT"s})
    EXPECT_NE(problem(bytes), "") << testing::PrintToString(bytes);
}

TEST(UbjsonTest, StopsAtItsDepth) {
  EXPECT_EQ(problem(std::string(64, '[') + std::string(64, ']')), "");
  EXPECT_NE(problem(std::string(65, '[') + std::string(65, ']')).find("deeper than 64"), std::string::npos);
  EXPECT_NE(problem(std::string(1'000'000, '[')), "");
}

}  // namespace
}  // namespace slipway::native
