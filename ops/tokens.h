// ops/tokens.h: adds class token and positions at the network's start, and selects or averages tokens at its end.
#pragma once
#include "engine/context.h"

namespace mvmoe {

// Puts the class token before the patches and adds each token's position.
//   y_0 = class + position_0     y_t = patches_t-1 + position_t     without a class token: y_t = patches_t + position_t
//   gradients  dpatches, dclass, dpositions, each added to      throws  if the widths or counts do not fit
//   source     ViT, arXiv 2010.11929, equation 1
struct Embed {
  Tensor patches;                // [b, N, D]
  Tensor class_token;            // [1, 1, D], or empty: there is none, and T is N
  Tensor positions;              // [1, T, D], T = N + 1
  void forward(Tensor y) const;  // y [b, T, D]
  void backward(Tensor dy, Tensor dpatches, Tensor dclass_token, Tensor dpositions) const;
};
Var embed_tokens(Context& c, Var patches, Var class_token, Var positions);

// One token of each image: y [b, 1, D] = x[:, token].   gradient dx, added to that token alone
Var select_token(Context& c, Var x, int token);

// The mean of the tokens from `first` on: y [b, 1, D].   gradient dx, added to each of them, dy / count
struct MeanTokens {
  Tensor x;  // [b, T, D]
  int first;
  void forward(Tensor y) const;
  void backward(Tensor dy, Tensor dx) const;
};
Var mean_tokens(Context& c, Var x, int first);

}  // namespace mvmoe
