// engine/fp16.h: rounds a float to IEEE 754's half precision (fp16), in arithmetic that vectorises on any processor.
// The compiler converts its _Float16 one number at a time.
#pragma once
#include <bit>
#include <cstdint>

namespace mvmoe {

// The 16 bits of the nearest fp16; of two equally near ones, the one whose last bit is 0. From 65,520 on the result is
// infinity. NaN stays NaN.
inline std::uint16_t fp16_bits(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
  // Below 2^-14 fp16 has steps of 2^-24, as a float between 0.5 and 1 has. So adding 0.5 rounds to these steps.
  const std::uint32_t small = std::bit_cast<std::uint32_t>(std::bit_cast<float>(size) + 0.5f) - 0x3f000000;
  // Otherwise the exponent's bias changes from 127 to 15, and 13 digits are rounded away as in bf16.h.
  const std::uint32_t normal = (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13;
  const std::uint32_t large = size > 0x7f800000 ? 0x7e00 : 0x7c00;
  return static_cast<std::uint16_t>(sign | (size < 0x38800000 ? small : size < 0x477ff000 ? normal : large));
}

inline float float_of_fp16(std::uint16_t half) {
  const std::uint32_t size = std::uint32_t{half} << 13 & 0x0fffe000;
  const float finite =
      std::bit_cast<float>(size) * 0x1p112f;  // changes the bias; denormal fp16 numbers become normal floats
  const std::uint32_t bits = size < 0x0f800000 ? std::bit_cast<std::uint32_t>(finite) : size | 0x7f800000;
  return std::bit_cast<float>(bits | (std::uint32_t{half} & 0x8000) << 16);
}

}  // namespace mvmoe
