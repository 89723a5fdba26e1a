#include "train/superclass/graph.h"

#include <algorithm>

namespace mvmoe {
namespace {

// Divides by the largest entry first, so that the sum neither overflows nor underflows.
void normalise_row(std::span<double> row) {
  const double largest = *std::max_element(row.begin(), row.end());
  if (largest == 0) return;
  double sum = 0;
  for (double& x : row) sum += x /= largest;
  for (double& x : row) x /= sum;
}

}  // namespace

DoubleMatrix confusion_graph(const DoubleMatrix& confusion) {
  const int C = confusion.rows;
  DoubleMatrix p = confusion, s(C, C);
  for (int r = 0; r < C; ++r) normalise_row(p[r]);
  for (int i = 0; i < C; ++i)
    for (int j = 0; j < C; ++j)
      if (i != j) s.at(i, j) = (p.at(i, j) + p.at(j, i)) / 2;
  return s;
}

}  // namespace mvmoe
