#include "train/input/training_input.h"

#include <cstring>

#include "train/augment/color_jitter.h"
#include "train/augment/crop.h"
#include "train/augment/flip.h"
#include "train/augment/random_erasing.h"
#include "train/augment/random_resized_crop.h"
#include "train/data/damaged.h"

namespace mvmoe {
namespace {

bool changes_colours(const AugmentConfig& c) { return c.rand_augment || c.color_jitter > 0; }

// RandAugment; if it is off, the colour jitter.
void change_colours(Image& image, const AugmentConfig& c, DrawKey key, Image& spare) {
  if (c.rand_augment) {
    for (const AugmentOperation& operation : choose_rand_augment(key.seed, key.epoch, key.image, *c.rand_augment))
      apply(operation, c.rand_augment->fill, image, spare);
  } else if (c.color_jitter > 0) {
    color_jitter(image, choose_color_jitter(key.seed, key.epoch, key.image, c.color_jitter));
  }
}

// The image has the network's size already.
void input_of_fixed_size(const ImageSet& set, int index, const Preprocessing& p, const AugmentConfig& c, DrawKey key,
                         AugmentScratch& scratch, float* to) {
  scratch.planes.resize(set.image_bytes());
  std::uint8_t* changed = scratch.planes.data();
  const std::uint8_t* image = set.image(index, scratch.drawn);
  if (c.pad > 0)
    crop(image, set.channels, set.side, c.pad, choose_crop(key.seed, key.epoch, key.image, c.pad), changed);
  else std::memcpy(changed, image, scratch.planes.size());
  if (c.flip && choose_flip(key.seed, key.epoch, key.image)) flip(changed, set.channels, set.side);
  if (!changes_colours(c)) return normalise(changed, set.channels, set.side, p.mean, p.std, to);
  interleave(changed, set.channels, set.side, scratch.image);
  change_colours(scratch.image, c, key, scratch.spare);
  normalise(scratch.image, p.mean, p.std, to);
}

void input_of_any_size(const ImageSet& set, int index, int side, const Preprocessing& p, const AugmentConfig& c,
                       DrawKey key, AugmentScratch& scratch, float* to) {
  const Image whole = image_or_stand_in(set, index, key.seed);
  Image& image = scratch.image;
  if (c.resized_crop)
    resize(whole, choose_random_resized_crop(key.seed, key.epoch, key.image, whole.width, whole.height), side, side,
           p.interpolation, image);
  else image = centre_crop(whole, side, p.crop_pct, p.interpolation);
  if (c.flip && choose_flip(key.seed, key.epoch, key.image)) flip(image);
  change_colours(image, c, key, scratch.spare);
  normalise(image, p.mean, p.std, to);
}

}  // namespace

void training_input(const ImageSet& set, int index, int side, const Preprocessing& preprocessing,
                    const AugmentConfig& config, DrawKey key, AugmentScratch& scratch, float* to) {
  if (set.read) input_of_any_size(set, index, side, preprocessing, config, key, scratch, to);
  else input_of_fixed_size(set, index, preprocessing, config, key, scratch, to);
  if (config.random_erasing <= 0) return;
  if (const auto where = choose_random_erasing(key.seed, key.epoch, key.image, side, config.random_erasing))
    erase(to, side, *where, erasing_noise(key.seed, key.epoch, key.image));
}

}  // namespace mvmoe
