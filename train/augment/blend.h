// train/augment/blend.h: interpolates between two levels, or extrapolates beyond the second; and converts a colour to
// grey. Rounding is Pillow's.
#pragma once
#include <algorithm>
#include <cstdint>

namespace mvmoe {

// factor 0 gives `from`, 1 gives `to`; other factors extrapolate, within 0 .. 255. Computed in single precision, and
// the digits after the point are cut off, as in Image.blend.
inline int blend(int from, int to, float factor) {
  const float level = static_cast<float>(from) + factor * static_cast<float>(to - from);
  return static_cast<int>(std::clamp(level, 0.0f, 255.0f));
}

// ITU-R 601-2 luma (0.299 R + 0.587 G + 0.114 B), with 16 bits after the point, rounded. rgb [3]
inline int grey(const std::uint8_t* rgb) { return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16; }

}  // namespace mvmoe
