// ops/patch_embed.h: cut each image into P x P patches and project each to a token.
//   y = W patch + b     a convolution whose stride is its size, so a plain product over unfolded patches
//   gradients  dweight, dbias, each added to; the images get none
//   saved      the unfolded patches [b*N, 3*P*P]
//   throws     if P does not divide the image, or weight and bias do not fit
//   source     ViT, arXiv 2010.11929, section 3.1
#pragma once
#include "engine/context.h"

namespace mvmoe {

struct PatchEmbed {
  Tensor images;    // [b, 3, S, S]
  Tensor weight;    // [D, 3, P, P]
  Tensor bias;      // [D]
  Tensor unfolded;  // [b*N, 3*P*P], N = (S/P)^2 patches row by row, each channel by channel as in `weight`
  Kernels kernels = Kernels::fast;
  void unfold(int image, int row) const;  // `row` is a row of patches
  void forward(Tensor y) const;           // y [b, N, D]
  void backward(Tensor dy, Tensor dweight, Tensor dbias) const;
};

Var patch_embed(Context& c, Var images, Var weight, Var bias);

}  // namespace mvmoe
