#include "tools/mvmoe/augment_options.h"

#include "engine/error.h"

namespace mvmoe {

const std::vector<std::string> augment_flags{
    "crop",  "flip",   "rand-augment", "color-jitter",     "random-erasing", "repeated-augment",
    "mixup", "cutmix", "mixup-prob",   "mixup-switch-prob"};

void AugmentOptions::declare(Flags& flags) {
  flags.add_choice("crop", crop,
                   "where a training image is cut out: at random after padding by 4 pixels, or a random part that is "
                   "resized (auto: random-resized for images of any size, none for fractals, else pad4)",
                   {"auto", "pad4", "random-resized", "none"});
  flags.add_choice("flip", flip, "mirror half of the images (auto: as fits the data: not glyphs, digits, fractals)",
                   {"auto", "yes", "no"});
  flags.add("rand-augment", rand_augment, "RandAugment in timm's words; DeiT: rand-m9-mstd0.5-inc1", "SPEC");
  flags.add("color-jitter", color_jitter,
            "brightness, contrast and saturation by factors of 1 +- this (timm 0.4; off where RandAugment is on, as in "
            "timm)");
  flags.add("random-erasing", random_erasing, "probability of noise over a rectangle of an image (DeiT 0.25)", 0, 1);
  flags.add("repeated-augment", repeated_augment,
            "times that an image stands in an epoch's list, augmented otherwise each time; an epoch is as long as "
            "without (DeiT 3)",
            1, 1000);
  flags.add("mixup", mixup,
            "alpha of mixup: a batch's images are averaged in pairs, and their targets (DeiT 0.8; 0: off)");
  flags.add("cutmix", cutmix, "alpha of cutmix: a square of its partner is put over each image (DeiT 1; 0: off)");
  flags.add("mixup-prob", mixup_prob, "probability that a batch is mixed at all", 0, 1);
  flags.add("mixup-switch-prob", mixup_switch_prob, "probability of cutmix where mixup is on too", 0, 1);
}

void AugmentOptions::resolve(const DataSet& data, LoaderConfig& loader) {
  const bool any_size = static_cast<bool>(data.train.read) || static_cast<bool>(data.test.read);
  if (crop == "auto") crop = any_size ? "random-resized" : data.shift ? "pad4" : "none";
  if (flip == "auto") flip = data.flip ? "yes" : "no";
  AugmentConfig& a = loader.augment;
  a.pad = crop == "pad4" ? 4 : 0;
  a.resized_crop = crop == "random-resized";
  a.flip = flip == "yes";
  if (rand_augment != "none") {
    a.rand_augment = parse_rand_augment(rand_augment);
    a.rand_augment->fill = fill_of(loader.preprocessing.mean);
  }
  a.color_jitter = color_jitter;
  a.random_erasing = random_erasing;
  loader.repeats = repeated_augment;
  loader.mixing = {
      .mixup_alpha = mixup, .cutmix_alpha = cutmix, .probability = mixup_prob, .switch_probability = mixup_switch_prob};
}

std::string AugmentOptions::note() const {
  if (rand_augment != "none" && color_jitter > 0)
    return "--color-jitter: is off where --rand-augment is on, as in timm";
  if (mixup_prob != AugmentOptions{}.mixup_prob && mixup == 0 && cutmix == 0)
    return "--mixup-prob: mixes nothing, as --mixup and --cutmix are 0";
  if (mixup_switch_prob != AugmentOptions{}.mixup_switch_prob && (mixup == 0 || cutmix == 0))
    return "--mixup-switch-prob: has nothing to choose between, as --mixup and --cutmix are not both above 0";
  return "";
}

const ImageSet& images_to_load(const DataSet& data, int image_size) {
  const ImageSet& set = data.train.size() > 0 ? data.train : data.test;
  if (image_size != 0 && !set.read && image_size != set.side)
    fail_usage("--image-size: ", image_size, " is not the data set's ", set.side, ", and these images are not resized");
  return set;
}

}  // namespace mvmoe
