#include "adapters/native/link_functions.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace slipway::native {
namespace {

// A sum of two doubles that do not overlap: about 106 bits.
struct Twofold {
  double high, low;
};

// The square root of a, by one step of Newton on the rounded root.
Twofold root(Twofold a) {
  const double high = std::sqrt(a.high);
  const double rest = std::fma(-high, high, a.high) + a.low;
  const double low = rest / (2 * high);
  const double sum = high + low;
  return {sum, low - (sum - high)};
}

Twofold times(Twofold a, Twofold b) {
  const double high = a.high * b.high;
  const double low = std::fma(a.high, b.high, -high) + (a.high * b.low + a.low * b.high);
  const double sum = high + low;
  return {sum, low - (sum - high)};
}

// 2^(i/128) ≈ asdouble(bits[i] + (i << 45)) · (1 + tail[i]): what exp's reconstruction needs.
struct ExpTable {
  static constexpr int kSize = 128;
  std::array<double, kSize> tail;
  std::array<uint64_t, kSize> bits;

  ExpTable() {
    std::array<Twofold, 7> powers;  // 2^(1/2), 2^(1/4), … 2^(1/128)
    Twofold power{2, 0};
    for (Twofold& p : powers) p = power = root(power);
    for (int i = 0; i < kSize; ++i) {
      Twofold value{1, 0};
      for (int bit = 0; bit < 7; ++bit)
        if (i >> (6 - bit) & 1) value = times(value, powers[static_cast<size_t>(bit)]);
      tail[static_cast<size_t>(i)] = value.low / value.high;
      bits[static_cast<size_t>(i)] = std::bit_cast<uint64_t>(value.high) - (static_cast<uint64_t>(i) << 45);
    }
  }
};

// 2^(i/32) with the exponent bits that the reconstruction adds taken off.
struct Exp2fTable {
  std::array<uint64_t, 32> bits;
  explicit Exp2fTable(const ExpTable& wide) {
    for (uint64_t i = 0; i < 32; ++i) {
      const uint64_t value = wide.bits[i * 4] + ((i * 4) << 45);
      bits[i] = value - (i << 47);
    }
  }
};

const ExpTable kExp;
const Exp2fTable kExp2f(kExp);

constexpr double kShift = 0x1.8p52;  // adding and taking it off rounds to an integer

// Near the ends of the range the scale itself would overflow or be subnormal.
double scaled_at_the_ends(double tmp, uint64_t bits, uint64_t k) {
  if ((k & 0x80000000) == 0) {
    const double scale = std::bit_cast<double>(bits - (1009ULL << 52));
    return 0x1p1009 * std::fma(scale, tmp, scale);
  }
  const double scale = std::bit_cast<double>(bits + (1022ULL << 52));
  double y = scale + scale * tmp;
  if (y < 1.0) {
    // Round once, at the subnormal's last bit.
    double low = scale - y + scale * tmp;
    const double high = 1.0 + y;
    low = 1.0 - high + y + low;
    y = (high + low) - 1.0;
    if (y == 0.0) y = 0.0;
  }
  return 0x1p-1022 * y;
}

}  // namespace

