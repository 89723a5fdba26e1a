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
  struct Pixel {
    std::uint8_t rgb[3];
  };
  static_assert(sizeof(Pixel) == 3);
  auto* row = reinterpret_cast<Pixel*>(image.rgb.data());
  for (int y = 0; y < image.height; ++y, row += image.width) std::reverse(row, row + image.width);
}

}  // namespace mvmoe
