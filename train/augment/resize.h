// train/augment/resize.h: resizes an image, or a part of it. Each new pixel is a weighted mean of old ones
// (train/augment/taps.h), along one axis and then along the other.
//
//   order     along rows first, then along columns; the other way round if the height loses more than twice as many
//             pixels as the width
//   rounding  weights are integers with 22 bits after the point; the first pass is rounded to 8 bits
//   source    Pillow's Image.resize; the bytes are those of Pillow 13 (before, rows always came first, which differs
//             in a last bit)
#pragma once
#include "train/augment/rectangle.h"
#include "train/augment/taps.h"
#include "train/data/image.h"

namespace mvmoe {

// `to` becomes width x height, and its memory is reused. It must not be `from`. Throws Error if a size is below 1, or
// if `part` is not inside the image.
void resize(const Image& from, int width, int height, Interpolation interpolation, Image& to);

// The same as cutting out `part` and resizing it (timm's and torchvision's resized_crop), but without the copy. The
// filter reads no pixel outside the part. Pillow's resize(box=) reads such pixels, so it differs at the edges.
void resize(const Image& from, Rectangle part, int width, int height, Interpolation interpolation, Image& to);

}  // namespace mvmoe
