// tests/train/training_input_test.cpp: all augmentations at once, in DeiT's order, in the loader's batches.
#include "train/input/training_input.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "tests/engine/helpers.h"
#include "train/augment/color_jitter.h"
#include "train/augment/crop.h"
#include "train/augment/flip.h"
#include "train/augment/random_erasing.h"
#include "train/augment/repeated_augment.h"
#include "train/input/loader.h"

namespace mvmoe {
namespace {

constexpr int side = 12, classes = 4, batch_size = 10, lane_size = 4, repeats = 3;
constexpr std::uint64_t seed = 21;
const Preprocessing preprocessing{.mean = {0.4f, 0.5f, 0.6f}, .std = {0.2f, 0.25f, 0.3f}};

ImageSet noisy(int size, int channels) {
  ImageSet set{.channels = channels, .side = side, .pixels = {}, .labels = {}};
  Random random(4, Place::test);
  for (int i = 0; i < size; ++i) set.labels.push_back(i % classes);
  for (int p = 0; p < size * channels * side * side; ++p)
    set.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
  return set;
}

LoaderConfig everything() {
  AugmentConfig augment{.pad = 2,
                        .flip = true,
                        .rand_augment = parse_rand_augment("rand-m9-n2-mstd0.5-inc1-p0.9"),
                        .color_jitter = 0.4f,
                        .random_erasing = 0.5f};
  return {.batch_size = batch_size,
          .classes = classes,
          .preprocessing = preprocessing,
          .augment = augment,
          .repeats = repeats,
          .mixing = {.mixup_alpha = 0.8f, .cutmix_alpha = 1, .probability = 0.8f},
          .lane_size = lane_size,
          .label_smoothing = 0.1f,
          .seed = seed};
}

// Image `index` by one operation after the other, each named here.
std::vector<float> by_hand(const ImageSet& set, int index, const AugmentConfig& c, std::uint64_t epoch,
                           std::uint64_t key) {
  std::vector<std::uint8_t> planes(static_cast<std::size_t>(set.channels * side * side));
  crop(set.image(index), set.channels, side, c.pad, choose_crop(seed, epoch, key, c.pad), planes.data());
  if (choose_flip(seed, epoch, key)) flip(planes.data(), set.channels, side);
  Image image{.width = side, .height = side, .rgb = {}}, spare;
  for (int p = 0; p < side * side; ++p)
    for (int channel = 0; channel < 3; ++channel)
      image.rgb.push_back(planes[static_cast<std::size_t>((set.channels == 1 ? 0 : channel) * side * side + p)]);
  if (c.rand_augment)
    for (const AugmentOperation& operation : choose_rand_augment(seed, epoch, key, *c.rand_augment))
      apply(operation, c.rand_augment->fill, image, spare);
  else color_jitter(image, choose_color_jitter(seed, epoch, key, c.color_jitter));
  std::vector<float> out(3 * side * side);
  normalise(image, preprocessing.mean, preprocessing.std, out.data());
  if (const auto where = choose_random_erasing(seed, epoch, key, side, c.random_erasing))
    erase(out.data(), side, *where, erasing_noise(seed, epoch, key));
  return out;
}

std::vector<float> by_loader(const ImageSet& set, int index, const AugmentConfig& c, std::uint64_t epoch,
                             std::uint64_t key) {
  AugmentScratch scratch;
  std::vector<float> out(3 * side * side);
  training_input(set, index, side, preprocessing, c, {seed, epoch, key}, scratch, out.data());
  return out;
}

TEST(TrainingInput, IsOneOperationAfterTheOther) {
  for (const int channels : {1, 3}) {
    const ImageSet set = noisy(7, channels);
    AugmentConfig c = everything().augment;
    for (std::uint64_t key = 0; key < 21; ++key) {
      const int index = static_cast<int>(key / repeats);
      ASSERT_EQ(by_loader(set, index, c, 3, key), by_hand(set, index, c, 3, key)) << "image " << index;
    }
    c.rand_augment.reset();  // then the jitter
    for (std::uint64_t key = 0; key < 21; ++key)
      ASSERT_EQ(by_loader(set, 2, c, 3, key), by_hand(set, 2, c, 3, key)) << "key " << key;
  }
}

TEST(TrainingInput, RandAugmentSwitchesTheJitterOff) {
  const ImageSet set = noisy(2, 3);
  AugmentConfig c = everything().augment, without = c;
  without.color_jitter = 0;
  EXPECT_EQ(by_loader(set, 1, c, 0, 1), by_loader(set, 1, without, 0, 1));
  c.rand_augment.reset(), without.rand_augment.reset();
  EXPECT_NE(by_loader(set, 1, c, 0, 1), by_loader(set, 1, without, 0, 1));
}

// A batch: repeats dealt to the lanes, each augmented by its own key, then mixed within the lane.
TEST(TrainingInput, ABatchIsDealtAugmentedAndMixed) {
  const ImageSet set = noisy(23, 3);
  const LoaderConfig config = everything();
  Loader loader(set, config);
  std::vector<int> order(23);
  std::iota(order.begin(), order.end(), 0);
  Random random(seed, Place::shuffle, 1);
  for (std::size_t i = order.size(); i-- > 1;)
    std::swap(order[i], order[random.below(static_cast<std::uint32_t>(i) + 1)]);
  int mixed = 0;
  for (std::uint64_t step = 0; step < 4; ++step) {  // two batches an epoch
    const Batch& batch = loader.next();
    if (step < 2) continue;
    Block memory(batch_size * (3 * side * side + classes));
    const Tensor images(memory.data(), {batch_size, 3, side, side}),
        targets(memory.data() + batch_size * 3 * side * side, {batch_size, classes});
    std::vector<int> labels;
    for (int b = 0; b < batch_size; ++b) {
      const Repeat item = repeated(
          order, repeats, (step - 2) * batch_size + static_cast<std::uint64_t>(dealt(b, batch_size, lane_size)));
      const std::vector<float> image = by_hand(set, item.image, config.augment, 1, item.key);
      std::copy(image.begin(), image.end(), images.outer_slice(b, 1).data());
      labels.push_back(item.image % classes);
    }
    const Mix mix = choose_mix(seed, step, side, config.mixing);
    const std::vector<int> partner = mixing_partners(batch_size, lane_size);
    mix_images(mix, partner, images);
    mix_targets(mix.lambda, partner, labels, 0.1f, targets);
    EXPECT_EQ(batch.labels, labels);
    EXPECT_EQ(batch.lambda, mix.lambda);
    EXPECT_EQ(batch.partner, mix.lambda < 1 ? partner : std::vector<int>{});
    EXPECT_TRUE(std::equal(images.data(), images.data() + images.size(), batch.images.data())) << "step " << step;
    EXPECT_TRUE(std::equal(targets.data(), targets.data() + targets.size(), batch.targets.data())) << "step " << step;
    mixed += mix.lambda < 1;
  }
  EXPECT_GE(mixed, 1);
}

TEST(TrainingInput, BatchesDoNotDependOnWorkersNorOnTheStart) {
  const ImageSet set = noisy(23, 3);
  const auto batches = [&](int workers, std::uint64_t first) {
    LoaderConfig config = everything();
    config.workers = workers;
    Loader loader(set, config, first);
    std::vector<std::vector<float>> out;
    for (std::uint64_t step = first; step < 20; ++step) {
      const Batch& batch = loader.next();
      out.emplace_back(batch.images.data(), batch.images.data() + batch.images.size());
      out.emplace_back(batch.targets.data(), batch.targets.data() + batch.targets.size());
      out.push_back({batch.lambda});
    }
    return out;
  };
  const auto whole = batches(1, 0);
  EXPECT_EQ(batches(3, 0), whole);
  const auto rest = batches(2, 7);
  EXPECT_TRUE(std::equal(rest.begin(), rest.end(), whole.begin() + 21, whole.end()));
  std::set<float> shares;
  for (std::size_t i = 2; i < whole.size(); i += 3) shares.insert(whole[i][0]);
  EXPECT_GT(shares.size(), 10u) << "a mixture for each batch";
}

TEST(TrainingInput, WhatCannotBeMixedOrRepeatedIsSaid) {
  const ImageSet set = noisy(12, 3);
  const auto message = [&](auto change) {
    LoaderConfig c = everything();
    change(c);
    return message_of<UsageError>([&] { Loader loader(set, c); });
  };
  EXPECT_EQ(message([](LoaderConfig& c) { c.lane_size = 1; }),
            "--lane-size: 1, but --mixup and --cutmix mix the images of a lane: must be at least 2");
  EXPECT_EQ(message([](LoaderConfig& c) { c.batch_size = 1; }),
            "--mixup: as --cutmix mixes the images of a batch in pairs, and here 1 comes at a time: a larger batch, or "
            "fewer parts by --accumulate");
  EXPECT_EQ(message([](LoaderConfig& c) { c.repeats = 0; }), "--repeated-augment: 0, must be at least 1");
}

}  // namespace
}  // namespace mvmoe
