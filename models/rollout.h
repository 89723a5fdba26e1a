// models/rollout.h: which patches an image's answer was gathered from, by attention rollout.
//   A_l = mean over heads of softmax(Q K^T / sqrt(d))       what each token of block l reads
//   r_L = the rows of B_L that the head reads, averaged     r_l-1 = r_l B_l-1     B_l = 0.5 A_l + 0.5 I
//   where the residual connection is taken for half of what a token becomes. A row of A sums to 1, and so does one of B
//   and r: nothing is left to normalise.
//   source   Abnar & Zuidema 2020, "Quantifying Attention Flow in Transformers", arXiv 2005.00928, section 3; with
//            heads averaged. Values, MLPs and experts are not in it: it says where was looked, not what was made of it.
#pragma once
#include <vector>

#include "engine/tensor.h"
#include "models/config.h"

namespace mvmoe {

// What the queries of one image read in one block: row t is the share of each token in what token t reads.
struct AttentionMap {
  int queries = 0, tokens = 0;   // queries: all tokens, or 1: only the class token asks
  std::vector<float> mean = {};  // [queries, tokens], over heads
};

// Filled by ViT::forward for whoever wants it: [images][blocks]. The probabilities are computed again from queries and
// keys, plainly and in double precision, so that attention's own kernels need not keep them.
using AttentionMaps = std::vector<std::vector<AttentionMap>>;

// One block's map behind the others of each image. q [b, Tq, ..] has a token's H * d queries from `q_column` on, k [b,
// T, ..] its keys from `k_column` on.
void add_attention_maps(Tensor q, int q_column, Tensor k, int k_column, int heads, int head_dim, AttentionMaps& maps);

// The share of each patch [N] in what the head reads: r_0 without the class token's own share, so they sum to at most
// 1. `blocks` of one image, the last one's map of the class token alone or of all. Throws Error where maps do not fit
// together.
std::vector<float> attention_rollout(const std::vector<AttentionMap>& blocks, Pool pool, int first_patch);

}  // namespace mvmoe
