// tools/mvmoe/augment_options.h: the flags of augmentation, which training, `bench loader` and `augment-preview` share.
#pragma once
#include <string>
#include <vector>

#include "tools/mvmoe/options.h"
#include "train/input/loader.h"

namespace mvmoe {

struct AugmentOptions {
  std::string crop = "auto", flip = "auto", rand_augment = "none";
  float color_jitter = 0, random_erasing = 0, mixup = 0, cutmix = 0, mixup_prob = 1, mixup_switch_prob = 0.5f;
  int repeated_augment = 1;

  void declare(Flags& flags);
  // Puts them into the loader's configuration, whose preprocessing is there already, and writes what auto means for
  // this data into crop and flip. Throws UsageError that names the flag.
  void resolve(const DataSet& data, LoaderConfig& loader);
  // What the user should hear, empty: nothing.
  std::string note() const;
};

// What a command loads that loads and does not train: the training images, or the test images where there are no
// others. Throws UsageError where their size is fixed, and --image-size (0: not given) another.
const ImageSet& images_to_load(const DataSet& data, int image_size);

// The flags' names.
extern const std::vector<std::string> augment_flags;

}  // namespace mvmoe
