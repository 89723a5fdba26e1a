#include "models/rollout.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace mvmoe {
namespace {

// softmax(scores) / heads, added to a row of the mean.
void add_softmax(std::vector<double>& scores, int heads, float* row) {
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (double& score : scores) sum += score = std::exp(score - largest);
  for (std::size_t j = 0; j < scores.size(); ++j) row[j] += static_cast<float>(scores[j] / (sum * heads));
}

// r B = 0.5 r A + 0.5 r. r [tokens]
std::vector<double> through(const std::vector<double>& r, const AttentionMap& map) {
  const auto T = static_cast<std::size_t>(map.tokens);
  if (map.queries != map.tokens || r.size() != T)
    fail("attention_rollout: a map of ", map.queries, " x ", map.tokens, " tokens stands before one of ", r.size(),
         ", must be square and of as many");
  std::vector<double> before(T);
  for (std::size_t t = 0; t < T; ++t)
    for (std::size_t j = 0; j < T; ++j) before[j] += 0.5 * r[t] * map.mean[t * T + j];
  for (std::size_t t = 0; t < T; ++t) before[t] += 0.5 * r[t];
  return before;
}

}  // namespace

void add_attention_maps(Tensor q, int q_column, Tensor k, int k_column, int heads, int head_dim, AttentionMaps& maps) {
  const int images = q.shape()[0], Tq = q.shape()[1], T = k.shape()[1];
  const double scale = 1 / std::sqrt(static_cast<double>(head_dim));
  maps.resize(static_cast<std::size_t>(images));
  std::vector<double> scores(static_cast<std::size_t>(T));
  for (int i = 0; i < images; ++i) {
    AttentionMap& map = maps[static_cast<std::size_t>(i)].emplace_back(AttentionMap{.queries = Tq, .tokens = T});
    map.mean.resize(static_cast<std::size_t>(Tq) * static_cast<std::size_t>(T));
    for (int t = 0; t < Tq; ++t)
      for (int h = 0; h < heads; ++h) {
        const float* query = q.row(i * Tq + t) + q_column + h * head_dim;
        for (int j = 0; j < T; ++j) {
          const float* key = k.row(i * T + j) + k_column + h * head_dim;
          double dot = 0;
#pragma omp simd reduction(+ : dot)
          for (int d = 0; d < head_dim; ++d) dot += static_cast<double>(query[d]) * static_cast<double>(key[d]);
          scores[static_cast<std::size_t>(j)] = scale * dot;
        }
        add_softmax(scores, heads, map.mean.data() + static_cast<std::size_t>(t) * static_cast<std::size_t>(T));
      }
  }
}

std::vector<float> attention_rollout(const std::vector<AttentionMap>& blocks, Pool pool, int first_patch) {
  if (blocks.empty()) fail("attention_rollout: no block's map is given");
  const int T = blocks.back().tokens, queries = blocks.back().queries;
  // The head reads the class token with weight 1, or each patch with 1/N. If the last map has one query, it is the row
  // of the class token.
  std::vector<double> read(static_cast<std::size_t>(T));
  if (pool == Pool::cls) read[0] = 1;
  else std::fill(read.begin() + first_patch, read.end(), 1.0 / (T - first_patch));
  std::size_t left = blocks.size();
  if (pool == Pool::cls && queries == 1) {
    const std::vector<float>& row = blocks[--left].mean;
    for (std::size_t j = 0; j < read.size(); ++j) read[j] = 0.5 * read[j] + 0.5 * static_cast<double>(row[j]);
  }
  while (left > 0) read = through(read, blocks[--left]);
  return {read.begin() + first_patch, read.end()};
}

}  // namespace mvmoe
