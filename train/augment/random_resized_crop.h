// train/augment/random_resized_crop.h: chooses the part of an image that is resized to the network's size.
//
// Up to ten times it draws an area, as a share of the image's, and a ratio of width to height, log-uniform. The first
// rectangle that fits is put at a random place. If none fits, it takes the largest centred part with an allowed ratio.
// timm's RandomResizedCropAndInterpolation, torchvision's RandomResizedCrop (Szegedy et al. 2015, arXiv 1409.4842,
// section 6).
#pragma once
#include <cstdint>

#include "train/augment/rectangle.h"

namespace mvmoe {

struct CropShare {
  double least_area = 0.08, most_area = 1;  // of the image's
  double least_ratio = 3.0 / 4, most_ratio = 4.0 / 3;
};

// A function of its arguments. `image`: the index in the set, or the key of its repeat (repeated_augment.h).
Rectangle choose_random_resized_crop(std::uint64_t seed, std::uint64_t epoch, std::uint64_t image, int width,
                                     int height, const CropShare& share = {});

// The size of a part of `area` pixels with this ratio of width to height. It may be larger than the image.
Rectangle sized(double area, double ratio);
// The largest centred part of a width x height image with an allowed ratio.
Rectangle centred(int width, int height, const CropShare& share);

}  // namespace mvmoe
