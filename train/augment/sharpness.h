// train/augment/sharpness.h: between a smoothed image and the image, or beyond it. Pillow's ImageEnhance.Sharpness.
#pragma once
#include "train/data/image.h"

namespace mvmoe {

// 0: smoothed (each pixel five parts of itself, one of each of its 8 neighbours), 1: as it was, above: sharper. The
// pixels at the edge stay as they are. `scratch` lends its memory.
void sharpness(Image& image, float factor, Image& scratch);

}  // namespace mvmoe
