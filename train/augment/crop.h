// train/augment/crop.h: the image set into a wider black frame and cut out again at a random place.
#pragma once
#include <cstdint>

namespace mvmoe {

// Where the cut begins within the frame, 0 .. 2 pad each way; (pad, pad) is the image as it was.
struct CropAt {
  int x = 0, y = 0;
};

// A function of its arguments alone: `image` is the index in the set, so each image is cut elsewhere in each epoch.
CropAt choose_crop(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, int pad);

// from, to [channels, side, side], not the same memory; 0 <= pad < side. What lies outside is raw 0.
void crop(const std::uint8_t* from, int channels, int side, int pad, CropAt at, std::uint8_t* to);

}  // namespace mvmoe
