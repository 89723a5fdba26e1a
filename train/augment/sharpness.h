// train/augment/sharpness.h: smooths or sharpens an image; Pillow's ImageEnhance.Sharpness.
#pragma once
#include "train/data/image.h"

namespace mvmoe {

// factor 0: smoothed (each pixel becomes 5/13 of itself and 1/13 of each of its 8 neighbours), 1: no change, above:
// sharper. The pixels at the edge do not change. `scratch` provides memory.
void sharpness(Image& image, float factor, Image& scratch);

}  // namespace mvmoe
