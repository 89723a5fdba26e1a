// train/augment/affine.h: an image turned, sheared or moved within its own frame.
//
//   the pixel whose centre is (x, y) of the result is looked up at (a x + b y + c, d x + e y + f) of the image, between
//   pixels by 2x2 (bilinear) or 4x4 (bicubic) of them, a = -1 here, what is after the point cut off; `fill` where that
//   is outside. Pillow's Image.transform and Image.rotate, whose bytes these are.
#pragma once
#include <array>

#include "train/augment/resize.h"
#include "train/data/image.h"

namespace mvmoe {

struct Affine {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
};

// Counter-clockwise around the centre of a width x height image.
Affine rotation(double degrees, int width, int height);

using Colour = std::array<std::uint8_t, 3>;

// `scratch` lends its memory.
void transform(Image& image, const Affine& affine, Interpolation interpolation, Colour fill, Image& scratch);

}  // namespace mvmoe
