// train/augment/blend.h: a level between two others or beyond the second, and the grey of a colour, to Pillow's
// rounding.
#pragma once
#include <algorithm>
#include <cstdint>

namespace mvmoe {

// factor 0 gives `from`, 1 gives `to`; beyond them it goes on in the same direction, within 0 .. 255. What is after the
// point is cut off, in single precision, as Image.blend does it.
inline int blend(int from, int to, float factor) {
  const float level = static_cast<float>(from) + factor * static_cast<float>(to - from);
  return static_cast<int>(std::clamp(level, 0.0f, 255.0f));
}

// ITU-R 601-2 luma (0.299 R + 0.587 G + 0.114 B), in 16 bits after the point and rounded. rgb [3]
inline int grey(const std::uint8_t* rgb) { return (rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >> 16; }

}  // namespace mvmoe
