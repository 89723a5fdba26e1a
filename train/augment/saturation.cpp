#include "train/augment/saturation.h"

#include "train/augment/blend.h"

namespace mvmoe {

void saturation(Image& image, float factor) {
  for (std::size_t i = 0; i + 3 <= image.rgb.size(); i += 3) {
    std::uint8_t* rgb = &image.rgb[i];
    const int level = grey(rgb);
    for (int c = 0; c < 3; ++c) rgb[c] = static_cast<std::uint8_t>(blend(level, rgb[c], factor));
  }
}

}  // namespace mvmoe
