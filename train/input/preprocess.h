// train/input/preprocess.h: how an image of bytes becomes what the network reads; at evaluation, from an image of any
// size.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "train/augment/resize.h"
#include "train/data/dataset.h"

namespace mvmoe {

// Belongs to the model: it was trained for images made so.
struct Preprocessing {
  std::array<float, 3> mean{}, std{};  // of raw / 255
  // The rest is for images of any size; those of a set in memory are the network's size already.
  float crop_pct = 1;  // the centre kept: of 224 pixels at 0.875, the short side becomes 256 first
  Interpolation interpolation = Interpolation::bicubic;
};

// One number for all colours, or one for each; none: `to` stays as it is. Throws UsageError that names the flag for any
// other count.
void set_colours(const char* flag, const std::vector<float>& values, std::array<float, 3>& to);

// As on the command line. The second throws UsageError that names the flag.
const char* interpolation_name(Interpolation interpolation);
Interpolation interpolation_named(const std::string& name);

// Normalises one image of bytes into 3 planes of floats; grey is repeated. to [3, S, S]
void normalise(const std::uint8_t* from, int channels, int side, const std::array<float, 3>& mean,
               const std::array<float, 3>& std, float* to);
void normalise(const Image& image, const std::array<float, 3>& mean, const std::array<float, 3>& std,
               float* to);  // to [3, height, width]

// The short side becomes `side` pixels, the long one follows, rounded down (torchvision's Resize).
Image resize_short_side(const Image& image, int side, Interpolation interpolation);

// The short side becomes side / crop_pct, rounded down, then side x side are cut out of the middle (timm's evaluation).
// Of an image longer than 100 times its short side, only the middle of that length is resized.
Image centre_crop(const Image& image, int side, float crop_pct, Interpolation interpolation);

// Image `index` of the set as the network reads it, to [3, side, side]. Throws as image_or_stand_in does.
void network_input(const ImageSet& set, int index, int side, const Preprocessing& preprocessing, float* to);

}  // namespace mvmoe
