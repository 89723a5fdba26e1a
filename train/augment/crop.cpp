#include "train/augment/crop.h"

#include <algorithm>
#include <cstring>

#include "engine/random.h"

namespace mvmoe {

CropAt choose_crop(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, int pad) {
  Random random(seed, Place::crop, epoch, image);
  const std::uint32_t places = 2 * static_cast<std::uint32_t>(pad) + 1;
  const int x = static_cast<int>(random.below(places));
  return {.x = x, .y = static_cast<int>(random.below(places))};
}

void crop(const std::uint8_t* from, int channels, int side, int pad, CropAt at, std::uint8_t* to) {
  const int dx = at.x - pad, dy = at.y - pad;  // pixel (x, y) of the result is pixel (x + dx, y + dy) of the image
  const int left = std::max(0, -dx), width = side - std::abs(dx);
  std::memset(to, 0, static_cast<std::size_t>(channels * side * side));
  for (int c = 0; c < channels; ++c)
    for (int y = std::max(0, -dy); y < std::min(side, side - dy); ++y)
      std::memcpy(to + (c * side + y) * side + left, from + (c * side + y + dy) * side + left + dx,
                  static_cast<std::size_t>(width));
}

}  // namespace mvmoe
