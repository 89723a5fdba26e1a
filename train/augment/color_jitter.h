// train/augment/color_jitter.h: brightness, contrast and saturation by random factors, in random order.
//
// torchvision's ColorJitter as timm uses it: one strength s for all three, each factor uniform in 1 - s .. 1 + s (not
// below 0), no hue. timm's default is 0.4; with RandAugment the jitter is off.
#pragma once
#include <array>
#include <cstdint>

#include "train/data/image.h"

namespace mvmoe {

struct ColorJitter {
  enum class Part { brightness, contrast, saturation };
  std::array<Part, 3> order{Part::brightness, Part::contrast, Part::saturation};
  float brightness = 1, contrast = 1, saturation = 1;  // factors; 1 leaves the image as it was
};

// A function of its arguments. `image`: the index in the set, or the key of its repeat (repeated_augment.h).
ColorJitter choose_color_jitter(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, float strength);

void color_jitter(Image& image, const ColorJitter& jitter);

}  // namespace mvmoe
