// engine/bf16.h: a float rounded to bfloat16: the upper half of its bits, so a float's range with 8 of its 24 digits.
#pragma once
#include <bit>
#include <cstdint>

namespace mvmoe {

// The 16 bits of the nearest bfloat16; of two equally near the one whose last bit is 0, as processors round. Beyond the
// largest it is infinite; NaN stays NaN, a number below the smallest normal one stays as near as it can be.
inline std::uint16_t bf16_bits(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), last = (bits >> 16) & 1;
  // Half a unit is added, less a hair where the last bit is 0: what carries into the upper half is the rounding. NaN is
  // cut instead, since it could carry into the sign, with a bit set that stays.
  return static_cast<std::uint16_t>((x != x ? bits | 0x400000 : bits + 0x7fff + last) >> 16);
}

inline float rounded_to_bf16(float x) { return std::bit_cast<float>(std::uint32_t{bf16_bits(x)} << 16); }

}  // namespace mvmoe
