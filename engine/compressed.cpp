#include "engine/compressed.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "engine/bf16.h"
#include "engine/fp16.h"

namespace mvmoe {
namespace {

constexpr std::size_t in_front = sizeof(float);  // bytes before the numbers: fp16's scale

// The power of two that brings the largest number into 2^14 .. 2^15. The range of fp16 ends below 2^16.
float scale_of(std::span<const float> x) {
  float largest = 0;
#pragma omp simd reduction(max : largest)
  for (std::size_t i = 0; i < x.size(); ++i) largest = std::max(largest, std::abs(x[i]));
  if (largest == 0 || !std::isfinite(largest)) return 1;
  return std::ldexp(1.0f, std::min(14 - std::ilogb(largest), 126));  // its inverse is a normal number too
}

}  // namespace

std::size_t compressed_bytes(std::size_t n, Compression c) {
  if (c == Compression::none) return n * sizeof(float);
  return n * sizeof(std::uint16_t) + (c == Compression::fp16 ? in_front : 0);
}

void compress(std::span<const float> x, Compression c, std::byte* bytes) {
  const float* from = x.data();
  if (c == Compression::bf16) {
    auto* to = reinterpret_cast<std::uint16_t*>(bytes);
#pragma omp simd
    for (std::size_t i = 0; i < x.size(); ++i) to[i] = bf16_bits(from[i]);
    return;
  }
  const float scale = scale_of(x);
  std::memcpy(bytes, &scale, in_front);
  auto* to = reinterpret_cast<std::uint16_t*>(bytes + in_front);
#pragma omp simd
  for (std::size_t i = 0; i < x.size(); ++i) to[i] = fp16_bits(from[i] * scale);
}

namespace {

template <class Use>
void each_number(const std::byte* bytes, Compression c, std::size_t n, const Use& use) {  // use(i, number)
  if (c == Compression::bf16) {
    const auto* from = reinterpret_cast<const std::uint16_t*>(bytes);
#pragma omp simd
    for (std::size_t i = 0; i < n; ++i) use(i, std::bit_cast<float>(std::uint32_t{from[i]} << 16));
    return;
  }
  float scale;
  std::memcpy(&scale, bytes, in_front);
  const float back = 1 / scale;
  const auto* from = reinterpret_cast<const std::uint16_t*>(bytes + in_front);
#pragma omp simd
  for (std::size_t i = 0; i < n; ++i) use(i, float_of_fp16(from[i]) * back);
}

}  // namespace

void decompress(const std::byte* bytes, Compression c, std::span<float> x) {
  float* to = x.data();
  each_number(bytes, c, x.size(), [to](std::size_t i, float number) { to[i] = number; });
}

void add_compressed(const std::byte* bytes, Compression c, std::span<float> x) {
  float* to = x.data();
  each_number(bytes, c, x.size(), [to](std::size_t i, float number) { to[i] += number; });
}

}  // namespace mvmoe
