// train/augment/random_erasing.h: fills a rectangle of the normalised image with noise.
//
// With a given probability up to ten rectangles are tried, and the first that fits is taken. Its area is 0.02 to 1/3 of
// the image's. Its ratio of height to width is log-uniform in 0.3 to 1/0.3. Its place is random. Each pixel and channel
// in it becomes N(0, 1). Zhong et al. 2017, arXiv 1708.04896; timm's RandomErasing in pixel mode.
#pragma once
#include <cstdint>
#include <optional>

#include "engine/random.h"
#include "train/augment/rectangle.h"

namespace mvmoe {

// The rectangle; none if nothing is erased. A function of its arguments. `image`: the index in the set, or the key of
// its repeat (repeated_augment.h).
std::optional<Rectangle> choose_random_erasing(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, int side,
                                               float probability = 0.25f);

// The size of a rectangle with this share of the image's area and this ratio of height to width.
Rectangle erased_size(double area, double ratio, int side);

// The random numbers for the noise. They have a Place of their own, so none of them was used to choose the rectangle.
Random erasing_noise(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image);

void erase(float* image, int side, Rectangle where, Random noise);  // image [3, side, side]

}  // namespace mvmoe
