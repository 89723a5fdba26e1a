#include "engine/gemm.h"

#include <dnnl.h>
#include <omp.h>

#include <vector>

#include "engine/bf16.h"
#include "engine/error.h"
#include "engine/gemm_bf16.h"
#include "engine/gemm_tiles.h"

namespace mvmoe {
namespace {

// The definition, in the order a reader expects.
template <class Sum>
void plain_gemm(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors) {
  const auto at = [](const Matrix& m, int i, int j) {
    return m.flipped ? m.data[static_cast<std::ptrdiff_t>(j) * m.stride + i]
                     : m.data[static_cast<std::ptrdiff_t>(i) * m.stride + j];
  };
  for (int i = 0; i < c.rows; ++i)
    for (int j = 0; j < c.columns; ++j) {
      Sum sum = 0;
      for (int k = 0; k < a.breadth(); ++k) sum += static_cast<Sum>(at(a, i, k)) * static_cast<Sum>(at(b, k, j));
      float& out = c.data[static_cast<std::ptrdiff_t>(i) * c.stride + j];
      out =
          static_cast<float>(factors.alpha * sum + (factors.beta == 0 ? 0.0 : static_cast<double>(factors.beta) * out));
    }
}

// A copy with rounded numbers. Its floats are in `memory`.
Matrix rounded(const Matrix& m, std::vector<float>& memory) {
  for (int r = 0; r < m.rows; ++r)
    for (int i = 0; i < m.columns; ++i)
      memory.push_back(rounded_to_bf16(m.data[static_cast<std::ptrdiff_t>(r) * m.stride + i]));
  return {memory.data(), m.rows, m.columns, m.columns, m.flipped};
}

void plain_gemm_bf16(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors) {
  std::vector<float> of_a, of_b;
  plain_gemm<float>(rounded(a, of_a), rounded(b, of_b), c, factors);
}

}  // namespace

void gemm(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors, Kernels kernels) {
  if (c.flipped) fail("gemm: c is read transposed, must be as stored");
  for (const Matrix& m : {a, b, c})
    if (m.stride < m.columns)
      fail("gemm: a row of ", m.columns, " floats has the stride ", m.stride, ", must be at least that");
  if (a.breadth() != b.height() || a.height() != c.rows || b.breadth() != c.columns)
    fail("gemm: [", a.height(), ", ", a.breadth(), "] times [", b.height(), ", ", b.breadth(), "] does not give [",
         c.rows, ", ", c.columns, "]");
  if (c.rows == 0 || c.columns == 0) return;
  if (kernels == Kernels::plain_bf16) return plain_gemm_bf16(a, b, c, factors);
  // The plain sum runs in double, so that tests can compare the fast one with it. It also does products of depth 0,
  // whose result is zero: oneDNN would return early and leave c as it was.
  if (kernels == Kernels::plain || a.breadth() == 0) return plain_gemm<double>(a, b, c, factors);
  if (kernels == Kernels::fast_bf16) return gemm_bf16(a, b, c, factors);
  if (fits_tiles(b, c, factors)) return gemm_tiles(a, b, c, factors);
  // Otherwise oneDNN would start OpenMP threads, and its product may have other last bits with two threads than with
  // one. The setting belongs to the calling thread, and repeating it costs nothing.
  omp_set_num_threads(1);
  const dnnl_status_t status =
      dnnl_sgemm(a.flipped ? 'T' : 'N', b.flipped ? 'T' : 'N', c.rows, c.columns, a.breadth(), factors.alpha, a.data,
                 a.stride, b.data, b.stride, factors.beta, c.data, c.stride);
  if (status != dnnl_success)
    fail("gemm: oneDNN refused a product of [", a.height(), ", ", a.breadth(), "] and [", b.height(), ", ", b.breadth(),
         "], status ", static_cast<int>(status));
}

}  // namespace mvmoe
