// exp and log on the answer path: the only ones. They give the same bits on every CPU and C library, and the
// bits that the frameworks give, because they follow the algorithms of glibc (Arm's optimized routines, "exp"
// with 128 and "expf" with 32 table entries) with every rounding written out. glibc's own exp differs in the
// last bit between CPUs with and without FMA. Pure, thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace slipway::native {

double exp64(double x);
float exp32(float x);

// From the sum of leaves to what is answered; the names are those of the frameworks' objectives' shapes.
enum class Link : uint8_t {
  kIdentity,
  kSigmoid,  // 1 / (1 + exp(-scale·x))
  kSoftmax,  // over all outputs of a row
  kArgMax,   // the class with the largest sum, the first of equals
  kExp,
  kHinge,       // 1 when positive, else 0
  kSignSquare,  // sign(x)·x², LightGBM's reg_sqrt
  kLog1pExp,    // log(1 + exp(x)), LightGBM's cross_entropy_lambda
};

// In place over one row's outputs; kArgMax writes the class to row[0]. float rounds as XGBoost does, double
// as LightGBM does.
void apply(Link link, std::span<float> row);
void apply(Link link, double scale, std::span<double> row);

}  // namespace slipway::native
