// train/input/training_input.h: makes the network's input for training from an image of bytes: the augmentations, in
// DeiT's order. (For evaluation: preprocess.h.)
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "train/augment/rand_augment.h"
#include "train/data/dataset.h"
#include "train/input/preprocess.h"

namespace mvmoe {

// The defaults: everything is off.
struct AugmentConfig {
  int pad = 0;                // images in memory: a random crop after padding by so many black pixels; 0: no crop
  bool resized_crop = false;  // images of any size: a random part, resized; false: the centre, as at evaluation
  bool flip = false;          // mirror with probability one half
  std::optional<RandAugmentConfig> rand_augment = {};
  float color_jitter = 0;    // strength; used if RandAugment is off
  float random_erasing = 0;  // probability
};

// The key of the random numbers of one image.
struct DrawKey {
  std::uint64_t seed = 0, epoch = 0;
  std::uint64_t image = 0;  // the index in the set, or the key of its repeat (augment/repeated_augment.h)
};

// Memory of one thread, reused for each image.
struct AugmentScratch {
  std::vector<std::uint8_t> planes = {}, drawn = {};  // [channels, S, S]
  Image image = {}, spare = {};
};

// Image `index` of the set, augmented and normalised, to [3, side, side]. Throws as image_or_stand_in does.
void training_input(const ImageSet& set, int index, int side, const Preprocessing& preprocessing,
                    const AugmentConfig& config, DrawKey key, AugmentScratch& scratch, float* to);

}  // namespace mvmoe
