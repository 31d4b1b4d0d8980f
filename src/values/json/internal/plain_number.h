// The numbers that requests are full of (some digits, a point, some digits) read without a detour, to the
// same bits as the general way.
//
// A decimal whose digits fit 2^53 and whose power of ten is at most 10^22 is the quotient or product of two
// exact doubles, so one division or multiplication rounds it correctly (Clinger, "How to Read Floating Point
// Numbers Accurately", 1990). For a float it is then rounded once more, which is wrong only when the double
// lies exactly between two floats: those are left to the general way, as is everything else.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

namespace slipway::json::internal {

inline const char* after_space(const char* p, const char* end) {
  while (p != end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) ++p;
  return p;
}

inline bool is_digit_char(const char* p, const char* end) {
  return p != end && static_cast<unsigned>(*p - '0') < 10;
}

inline bool round_to(double value, double& out) {
  out = value;
  return true;
}

inline bool round_to(double value, float& out) {
  constexpr uint64_t kBelowFloat = (uint64_t(1) << 29) - 1, kHalf = uint64_t(1) << 28;
  const auto bits = std::bit_cast<uint64_t>(value);
  const double size = value < 0 ? -value : value;
  if ((bits & kBelowFloat) == kHalf || (size != 0 && size < 0x1p-126) || size > 0x1.fffffep127) return false;
  out = static_cast<float>(value);
  return true;
}

// Moves p behind the number. False, with p and out of no meaning: the general way must look, from where p
// was.
template <class T>
inline bool read_plain(const char*& p, const char* end, T& out) {
  constexpr std::array<double, 23> kPowers = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const char* at = p;
  const bool negative = at != end && *at == '-';
  at += negative ? 1 : 0;
  const char* whole = at;
  uint64_t digits = 0;
  for (; is_digit_char(at, end); ++at) digits = digits * 10 + static_cast<unsigned>(*at - '0');
  const auto whole_count = at - whole;
  if (whole_count == 0 || (whole_count > 1 && *whole == '0')) return false;
  long fraction_count = 0;
  if (at != end && *at == '.') {
    const char* fraction = ++at;
    for (; is_digit_char(at, end); ++at) digits = digits * 10 + static_cast<unsigned>(*at - '0');
    fraction_count = at - fraction;
    if (fraction_count == 0) return false;
  }
  if (whole_count + fraction_count > 18 || digits > (uint64_t(1) << 53)) return false;
  if (at != end && (*at == 'e' || *at == 'E')) return false;
  const double value = static_cast<double>(digits) / kPowers[static_cast<size_t>(fraction_count)];
  p = at;
  return round_to(negative ? -value : value, out);
}

}  // namespace slipway::json::internal
