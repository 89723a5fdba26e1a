// tools/gradcheck/sparse_reference.h: routing, experts and balance losses as their definitions, in double precision.
#pragma once
#include <utility>
#include <vector>

#include "tools/gradcheck/reference.h"

namespace mvmoe::reference {

// Who goes where, as a list of (item, expert), sorted by expert as ops/route.h sorts it.
using Pairs = std::vector<std::pair<int, int>>;

Array softmax(const Array& z);                                     // [.., C]
Array gate(const Array& p, const Pairs& pairs, bool renormalise);  // [n, E] to [A]
Array dispatch(const Array& x, const Pairs& pairs, int items);     // [n*rows, D] to [A*rows, D]
Array combine(const Array& ys, const Array& gates, const Pairs& pairs, const Shape& like);
Array grouped_linear(const Array& x, const Array& weight, const Array& bias, const Pairs& pairs);  // [E, N, K], [E, N]
Array sum_of_rows(const Array& p);                                                                 // [n, E] to [E]
Array load_sum(const Array& z, const Array& noise, int k, double sigma);                           // [n, E] to [E]
Array cv_squared(const Array& s);                                                                  // [E] to [1]
Array switch_loss(const Array& p);                                                                 // [n, E] to [1]
Array z_loss(const Array& z);                                                                      // [n, E] to [1]

}  // namespace mvmoe::reference
