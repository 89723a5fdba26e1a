// engine/vector_math.h: exp and the normal distribution as plain arithmetic, so that a loop over them vectorises.
//
// The C library's functions would be one call per element. The compiler uses vector versions of them only with
// -ffast-math, which would break every NaN check. Here NaN in gives NaN out.
#pragma once
#include <bit>
#include <cstdint>

namespace mvmoe {

// e^x, correct to 2 units in the last place. For x below -87 it is e^-87 (1.6e-38), above 88 it is e^88.
// x = n ln 2 + r with |r| <= ln 2 / 2, so e^x = 2^n e^r: a polynomial for e^r, the exponent's bits for 2^n.
inline float exp_of(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  constexpr float magic = 0x1.8p23f;  // adding it rounds to an integer, left in the low bits
  const float shifted = x * 1.44269504f + magic;
  const float n = shifted - magic;
  const float r = (x - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;  // ln 2 in two parts: the first product is exact
  const float p =
      1 +
      r * (1 + r * (0.49999994f + r * (0.16666521f + r * (4.1668389e-2f + r * (8.3687352e-3f + r * 1.3814560e-3f)))));
  return p * std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000u);
}

// The standard normal distribution's function and density at x.
struct Normal {
  float below;    // Phi(x) = P(Z < x)
  float density;  // phi(x) = e^(-x^2/2) / sqrt(2 pi)
};

// Phi(-a) = e^(-a^2/2) g(1 / (1 + 0.4 a)) for a >= 0. g is a polynomial, fitted to absolute error 4e-8 (the form of
// Abramowitz and Stegun 26.2.17, with our own coefficients; 2e-7 with float's rounding near one half). Both numbers
// need the same exponential.
inline Normal normal_at(float x) {
  const float a = x < 0 ? -x : x;
  const float half_square = 0.5f * x * x;
  const float e =
      half_square > 87 ? 0 : exp_of(-half_square);  // 0, not exp_of's smallest value 1.6e-38: x times it is not 0
  const float t = 1 / (1 + 0.4f * a);
  const float g =
      t * (0.157408312f +
           t * (0.184057572f + t * (0.0253441558f + t * (0.323989668f + t * (-0.244639955f + t * 0.0538402098f)))));
  const float tail = e * g;
  return {x < 0 ? tail : 1 - tail, 0.398942280f * e};
}

// Phi(x) alone, without an exponential: 1/2 + x P(x^2) / Q(x^2), fitted up to 5.5, where Phi is 1 within 2e-8. The
// absolute error is at most 2.5e-7, whichever products and sums the compiler fuses. Exactly 0 below -5.5.
inline float below_of(float x) {
  constexpr float end = 5.5f;
  const float a = x < -end ? -end : x > end ? end : x, s = a * a;
  const float p = 0.398942143f +
                  s * (0.0359186716f +
                       s * (0.00450892141f + s * (0.000170331885f +
                                                  s * (3.24039866e-6f + s * (-2.20795151e-8f + s * 1.11747063e-10f)))));
  const float q = 1 + s * (0.256699324f + s * (0.0290893987f + s * (0.00183041662f + s * 6.2310537e-5f)));
  return x < -end ? 0 : 0.5f + a * p / q;
}

}  // namespace mvmoe
