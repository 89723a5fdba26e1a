// train/augment/flip.h: mirrors an image left to right, with probability one half.
#pragma once
#include <cstdint>

#include "train/data/image.h"

namespace mvmoe {

// A function of its arguments. `image`: the index in the set.
bool choose_flip(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image);

void flip(std::uint8_t* image, int channels, int side);  // image [channels, side, side], in place
void flip(Image& image);                                 // the same for a decoded image

}  // namespace mvmoe
