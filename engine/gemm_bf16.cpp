#include "engine/gemm_bf16.h"

#include <dnnl.h>
#include <omp.h>

#include <algorithm>

#include "engine/bf16.h"
#include "engine/error.h"

// oneDNN 2.6 and 3.2 have this function, with the arguments of sgemm, in the library but not in its headers (oneDNN's
// own tests declare it like this). The documented way is a matmul primitive; its interface differs between 2.x and 3.x,
// and it needs a cache of primitives. The symbol is weak: a library without it links, and has_gemm_bf16 returns false.
extern "C" __attribute__((weak)) dnnl_status_t dnnl_gemm_bf16bf16f32(char transa, char transb, dnnl_dim_t M,
                                                                     dnnl_dim_t N, dnnl_dim_t K, float alpha,
                                                                     const std::uint16_t* A, dnnl_dim_t lda,
                                                                     const std::uint16_t* B, dnnl_dim_t ldb, float beta,
                                                                     float* C, dnnl_dim_t ldc);

namespace mvmoe {
namespace {

// The product is done block by block. So the rounded copies fit on the stack and stay in the second-level cache.
constexpr int block_m = 192, block_n = 384, block_k = 384;

// The block [height, breadth] that begins at (row, column); all four count in the matrix as it is read.
Matrix block_of(const Matrix& m, int row, int column, int height, int breadth) {
  if (m.flipped) return block_of(m.transposed(), column, row, breadth, height).transposed();
  return {m.data + static_cast<std::ptrdiff_t>(row) * m.stride + column, height, breadth, m.stride};
}

// Rounds m into `to` [m.rows, m.columns], in the order in which m is stored, without gaps between rows.
void round_into(std::uint16_t* to, const Matrix& m) {
  for (int r = 0; r < m.rows; ++r, to += m.columns) {
    const float* from = m.data + static_cast<std::ptrdiff_t>(r) * m.stride;
#pragma omp simd
    for (int i = 0; i < m.columns; ++i) to[i] = bf16_bits(from[i]);
  }
}

}  // namespace

bool has_gemm_bf16() {
  const int bf16 = dnnl_cpu_isa_avx512_core_bf16;  // a set's value has the bits of all sets that it contains
  return dnnl_gemm_bf16bf16f32 != nullptr && (static_cast<int>(dnnl_get_effective_cpu_isa()) & bf16) == bf16;
}

void gemm_bf16(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors) {
  if (!has_gemm_bf16())
    fail("gemm: in bf16 is not to be had here: the processor lacks AVX512-BF16, or this oneDNN the product");
  omp_set_num_threads(1);  // as in gemm.cpp
  alignas(64) std::uint16_t a_block[block_m * block_k], b_block[block_k * block_n];
  const int K = a.breadth();
  for (int k = 0; k < K; k += block_k)
    for (int n = 0; n < c.columns; n += block_n) {
      const int deep = std::min(block_k, K - k), broad = std::min(block_n, c.columns - n);
      const Matrix bs = block_of(b, k, n, deep, broad);
      round_into(b_block, bs);
      for (int m = 0; m < c.rows; m += block_m) {
        const Matrix as = block_of(a, m, k, std::min(block_m, c.rows - m), deep),
                     cs = block_of(c, m, n, as.height(), broad);
        round_into(a_block, as);
        const dnnl_status_t status = dnnl_gemm_bf16bf16f32(
            as.flipped ? 'T' : 'N', bs.flipped ? 'T' : 'N', cs.rows, cs.columns, deep, factors.alpha, a_block,
            as.columns, b_block, bs.columns, k == 0 ? factors.beta : 1, cs.data, cs.stride);
        if (status != dnnl_success)
          fail("gemm: oneDNN refused a product in bf16 of [", cs.rows, ", ", deep, "] and [", deep, ", ", cs.columns,
               "], status ", static_cast<int>(status));
      }
    }
}

}  // namespace mvmoe
