// train/augment/rand_augment.h: RandAugment: a few random operations of fifteen, with a magnitude from 0 to 10.
//
// As in timm (Cubuk et al. 2019, arXiv 1909.13719): n operations are drawn with replacement. Each is applied with
// probability p, at its own level L, which is normal around m and clipped to 0 .. 10. A sign is + or - with probability
// one half.
//
//   AutoContrast, Equalize, Invert   no level
//   Rotate                           +-3 L degrees
//   ShearX, ShearY                   +-0.03 L
//   TranslateX, TranslateY           +-0.045 L of the side
//   Posterize                        4 - int(0.4 L) bits stay; inc0: int(0.4 L)
//   Solarize                         from 256 - int(25.6 L) on; inc0: int(25.6 L)
//   SolarizeAdd                      int(11 L) to what is below 128, at most 128
//   Color, Contrast, Brightness, Sharpness   factor 1 +- 0.09 L, at least 0.1; inc0: 0.1 + 0.18 L
//
// At L = 10 Posterize keeps no bit: a black image, as timm meant it; with Pillow 13 timm ends with an error there.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "train/augment/affine.h"

namespace mvmoe {

struct RandAugmentConfig {
  int operations = 2;        // n
  double magnitude = 10;     // m, 0 .. 10
  double deviation = 0;      // mstd; infinite: the level is uniform in 0 .. m
  double probability = 0.5;  // p, of each operation
  bool increasing = false;   // inc: every operation does more at a higher level
  // Geometric operations are bicubic. true: bicubic or bilinear at random, as timm's --train-interpolation random.
  bool random_interpolation = false;
  Colour fill{124, 116, 104};  // colour outside the image, for geometric operations: fill_of(mean), here ImageNet's
};

Colour fill_of(const std::array<float, 3>& mean);  // the mean colour of the data set; `mean` is of bytes / 255

// Reads timm's notation: rand-m9-mstd0.5-inc1. Numbers follow m, n, p, mstd (above 100: infinite) and inc (0 or 1), in
// any order. Keys that are not given keep the defaults above. Throws UsageError that names --rand-augment and what
// would be right.
RandAugmentConfig parse_rand_augment(const std::string& spec);

enum class AugmentKind {
  auto_contrast,
  equalize,
  invert,
  rotate,
  posterize,
  solarize,
  solarize_add,
  color,
  contrast,
  brightness,
  sharpness,
  shear_x,
  shear_y,
  translate_x,
  translate_y
};
constexpr int augment_kinds = 15;

struct AugmentOperation {
  AugmentKind kind = AugmentKind::auto_contrast;
  double argument = 0;  // degrees, share, bits, threshold, amount or factor; not used by the first three kinds
  Interpolation interpolation = Interpolation::bicubic;
};

// The operations for an image, in order: at most config.operations. A function of its arguments. `image`: the index in
// the set, or the key of its repeat (repeated_augment.h).
std::vector<AugmentOperation> choose_rand_augment(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image,
                                                  const RandAugmentConfig& config);

// The argument of an operation at a level. `negative`: its sign, if it has one.
double argument_at(AugmentKind kind, double level, bool negative, bool increasing);

// `scratch` provides memory.
void apply(const AugmentOperation& operation, Colour fill, Image& image, Image& scratch);

}  // namespace mvmoe
