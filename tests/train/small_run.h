// tests/train/small_run.h: a tiny network on tiny random data, for tests of the trainer.
#pragma once
#include <vector>

#include "engine/random.h"
#include "models/vit.h"
#include "train/data/dataset.h"
#include "train/input/loader.h"
#include "train/step/step.h"

namespace mvmoe {

inline ModelConfig small_model(int classes = 3) {
  ModelConfig config;
  config.depth = 2, config.width = 12, config.heads = 2, config.patch = 4, config.image = 8, config.classes = classes;
  return config;
}

// Images of noise around a brightness that depends on the class: something can be learned, nothing is trivial.
inline ImageSet small_images(int count, int classes = 3, std::uint64_t seed = 7) {
  ImageSet set{.channels = 3, .side = 8, .pixels = {}, .labels = {}};
  for (int i = 0; i < count; ++i) {
    Random random(seed, Place::test, 0, static_cast<std::uint64_t>(i));
    const int label = i % classes;
    set.labels.push_back(label);
    for (int p = 0; p < 3 * 8 * 8; ++p)
      set.pixels.push_back(static_cast<std::uint8_t>(40 * label + static_cast<int>(random.below(128))));
  }
  return set;
}

inline LoaderConfig small_loader(int batch_size, int classes = 3) {
  LoaderConfig config;
  config.batch_size = batch_size, config.classes = classes,
  config.preprocessing = {.mean = {0.5f, 0.5f, 0.5f}, .std = {0.25f, 0.25f, 0.25f}};
  return config;
}

inline std::vector<float> numbers(const Block& block) { return {block.data(), block.data() + block.size()}; }

}  // namespace mvmoe
