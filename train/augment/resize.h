// train/augment/resize.h: an image, or a part of it, at another size, each new pixel a weighted mean of the old ones
// below it (train/augment/taps.h), along one axis and then along the other.
//
//   rounding  along rows first, rounded to 8 bits, then along columns; the other way round where the height shrinks by
//             more than twice as many pixels as the width. Weights are integers of 22 bits after the point
//   source    Pillow's Image.resize, whose bytes these are (Pillow 13's: before, rows always came first, which differs
//             in a last bit)
#pragma once
#include "train/augment/rectangle.h"
#include "train/augment/taps.h"
#include "train/data/image.h"

namespace mvmoe {

// `to` becomes width x height; its memory is reused; it is not `from`. Throws Error if a size is below 1, or if `part`
// is not inside.
void resize(const Image& from, int width, int height, Interpolation interpolation, Image& to);

// As cut out first and resized then (timm's and torchvision's resized_crop), but without the copy: no filter looks
// beyond the part's edges. Pillow's own resize(box=) lets it look, and differs there.
void resize(const Image& from, Rectangle part, int width, int height, Interpolation interpolation, Image& to);

}  // namespace mvmoe
