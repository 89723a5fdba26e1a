// train/data/fractal.h: iterated function systems, and pictures of them.
//
// A system is a few affine maps that each bring points closer together. Start anywhere, apply a map drawn at random,
// again and again: the points trace the system's attractor (Barnsley's chaos game). Every figure is a function of its
// random numbers alone and the same on every processor: the walk is in whole numbers, and what comes before it uses
// only operations that IEEE 754 rounds in one way (this file is compiled without fused multiply-adds).
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
  int count = 0;  // of maps
};

// 2 to 5 maps with entries uniform in [-1, 1], each made a contraction: its spectral norm is at most 0.95.
FractalSystem random_system(Random& random);

// The same system with a normal number times `spread` added to every entry, its maps contractions again.
FractalSystem moved(const FractalSystem& system, double spread, Random& random);

// How a picture is taken of a system.
struct FractalView {
  double rotation = 0;  // radians, -pi to pi
  bool mirrored = false;
  double zoom = 1;                  // of the attractor's longer side over the picture's side, 0 to 1
  double shift_x = 0, shift_y = 0;  // from the middle, in sides, as far as the room goes that is left
};

// A grey picture [side, side] of a walk with two steps for each pixel: the more end in a pixel, the brighter it is.
void draw_fractal(const FractalSystem& system, const FractalView& view, int side, Random& random, std::uint8_t* to);

}  // namespace mvmoe
