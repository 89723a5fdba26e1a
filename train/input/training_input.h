// train/input/training_input.h: how an image of bytes becomes what the network is trained on: the augmentations, in
// DeiT's order. (At evaluation: preprocess.h.)
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "train/augment/rand_augment.h"
#include "train/data/dataset.h"
#include "train/input/preprocess.h"

namespace mvmoe {

// All off.
struct AugmentConfig {
  int pad = 0;  // random crop after zero-padding (raw 0) by so many pixels, of images in memory; 0: no crop
  bool resized_crop = false;  // of images of any size a random part, resized; else the centre, as at evaluation
  bool flip = false;          // mirror with probability one half
  std::optional<RandAugmentConfig> rand_augment = {};
  float color_jitter = 0;    // strength, where RandAugment is off
  float random_erasing = 0;  // probability
};

// What one augmentation of one image is drawn by.
struct DrawKey {
  std::uint64_t seed = 0, epoch = 0;
  std::uint64_t image = 0;  // the index in the set, or the key of its repeat (augment/repeated_augment.h)
};

// Memory that a thread lends for one image after another.
struct AugmentScratch {
  std::vector<std::uint8_t> planes = {}, drawn = {};  // [channels, S, S]
  Image image = {}, spare = {};
};

// Image `index` of the set, augmented and normalised, to [3, side, side]. Throws as image_or_stand_in does.
void training_input(const ImageSet& set, int index, int side, const Preprocessing& preprocessing,
                    const AugmentConfig& config, DrawKey key, AugmentScratch& scratch, float* to);

}  // namespace mvmoe
