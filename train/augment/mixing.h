// train/augment/mixing.h: two images in one, and their labels likewise.
//
//   mixup    x = lambda x + (1 - lambda) partner                 lambda ~ Beta(mixup_alpha, mixup_alpha)
//   cutmix   a square of the partner is put over x               lambda ~ Beta(cutmix_alpha, cutmix_alpha), then set to
//            the share of x that stays: the square is cut off at the edge
//   target   lambda of one's own smoothed label and 1 - lambda of the partner's
// One of the two and one lambda for a batch. timm's Mixup in batch mode pairs the batch with its reverse; here each
// lane is paired with its own reverse, so that no process decodes another's images. Zhang et al. 2017, arXiv
// 1710.09412; Yun et al. 2019, arXiv 1905.04899.
#pragma once
#include <cstdint>
#include <vector>

#include "engine/tensor.h"
#include "train/augment/rectangle.h"

namespace mvmoe {

class Random;

struct MixingConfig {
  float mixup_alpha = 0.8f, cutmix_alpha = 1;  // 0: never that one; both 0: nothing is mixed
  float probability = 1;                       // of mixing a batch at all
  float switch_probability = 0.5f;             // of cutmix, where both are on
};

inline bool mixes(const MixingConfig& c) { return (c.mixup_alpha > 0 || c.cutmix_alpha > 0) && c.probability > 0; }

struct Mix {
  float lambda = 1;  // one's own share; 1: nothing is mixed
  bool cutmix = false;
  Rectangle square = {};  // cutmix: what the partner covers
};

// A function of its arguments alone. side: of the images.
Mix choose_mix(std::uint64_t seed, std::uint64_t step, int side, const MixingConfig& config);

// The part of a side x side image that a square of int(side sqrt(1 - lambda)) around (x, y) covers.
Rectangle square_at(int x, int y, float lambda, int side);
float share_left(Rectangle square, int side);  // of the image, beside the square: cutmix's lambda

// Who is mixed with whom: for each of B images the place of its partner, each lane of lane_size reversed. The middle of
// an odd lane is its own partner, and stays as it is.
std::vector<int> mixing_partners(int images, int lane_size);

// images [B, 3, S, S], in place; partner [B] as mixing_partners gives it.
void mix_images(const Mix& mix, const std::vector<int>& partner, Tensor images);

// targets [B, C]: with smoothing e, e/C for each class, and 1 - e is shared between the label and the partner's.
void mix_targets(float lambda, const std::vector<int>& partner, const std::vector<int>& labels, float smoothing,
                 Tensor targets);

// Beta(a, a), a > 0: X / (X + Y) of two Gamma(a, 1).
double beta(Random& random, double a);

}  // namespace mvmoe
