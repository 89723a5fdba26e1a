// train/input/preprocess.h: makes the network's input from an image of bytes; at evaluation, from an image of any size.
#pragma once
#include <array>
#include <cstdint>
#include <string>

#include "train/augment/resize.h"
#include "train/data/dataset.h"

namespace mvmoe {

// These settings belong to the model, because it was trained with them.
struct Preprocessing {
  std::array<float, 3> mean{}, std{};  // of raw / 255
  // The next two are for images of any size. Images in memory have the network's size already.
  // The part in the centre that is kept. For 224 pixels and 0.875, the short side is resized to 256 first.
  float crop_pct = 1;
  Interpolation interpolation = Interpolation::bicubic;
};

// `values`: one number for all colours, or three; if empty, `to` is not changed. Throws UsageError that names the flag
// for any other count.
void set_colours(const char* flag, const std::vector<float>& values, std::array<float, 3>& to);

// The names on the command line. interpolation_named throws UsageError that names the flag.
const char* interpolation_name(Interpolation interpolation);
Interpolation interpolation_named(const std::string& name);

// Normalises one image of bytes into 3 planes of floats; grey is repeated. to [3, S, S]
void normalise(const std::uint8_t* from, int channels, int side, const std::array<float, 3>& mean,
               const std::array<float, 3>& std, float* to);
void normalise(const Image& image, const std::array<float, 3>& mean, const std::array<float, 3>& std,
               float* to);  // to [3, height, width]

// Resizes the short side to `side` pixels and the long side in proportion, rounded down (torchvision's Resize).
Image resize_short_side(const Image& image, int side, Interpolation interpolation);

// Resizes the short side to side / crop_pct, rounded down, then cuts side x side out of the centre (timm's evaluation).
// If the long side is more than 100 times the short one, only the middle of that length is resized.
Image centre_crop(const Image& image, int side, float crop_pct, Interpolation interpolation);

// Makes the network's input from image `index` of the set, to [3, side, side]. Throws as image_or_stand_in does.
void network_input(const ImageSet& set, int index, int side, const Preprocessing& preprocessing, float* to);

}  // namespace mvmoe
