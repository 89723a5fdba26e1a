// models/rollout.h: how much the network's answer read of each patch, by attention rollout.
//   A_l = mean over heads of softmax(Q K^T / sqrt(d))       what each token of block l reads
//   r_L = the rows of B_L that the head reads, averaged     r_l-1 = r_l B_l-1     B_l = 0.5 A_l + 0.5 I
//   B takes the residual connection for half of a token's new value. Each row of A sums to 1, and so do the rows of B,
//   and r. No normalisation is needed.
//   source   Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", arXiv 2005.00928, section 3; with
//            heads averaged. Values, MLPs and experts are not in it: it says what was read, not
//            what was computed from it.
#pragma once
#include <vector>

#include "engine/tensor.h"
#include "models/config.h"

namespace mvmoe {

// The attention of one image in one block: row t has the share of each token in what token t reads.
struct AttentionMap {
  int queries = 0, tokens = 0;   // queries: all tokens, or 1, the class token alone
  std::vector<float> mean = {};  // [queries, tokens], over heads
};

// [images][blocks], filled by ViT::forward if the caller passes it. The probabilities are computed a second time from
// queries and keys, in double precision, so the attention kernels need not keep them.
using AttentionMaps = std::vector<std::vector<AttentionMap>>;

// Appends one block's map to the maps of each image. q [b, Tq, ..] has a token's H * d queries from `q_column` on,
// k [b, T, ..] its keys from `k_column` on.
void add_attention_maps(Tensor q, int q_column, Tensor k, int k_column, int heads, int head_dim, AttentionMaps& maps);

// The share of each patch [N] in what the head reads: r_0 without the class token's own share, so the sum is at most 1.
// `blocks` are the maps of one image. The last may have all queries or that of the class token alone. Throws Error
// where maps do not fit together.
std::vector<float> attention_rollout(const std::vector<AttentionMap>& blocks, Pool pool, int first_patch);

}  // namespace mvmoe
