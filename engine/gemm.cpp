#include "engine/gemm.h"

#include <dnnl.h>

#include "engine/error.h"

namespace mvmoe {
namespace {

// The definition, in the order a reader expects; the sum runs in double so that it can judge the fast one.
void plain_gemm(const Matrix& a, const Matrix& b, const Matrix& c, Scale scale) {
  const auto at = [](const Matrix& m, int i, int j) {
    return m.flipped ? m.data[static_cast<std::ptrdiff_t>(j) * m.stride + i] : m.data[static_cast<std::ptrdiff_t>(i) * m.stride + j];
  };
  for (int i = 0; i < c.rows; ++i)
    for (int j = 0; j < c.columns; ++j) {
      double sum = 0;
      for (int k = 0; k < a.breadth(); ++k) sum += static_cast<double>(at(a, i, k)) * at(b, k, j);
      float& out = c.data[static_cast<std::ptrdiff_t>(i) * c.stride + j];
      out = static_cast<float>(scale.alpha * sum + (scale.beta == 0 ? 0.0 : static_cast<double>(scale.beta) * out));
    }
}

}  // namespace

void gemm(const Matrix& a, const Matrix& b, const Matrix& c, Scale scale, Kernels kernels) {
  if (a.breadth() != b.height() || a.height() != c.rows || b.breadth() != c.columns || c.flipped)
    fail("gemm: [", a.height(), ", ", a.breadth(), "] times [", b.height(), ", ", b.breadth(), "] does not give [", c.rows,
         ", ", c.columns, "]");
  if (c.rows == 0 || c.columns == 0) return;
  if (kernels == Kernels::plain) return plain_gemm(a, b, c, scale);
  const dnnl_status_t status = dnnl_sgemm(a.flipped ? 'T' : 'N', b.flipped ? 'T' : 'N', c.rows, c.columns, a.breadth(), scale.alpha,
                                          a.data, a.stride, b.data, b.stride, scale.beta, c.data, c.stride);
  if (status != dnnl_success)
    fail("gemm: oneDNN refused a product of [", a.height(), ", ", a.breadth(), "] and [", b.height(), ", ", b.breadth(), "], status ",
         static_cast<int>(status));
}

}  // namespace mvmoe
