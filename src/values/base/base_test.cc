#include <gtest/gtest.h>

#include "values/base/arena.h"
#include "values/base/checked.h"
#include "values/base/digest.h"
#include "values/base/head.h"
#include "values/base/result.h"
#include "values/base/time.h"

namespace slipway::base {
namespace {

Result<int> half(int n) {
  if (n % 2) return fail(Code::kInvalid, "{} is odd", n);
  return n / 2;
}

TEST(Result, CarriesTheValueOrTheReason) {
  EXPECT_EQ(*half(4), 2);
  EXPECT_EQ(half(3).error(), (Error{Code::kInvalid, "3 is odd"}));
  EXPECT_EQ(within("model credit", half(3).error()).message, "model credit: 3 is odd");
}

TEST(Result, OnlyTheWorldsFaultsAreWorthAnotherTry) {
  EXPECT_TRUE(retryable(Code::kUnavailable));
  EXPECT_TRUE(retryable(Code::kExhausted));
  EXPECT_FALSE(retryable(Code::kInvalid));
  EXPECT_FALSE(retryable(Code::kInternal));
}

TEST(Digest, IsWrittenAsOciWritesIt) {
  const Digest empty = sha256("");
  EXPECT_EQ(empty.str(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(empty.short_hex(), "e3b0c442");
  EXPECT_EQ(*Digest::parse(empty.str()), empty);
}

TEST(Digest, RefusesWhatIsNotOne) {
  EXPECT_FALSE(Digest::parse("sha256:E3B0"));
  EXPECT_FALSE(Digest::parse("sha256:" + std::string(64, 'E')));
  EXPECT_FALSE(Digest::parse(std::string(71, '0')));
}

TEST(Digest, PiecesHashAsTheWhole) {
  Sha256 hasher;
  hasher.update("slip");
  hasher.update("way");
  EXPECT_EQ(hasher.finish(), sha256("slipway"));
}

TEST(Checked, SaysWhenANumberDoesNotFit) {
  EXPECT_EQ(checked_mul<int64_t>(1LL << 40, 1LL << 40), std::nullopt);
  EXPECT_EQ(checked_add<int64_t>(2, 3), 5);
  EXPECT_EQ(checked_cast<uint8_t>(256), std::nullopt);
  EXPECT_EQ(checked_cast<uint8_t>(255), 255);
}

TEST(Time, IsWrittenInUtc) {
  EXPECT_EQ(rfc3339(WallTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(WallTime{std::chrono::milliseconds(1769903999123)}), "2026-01-31T23:59:59.123Z");
}

TEST(RequestHead, FindsTheFirstHeaderOfAName) {
  const Header headers[] = {{"a", "1"}, {"b", "2"}, {"a", "3"}};
  const RequestHead head{.headers = headers};
  EXPECT_EQ(head.find("a"), "1");
  EXPECT_EQ(head.find("c"), "");
}

TEST(Arena, GivesAlignedZeroedRoomAndForgetsItAtOnce) {
  Arena arena;
  auto a = arena.make<double>(3);
  ASSERT_EQ(a.size(), 3u);
  EXPECT_EQ(a[2], 0.0);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.data()) % 16, 0u);
  arena.reset();
  EXPECT_EQ(arena.make<double>(3).data(), a.data());
}

TEST(Arena, ChargesOnlyWhatIsBeyondTheKeptBlock) {
  Budget budget(1 << 20);
  {
    Arena arena(&budget);
    arena.make<char>(1000);
    EXPECT_EQ(budget.used(), 0u);
    arena.make<char>(Arena::kKept);
    EXPECT_GE(budget.used(), Arena::kKept);
    arena.reset();
    EXPECT_EQ(budget.used(), 0u);
    arena.make<char>(2 * Arena::kKept);
  }
  EXPECT_EQ(budget.used(), 0u);
}

TEST(Arena, SaysNullWhenTheBudgetIsSpent) {
  Budget budget(100'000);
  Arena arena(&budget);
  EXPECT_NE(arena.make<char>(80'000).data(), nullptr);
  EXPECT_EQ(arena.make<char>(80'000).data(), nullptr);
  EXPECT_EQ(arena.make<double>(size_t(-1) / 4).data(), nullptr);
}

TEST(Arena, ALargeBlockDoesNotHideTheRoomLeft) {
  Arena arena;
  char* first = arena.make<char>(16).data();
  arena.make<char>(Arena::kKept * 2);
  EXPECT_EQ(arena.make<char>(16).data(), first + 16);
}

}  // namespace
}  // namespace slipway::base
