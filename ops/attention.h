// ops/attention.h: multi-head scaled dot-product attention within each image.
//   P = softmax(Q K^T / sqrt(d))     Y = P V     for each image and head; d = D / H
//   gradients  dq, dk, dv, each added to; any of them may be empty (not wanted)
//   saved      P [b, H, Tq, T], the softmax's output; its input is not needed again
//   throws     if the widths are not 3D (or D and 2D), or H does not divide D
//   source     Vaswani et al. 2017, arXiv 1706.03762, equation 1
#pragma once
#include "engine/context.h"

namespace mvmoe {

// One of q, k, v inside a wider tensor: a token's row begins at data + token * stride and is H*d long.
struct TokenRows {
  float* data = nullptr;
  int tokens = 0;  // of an image
  int stride = 0;  // floats from one token to the next
};

struct Attention {
  TokenRows q;     // Tq queries an image, [b, Tq, H*d]
  TokenRows k, v;  // T tokens an image, [b, T, H*d]
  Tensor probs;    // [b, H, Tq, T]
  Tensor scratch;  // [Tq, T]: the gradient of one head's probabilities
  int images, heads, head_dim;
  Kernels kernels = Kernels::fast;
  void forward(Tensor y) const;  // y [b, Tq, H*d]
  void backward(Tensor dy, TokenRows dq, TokenRows dk, TokenRows dv) const;
};

// qkv [b, T, 3D]: rows ordered q, k, v, then head, then dimension. Gives [b, T, D].
Var attention(Context& c, Var qkv, int heads);

// The same with the queries of some tokens only: q [b, Tq, D], kv [b, T, 2D]. Gives [b, Tq, D].
Var attention(Context& c, Var q, Var kv, int heads);

}  // namespace mvmoe
