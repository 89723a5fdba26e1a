// train/augment/random_erasing.h: a rectangle of noise over the normalised image.
//
// With a probability, the first of ten tries that fits: an area of 0.02 to 1/3 of the image's, a ratio of height to
// width of 0.3 to 1/0.3, log-uniform, anywhere; each pixel and channel of it becomes N(0, 1). Zhong et al. 2017, arXiv
// 1708.04896; timm's RandomErasing in pixel mode.
#pragma once
#include <cstdint>
#include <optional>

#include "engine/random.h"
#include "train/augment/rectangle.h"

namespace mvmoe {

// Nothing where the image stays whole. A function of its arguments alone; `image` is the index in the set, or the key
// of its repeat.
std::optional<Rectangle> choose_random_erasing(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, int side,
                                               float probability = 0.25f);

// Its deterministic part: what `area`, a share of the image's, becomes at a ratio of height to width.
Rectangle erased_size(double area, double ratio, int side);

// The noise of an image: Place::erasing_noise, so that no number is drawn both for the place and for the pixels.
Random erasing_noise(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image);

void erase(float* image, int side, Rectangle where, Random noise);  // image [3, side, side]

}  // namespace mvmoe
