// engine/bf16.h: rounds a float to bfloat16, the upper half of a float's bits: the same range, 8 of 24 binary digits.
#pragma once
#include <bit>
#include <cstdint>

namespace mvmoe {

// The 16 bits of the nearest bfloat16. Of two equally near ones, the one whose last bit is 0, as processors round.
// Above the largest bfloat16 the result is infinity. NaN stays NaN. Denormal numbers are rounded like all others.
inline std::uint16_t bf16_bits(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), last = (bits >> 16) & 1;
  // Adds half a unit of the upper half's last bit (one less where that bit is 0); the carry into the upper half is the
  // rounding. For NaN the carry could reach the sign. So NaN is cut off, with one bit set that keeps it NaN.
  return static_cast<std::uint16_t>((x != x ? bits | 0x400000 : bits + 0x7fff + last) >> 16);
}

inline float rounded_to_bf16(float x) { return std::bit_cast<float>(std::uint32_t{bf16_bits(x)} << 16); }

}  // namespace mvmoe
