// train/augment/saturation.h: colours nearer to grey or further from it. In place; Pillow's ImageEnhance.Color.
#pragma once
#include "train/data/image.h"

namespace mvmoe {

void saturation(Image& image, float factor);  // 0: grey, 1: as it was, above: more colourful

}  // namespace mvmoe
