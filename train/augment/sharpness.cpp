#include "train/augment/sharpness.h"

#include <utility>

#include "train/augment/blend.h"

namespace mvmoe {

void sharpness(Image& image, float factor, Image& scratch) {
  scratch = image;
  const int row = 3 * image.width;  // bytes
  for (int y = 1; y + 1 < image.height; ++y) {
    const std::uint8_t* here = image.rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(row);
    std::uint8_t* out = scratch.rgb.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(row);
#pragma omp simd
    for (int i = 3; i < row - 3; ++i) {  // neighbours in the same channel are 3 bytes away
      const std::uint8_t* p = here + i;
      const int ring = p[-row - 3] + p[-row] + p[-row + 3] + p[-3] + p[3] + p[row - 3] + p[row] + p[row + 3];
      const int smooth = (2 * (ring + 5 * p[0]) + 13) / 26;  // 13 parts in all, rounded; a half cannot occur
      out[i] = static_cast<std::uint8_t>(blend(smooth, p[0], factor));
    }
  }
  std::swap(image, scratch);
}

}  // namespace mvmoe
