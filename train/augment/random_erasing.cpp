#include "train/augment/random_erasing.h"

#include <cmath>

#include "train/augment/random_resized_crop.h"

namespace mvmoe {

Rectangle erased_size(double area, double ratio, int side) { return sized(area * side * side, 1 / ratio); }

std::optional<Rectangle> choose_random_erasing(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, int side,
                                               float probability) {
  constexpr double least_area = 0.02, most_area = 1.0 / 3, most_ratio = 1 / 0.3;
  Random random(seed, Place::random_erasing, epoch, image);
  if (!random.chance(probability)) return std::nullopt;
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = least_area + (most_area - least_area) * random.uniform();
    Rectangle r = erased_size(area, std::exp(std::log(most_ratio) * (2.0 * random.uniform() - 1)), side);
    if (r.width >= side || r.height >= side) continue;
    r.top = static_cast<int>(random.below(static_cast<std::uint32_t>(side - r.height) + 1));
    r.left = static_cast<int>(random.below(static_cast<std::uint32_t>(side - r.width) + 1));
    return r;
  }
  return std::nullopt;
}

Random erasing_noise(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image) {
  return {seed, Place::erasing_noise, epoch, image};
}

void erase(float* image, int side, Rectangle where, Random noise) {
  for (int c = 0; c < 3; ++c)
    for (int y = where.top; y < where.top + where.height; ++y) {
      float* row = image + static_cast<std::size_t>(c * side + y) * static_cast<std::size_t>(side);
      for (int x = where.left; x < where.left + where.width; ++x) row[x] = noise.normal();
    }
}

}  // namespace mvmoe
