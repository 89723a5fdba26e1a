#include "ops/attention_forward.h"

#include <algorithm>
#include <cmath>

#include "engine/vector_math.h"

namespace mvmoe {
namespace {

constexpr int most_queries = tile_columns;  // in one block

// Queries first .. first + count of one head. W = the columns of a block, `count` rounded up to whole vectors.
struct QueryBlock {
  const float *q, *k, *v;              // of the first query, key and value
  std::ptrdiff_t q_row, k_row, v_row;  // floats from one token to the next
  float* y;                            // of the first query
  std::ptrdiff_t y_row;
  int count, keys, head_dim;
  float* queries;  // [d, W], scaled; a column that has no query is zero
  float* scores;   // [T, W]

  int vectors() const { return (count + vector_floats - 1) / vector_floats; }
  int columns() const { return vectors() * vector_floats; }

  // queries = Q^T / sqrt(d)
  void take_queries() const {
    transpose(q, q_row, count, head_dim, 1 / std::sqrt(static_cast<float>(head_dim)), queries, columns());
  }

  // scores = K queries
  void score() const {
    const int W = columns();
    for (int t = 0; t < keys; t += tile_rows)
      multiply({.a = k + t * k_row,
                .a_row = k_row,
                .a_step = 1,
                .b = queries,
                .b_vector = vector_floats,
                .b_step = W,
                .c = scores + static_cast<std::ptrdiff_t>(t) * W,
                .c_row = W,
                .rows = std::min(tile_rows, keys - t),
                .vectors = vectors(),
                .depth = head_dim});
  }

  // scores = e^(scores - the largest of the column); sums [W] of the columns. Softmax's division is left to the end. An
  // instance for each number of vectors: the largest and the sums stay in registers.
  template <int vectors>
  void exponentiate(float* sums) const {
    constexpr int W = vectors * vector_floats;
    float largest[W], sum[W] = {};
    std::copy_n(scores, W, largest);
    for (int t = 1; t < keys; ++t) {
      const float* row = scores + static_cast<std::ptrdiff_t>(t) * W;
#pragma omp simd
      for (int i = 0; i < W; ++i) largest[i] = row[i] > largest[i] ? row[i] : largest[i];
    }
    for (int t = 0; t < keys; ++t) {
      float* row = scores + static_cast<std::ptrdiff_t>(t) * W;
#pragma omp simd
      for (int i = 0; i < W; ++i) {
        row[i] = exp_of(row[i] - largest[i]);
        sum[i] += row[i];
      }
    }
    std::copy_n(sum, W, sums);
  }

  // Calls the instance for the number of vectors of this block.
  template <int most = tile_vectors>
  void exponentiate_block(float* sums) const {
    if constexpr (most > 1)
      if (vectors() < most) return exponentiate_block<most - 1>(sums);
    exponentiate<most>(sums);
  }

  // y = scores^T V / sums
  void weigh_values(const float* sums) const {
    const int W = columns();
    for (int i = 0; i < count; i += tile_rows) {
      const int rows = std::min(tile_rows, count - i);
      for (int e = 0; e < head_dim; e += tile_columns)
        multiply({.a = scores + i,
                  .a_row = 1,
                  .a_step = W,
                  .b = v + e,
                  .b_vector = vector_floats,
                  .b_step = v_row,
                  .c = y + i * y_row + e,
                  .c_row = y_row,
                  .rows = rows,
                  .vectors = std::min(tile_columns, head_dim - e) / vector_floats,
                  .depth = keys});
      for (int r = i; r < i + rows; ++r) {
        float* yr = y + r * y_row;
        const float factor = 1 / sums[r];
#pragma omp simd
        for (int e = 0; e < head_dim; ++e) yr[e] *= factor;
      }
    }
  }
};

}  // namespace

void attention_forward(Context& c, const Attention& op, Tensor y) {
  const int Tq = op.q.tokens, T = op.k.tokens, H = op.heads, d = op.head_dim;
  c.multiply_adds += 2 * static_cast<std::int64_t>(op.images) * H * Tq * T * d;
  // Blocks of whole vectors, of sizes as equal as possible.
  const int vectors = (Tq + vector_floats - 1) / vector_floats, blocks = (vectors + tile_vectors - 1) / tile_vectors;
  const Tensor scratch = c.arena.take({c.threads(), T + d, most_queries});
  c.share(op.images * H * blocks, [&](int piece, int thread) {
    const int block = piece % blocks, h = piece / blocks % H, image = piece / blocks / H;
    const int first = block * vectors / blocks * vector_floats,
              end = std::min(Tq, (block + 1) * vectors / blocks * vector_floats);
    const auto head = [&](const TokenRows& rows, int token) {
      return rows.data + (static_cast<std::ptrdiff_t>(image) * rows.tokens + token) * rows.stride + h * d;
    };
    float* memory = scratch.outer_slice(thread, 1).data();
    const QueryBlock one{.q = head(op.q, first),
                         .k = head(op.k, 0),
                         .v = head(op.v, 0),
                         .q_row = op.q.stride,
                         .k_row = op.k.stride,
                         .v_row = op.v.stride,
                         .y = y.row(image * Tq + first) + h * d,
                         .y_row = y.width(),
                         .count = end - first,
                         .keys = T,
                         .head_dim = d,
                         .queries = memory,
                         .scores = memory + static_cast<std::ptrdiff_t>(d) * most_queries};
    float sums[most_queries];
    one.take_queries();
    one.score();
    one.exponentiate_block(sums);
    one.weigh_values(sums);
  });
}

}  // namespace mvmoe
