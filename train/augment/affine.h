// train/augment/affine.h: rotates, shears or shifts an image within its own frame.
//
// The pixel of the result with its centre at (x, y) is read at (a x + b y + c, d x + e y + f) of the image. It is
// interpolated from 2x2 pixels (bilinear) or 4x4 (bicubic, with a = -1), and digits after the point are cut off.
// Outside the image it is `fill`. The bytes are those of Pillow's Image.transform and Image.rotate.
#pragma once
#include <array>

#include "train/augment/resize.h"
#include "train/data/image.h"

namespace mvmoe {

struct Affine {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
};

// Rotates counter-clockwise around the centre of a width x height image.
Affine rotation(double degrees, int width, int height);

using Colour = std::array<std::uint8_t, 3>;

// `scratch` provides memory.
void transform(Image& image, const Affine& affine, Interpolation interpolation, Colour fill, Image& scratch);

}  // namespace mvmoe
