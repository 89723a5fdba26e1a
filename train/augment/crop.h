// train/augment/crop.h: puts a black frame around an image, and cuts out a part of the old size at a random place.
#pragma once
#include <cstdint>

namespace mvmoe {

// The top left corner of the cut in the framed image, 0 .. 2 pad in each direction; (pad, pad) is the old image.
struct CropAt {
  int x = 0, y = 0;
};

// A function of its arguments. `image`: the index in the set.
CropAt choose_crop(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, int pad);

// from, to [channels, side, side], different memory; 0 <= pad < side. The frame is raw 0.
void crop(const std::uint8_t* from, int channels, int side, int pad, CropAt at, std::uint8_t* to);

}  // namespace mvmoe
