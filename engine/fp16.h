// engine/fp16.h: a float rounded to IEEE 754's half precision, in arithmetic that vectorises on any processor: the
// compiler's _Float16 is converted one number at a time.
#pragma once
#include <bit>
#include <cstdint>

namespace mvmoe {

// The 16 bits of the nearest half, of two equally near the one whose last bit is 0. From 65,520 on it is infinite; NaN
// stays NaN.
inline std::uint16_t fp16_bits(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  // Below 2^-14 a half has steps of 2^-24, as a float from 0.5 to 1 has: adding 0.5 rounds.
  const std::uint32_t small = std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + 0.5f) - 0x3f000000;
  // Else the exponent's bias is 15 instead of 127, and 13 digits are rounded away as in bf16.h.
  const std::uint32_t normal = (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13;
  const std::uint32_t large = size > 0x7f800000 ? 0x7e00 : 0x7c00;
  return static_cast<std::uint16_t>(sign | (size < 0x38800000 ? small : size < 0x477ff000 ? normal : large));
}

inline float float_of_fp16(std::uint16_t half) {
  const std::uint32_t size = std::uint32_t{half} << 13 & 0x0fffe000;
  const float finite =
      std::bit_cast<float>(size) * 0x1p112f;  // the other bias; a half's small numbers become a float's normal ones
  const std::uint32_t bits = size < 0x0f800000 ? std::bit_cast<std::uint32_t>(finite) : size | 0x7f800000;
  return std::bit_cast<float>(bits | (std::uint32_t{half} & 0x8000) << 16);
}

}  // namespace mvmoe
