// train/augment/mixing.h: mixup and cutmix: mixes two images, and their targets in the same proportion.
//
//   mixup    x = lambda x + (1 - lambda) partner       lambda ~ Beta(mixup_alpha, mixup_alpha)
//   cutmix   a square of the partner is put over x     lambda ~ Beta(cutmix_alpha, cutmix_alpha). The square may be cut
//            off at the edge, so then lambda becomes the share of x that is left
//   target   lambda of the image's own smoothed label and 1 - lambda of the partner's
// A batch has one of the two, and one lambda. timm's Mixup in batch mode pairs the batch with its reverse. Here each
// lane is paired with its own reverse, so that no rank decodes images of another. Zhang et al. 2017, arXiv 1710.09412;
// Yun et al. 2019, arXiv 1905.04899.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/tensor.h"
#include "train/augment/rectangle.h"

namespace mvmoe {

class Random;

struct MixingConfig {
  float mixup_alpha = 0.8f, cutmix_alpha = 1;  // 0: off; both 0: nothing is mixed
  float probability = 1;                       // of mixing a batch
  float switch_probability = 0.5f;             // of cutmix, if both are on
};

inline bool mixes(const MixingConfig& c) { return (c.mixup_alpha > 0 || c.cutmix_alpha > 0) && c.probability > 0; }

struct Mix {
  float lambda = 1;  // an image's own share; 1: nothing is mixed
  bool cutmix = false;
  Rectangle square = {};  // cutmix: the part that the partner covers
};

// A function of its arguments. side: of the images.
Mix choose_mix(std::uint64_t seed, std::uint64_t step, int side, const MixingConfig& config);

// The part of a side x side image that a square of int(side sqrt(1 - lambda)) around (x, y) covers.
Rectangle square_at(int x, int y, float lambda, int side);
float share_left(Rectangle square, int side);  // of the image, beside the square: cutmix's lambda

// [B] The place of each image's partner: each lane of lane_size images is reversed. The middle image of an odd lane is
// its own partner, and is not changed.
std::vector<int> mixing_partners(int images, int lane_size);

// images [B, 3, S, S], in place; partner [B] as mixing_partners gives it.
void mix_images(const Mix& mix, const std::vector<int>& partner, Tensor images);

// targets [B, C]. With smoothing e each class gets e/C. The label gets lambda (1 - e) more, and the partner's label
// (1 - lambda) (1 - e).
void mix_targets(float lambda, const std::vector<int>& partner, const std::vector<int>& labels, float smoothing,
                 Tensor targets);

// Beta(a, a), a > 0: X / (X + Y) of two Gamma(a, 1).
double beta(Random& random, double a);

}  // namespace mvmoe
