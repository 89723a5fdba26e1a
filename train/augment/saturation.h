// train/augment/saturation.h: changes the saturation of colours, in place; Pillow's ImageEnhance.Color.
#pragma once
#include "train/data/image.h"

namespace mvmoe {

void saturation(Image& image, float factor);  // 0: grey, 1: no change, above: more saturated

}  // namespace mvmoe
