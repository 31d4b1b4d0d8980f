#include "values/wire/wire.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slipway::wire {
namespace {

using ::testing::HasSubstr;

TEST(Wire, ReadsEveryKindOfField) {
  using namespace std::string_view_literals;
  Reader in(
      "\x08\x96\x01\x12\x03"
      "abc\x1d\x01\x00\x00\x00\x21\x02\x00\x00\x00\x00\x00\x00\x00"sv);
  ASSERT_TRUE(in.next());
  EXPECT_TRUE(in.is(1, Type::kVarint));
  EXPECT_EQ(in.number(), 150U);
  ASSERT_TRUE(in.next());
  EXPECT_TRUE(in.is(2, Type::kBytes));
  EXPECT_EQ(in.bytes(), "abc");
  EXPECT_EQ(in.offset(), 5U);
  ASSERT_TRUE(in.next());
  EXPECT_TRUE(in.is(3, Type::kFixed32));
  EXPECT_EQ(in.number(), 1U);
  ASSERT_TRUE(in.next());
  EXPECT_TRUE(in.is(4, Type::kFixed64));
  EXPECT_EQ(in.number(), 2U);
  EXPECT_FALSE(in.next());
  EXPECT_TRUE(in.good());
}

TEST(Wire, NamesTheOffsetOfTheFirstFaultInTheWholeFile) {
  using namespace std::string_view_literals;
  Reader outer("\x0a\x03\x12\x09x"sv);
  ASSERT_TRUE(outer.next());
  Reader inner = outer.nested();
  EXPECT_FALSE(inner.next());
  EXPECT_EQ(inner.error().message, "at byte 4: field 2 claims 9 bytes, 1 are left");
}

TEST(Wire, RefusesBrokenTagsNumbersAndGroups) {
  using namespace std::string_view_literals;
  for (const auto bytes : {"\x00\x01"sv, "\x80"sv, "\x08\x80"sv, "\x0b"sv, "\x0d\x01"sv, "\x09\x01"sv,
                           "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv}) {
    Reader in(bytes);
    EXPECT_FALSE(in.next());
    EXPECT_FALSE(in.good());
    EXPECT_THAT(in.error().message, HasSubstr("at byte "));
    EXPECT_FALSE(in.next()) << "the first fault sticks";
  }
}

}  // namespace
}  // namespace slipway::wire
