#include "train/augment/color_jitter.h"

#include <algorithm>
#include <utility>

#include "engine/random.h"
#include "train/augment/saturation.h"
#include "train/augment/tone.h"

namespace mvmoe {

ColorJitter choose_color_jitter(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, float strength) {
  Random random(seed, Place::color_jitter, epoch, image);
  ColorJitter jitter;
  for (std::uint32_t i = 3; i-- > 1;) std::swap(jitter.order[i], jitter.order[random.below(i + 1)]);
  const float least = std::max(0.0f, 1 - strength), most = 1 + strength;
  jitter.brightness = random.uniform(least, most);
  jitter.contrast = random.uniform(least, most);
  jitter.saturation = random.uniform(least, most);
  return jitter;
}

void color_jitter(Image& image, const ColorJitter& jitter) {
  for (const ColorJitter::Part part : jitter.order) switch (part) {
      case ColorJitter::Part::brightness:
        brightness(image, jitter.brightness);
        break;
      case ColorJitter::Part::contrast:
        contrast(image, jitter.contrast);
        break;
      case ColorJitter::Part::saturation:
        saturation(image, jitter.saturation);
        break;
    }
}

}  // namespace mvmoe
