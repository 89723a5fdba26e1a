// train/augment/resize.h: an image, or a part of it, at another size, each new pixel a weighted mean of the old ones below it.
//
//   weights   bilinear: a triangle of half width 1; bicubic: Keys' cubic of half width 2, a = -0.5. Where the image gets
//             smaller the filter is wider by the same factor, so nothing is skipped (antialiasing).
//   rounding  along rows first, rounded to 8 bits, then along columns; the other way round where the height shrinks by
//             more than twice as many pixels as the width. Weights are integers of 22 bits after the point
//   source    Pillow's Image.resize, whose bytes these are (Pillow 13's: before, rows always came first, which differs in
//             a last bit); Keys 1981, "Cubic convolution interpolation for digital image processing"
#pragma once
#include "train/augment/rectangle.h"
#include "train/data/image.h"

namespace mvmoe {

enum class Interpolation { bilinear, bicubic };

double bicubic_weight(double x);  // Keys' cubic at distance x, a = -0.5: exact for parabolas

// `to` becomes width x height; its memory is reused; it is not `from`. Throws Error if a size is below 1, or if `part` is not inside.
void resize(const Image& from, int width, int height, Interpolation interpolation, Image& to);

// As cut out first and resized then (timm's and torchvision's resized_crop), but without the copy: no filter looks beyond
// the part's edges. Pillow's own resize(box=) lets it look, and differs there.
void resize(const Image& from, Rectangle part, int width, int height, Interpolation interpolation, Image& to);

}  // namespace mvmoe
