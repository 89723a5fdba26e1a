#include "train/augment/flip.h"

#include <algorithm>

#include "engine/random.h"

namespace mvmoe {

bool choose_flip(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image) {
  return Random(seed, Place::flip, epoch, image).chance(0.5f);
}

void flip(std::uint8_t* image, int channels, int side) {
  for (int row = 0; row < channels * side; ++row) std::reverse(image + row * side, image + (row + 1) * side);
}

void flip(Image& image) {
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* row = image.rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) * 3;
    for (int left = 0, right = image.width - 1; left < right; ++left, --right) std::swap_ranges(row + 3 * left, row + 3 * left + 3, row + 3 * right);
  }
}

}  // namespace mvmoe
