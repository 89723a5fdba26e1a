// train/data/fractal.h: iterated function systems, and pictures of them.
//
// A system is a few affine maps, each of which brings points closer together. Start at any point and apply a map drawn
// at random, again and again: the points trace the attractor of the system (Barnsley's chaos game). A picture is a
// function of its random numbers, and the same on every processor: the walk uses integers, and the computation before
// it only operations for which IEEE 754 leaves one rounding (this file is compiled without fused multiply-adds).
#pragma once
#include <cstdint>

#include "engine/random.h"

namespace mvmoe {

// (x, y) -> (a x + b y + e, c x + d y + f)
struct AffineMap {
  double a, b, c, d, e, f;
};

struct FractalSystem {
  static constexpr int most_maps = 5;
  AffineMap maps[most_maps] = {};
  int count = 0;  // number of maps
};

// 2 to 5 maps with entries uniform in [-1, 1], each made a contraction: its spectral norm is at most 0.95.
FractalSystem random_system(Random& random);

// The system with a normal number times `spread` added to every entry. Its maps are made contractions again.
FractalSystem moved(const FractalSystem& system, double spread, Random& random);

// The view of a system that a picture shows.
struct FractalView {
  double rotation = 0;  // radians, -pi to pi
  bool mirrored = false;
  double zoom = 1;                  // longer side of the attractor over the side of the picture, 0 to 1
  double shift_x = 0, shift_y = 0;  // from the middle, in sides; limited so that the attractor stays inside
};

// A grey picture [side, side] of a walk with two steps for each pixel. The more steps end in a pixel, the brighter it
// is.
void draw_fractal(const FractalSystem& system, const FractalView& view, int side, Random& random, std::uint8_t* to);

}  // namespace mvmoe