double exp64(double x) {
  const auto top = static_cast<uint32_t>(std::bit_cast<uint64_t>(x) >> 52) & 0x7FF;
  const bool ordinary = top - 0x3C9U < 0x408U - 0x3C9U;  // 2^-54 ≤ |x| < 512
  bool at_the_ends = false;
  if (!ordinary) {
    if (top < 0x3C9U) return 1.0 + x;
    if (std::isnan(x)) return x + x;
    if (x >= 0x1.62e42fefa39fp9 + 1) return std::numeric_limits<double>::infinity();
    if (x <= -746) return 0;
    at_the_ends = true;
  }
  const double kd_shifted = std::fma(0x1.71547652b82fep0 * 128, x, kShift);
  const auto k = std::bit_cast<uint64_t>(kd_shifted);
  const double kd = kd_shifted - kShift;
  const double r = std::fma(kd, -0x1.cf79abc9e3b39p-47, std::fma(kd, -0x1.62e42fefa0000p-8, x));
  const size_t i = k % ExpTable::kSize;
  const uint64_t bits = kExp.bits[i] + (k << 45);
  const double r2 = r * r;
  const double even = std::fma(r, 0x1.555555555543cp-3, 0x1.ffffffffffdbdp-2);
  const double odd = std::fma(r, 0x1.1111167a4d017p-7, 0x1.55555cf172b91p-5);
  const double tmp = std::fma(r2 * r2, odd, std::fma(r2, even, kExp.tail[i] + r));
  if (at_the_ends) return scaled_at_the_ends(tmp, bits, k);
  const double scale = std::bit_cast<double>(bits);
  return std::fma(scale, tmp, scale);
}

float exp32(float x) {
  if (std::isnan(x)) return x + x;
  if (x > 0x1.62e42ep6F) return std::numeric_limits<float>::infinity();
  if (x < -0x1.9fe368p6F) return 0;
  const double z = 0x1.71547652b82fep0 * 32 * static_cast<double>(x);
  const double kd_shifted = z + kShift;
  const auto k = std::bit_cast<uint64_t>(kd_shifted);
  const double r = z - (kd_shifted - kShift);
  const double scale = std::bit_cast<double>(kExp2f.bits[k % 32] + (k << 47));
  constexpr double kCubic = 0x1.c6af84b912394p-5 / 32 / 32 / 32, kSquare = 0x1.ebfce50fac4f3p-3 / 32 / 32;
  constexpr double kLinear = 0x1.62e42ff0c52d6p-1 / 32;
  const double y = (kCubic * r + kSquare) * (r * r) + (kLinear * r + 1);
  return static_cast<float>(y * scale);
}

namespace {

void softmax(std::span<float> row) {
  const float largest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (float& x : row) {
    x = exp32(x - largest);
    sum += x;
  }
  for (float& x : row) x /= static_cast<float>(sum);
}

void softmax(std::span<double> row) {
  const double largest = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (double& x : row) {
    x = exp64(x - largest);
    sum += x;
  }
  for (double& x : row) x /= sum;
}

double sign_square(double x) { return (x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0) * x * x; }

}  // namespace

void apply(Link link, std::span<float> row) {
  switch (link) {
    case Link::kIdentity:
      return;
    case Link::kSoftmax:
      return softmax(row);
    case Link::kArgMax:
      row[0] = static_cast<float>(std::max_element(row.begin(), row.end()) - row.begin());
      return;
    case Link::kSigmoid:
      for (float& x : row) x = 1.0F / (1.0F + exp32(std::min(-x, 88.7F)));  // XGBoost stops here: never 0
      return;
    case Link::kExp:
      for (float& x : row) x = exp32(x);
      return;
    case Link::kHinge:
      for (float& x : row) x = x > 0 ? 1.0F : 0.0F;
      return;
    case Link::kSignSquare:
    case Link::kLog1pExp:
      return;  // LightGBM alone has these, and it answers doubles
  }
}

void apply(Link link, double scale, std::span<double> row) {
  switch (link) {
    case Link::kIdentity:
      return;
    case Link::kSoftmax:
      return softmax(row);
    case Link::kSigmoid:
      for (double& x : row) x = 1.0 / (1.0 + exp64(-scale * x));
      return;
    case Link::kExp:
      for (double& x : row) x = exp64(x);
      return;
    case Link::kSignSquare:
      for (double& x : row) x = sign_square(x);
      return;
    case Link::kLog1pExp:
      for (double& x : row) x = std::log1p(exp64(x));
      return;
    case Link::kArgMax:
    case Link::kHinge:
      return;  // XGBoost alone has these, and it answers floats
  }
}

}  // namespace slipway::native
