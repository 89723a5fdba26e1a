#include "ops/route.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/error.h"

namespace mvmoe {
namespace {

int* take_ints(Arena& arena, int n) {
  return static_cast<int*>(arena.take_bytes(static_cast<std::size_t>(n) * sizeof(int)));
}

}  // namespace

void top_k(Tensor scores, int k, int* chosen) {
  const int E = scores.width();
  if (k < 1 || k > E) fail("top_k: k is ", k, ", must be from 1 to the number of experts, ", E);
  for (int i = 0; i < scores.rows(); ++i) {
    const float* row = scores.row(i);
    int* mine = chosen + i * k;
    for (int j = 0; j < k; ++j) {  // k is small: k passes beat a sort
      int best = -1;
      for (int e = 0; e < E; ++e)
        if (std::find(mine, mine + j, e) == mine + j && (best < 0 || row[e] > row[best])) best = e;
      mine[j] = best;
    }
  }
}

int capacity_for(int items, int k, int experts, float factor) {
  const double exact = static_cast<double>(k) * items * static_cast<double>(factor) / experts;
  // The factor is a float, and 1.05f * 100 is a little above 105. The limit must be 105 all the same.
  return std::max(1, static_cast<int>(std::ceil(exact - 1e-4)));
}

Assignments assign(Arena& arena, Tensor gates, const int* chosen, int k, Capacity capacity) {
  const int n = gates.rows(), E = gates.width();
  int* order = take_ints(arena, n);
  std::iota(order, order + n, 0);
  if (capacity.by_priority && capacity.per_expert > 0) {
    const Tensor largest = arena.take({std::max(n, 1)});
    for (int i = 0; i < n; ++i)
      largest[static_cast<std::size_t>(i)] = *std::max_element(gates.row(i), gates.row(i) + E);
    std::sort(order, order + n, [&](int a, int b) {
      const float la = largest[static_cast<std::size_t>(a)], lb = largest[static_cast<std::size_t>(b)];
      return la != lb ? la > lb : a < b;
    });
  }
  // Two passes in the same order: the first counts what each expert takes, the second writes the items.
  const int limit = capacity.per_expert > 0 ? capacity.per_expert : n * k;
  Assignments a{.items = n, .experts = E, .count = 0, .item = nullptr, .begin = take_ints(arena, E + 1)};
  int* taken = take_ints(arena, E);
  std::fill_n(taken, E, 0);
  for (int rank = 0; rank < k; ++rank)
    for (int i = 0; i < n; ++i) {
      int& mine = taken[chosen[order[i] * k + rank]];
      mine = std::min(mine + 1, limit);
    }
  a.begin[0] = 0;
  for (int e = 0; e < E; ++e) a.begin[e + 1] = a.begin[e] + taken[e];
  a.count = a.begin[E];
  a.item = take_ints(arena, a.count);
  std::fill_n(taken, E, 0);
  for (int rank = 0; rank < k; ++rank)
    for (int i = 0; i < n; ++i) {
      const int e = chosen[order[i] * k + rank];
      if (taken[e] < limit) a.item[a.begin[e] + taken[e]++] = order[i];
    }
  return a;
}

Assignments every_nth(Arena& arena, const Assignments& all, int n) {
  Assignments a{.items = all.items / n,
                .experts = all.experts,
                .count = 0,
                .item = take_ints(arena, all.count),
                .begin = take_ints(arena, all.experts + 1)};
  for (int e = 0; e < all.experts; ++e) {
    a.begin[e] = a.count;
    for (int i = all.begin[e]; i < all.begin[e + 1]; ++i)
      if (all.item[i] % n == 0) a.item[a.count++] = all.item[i] / n;
  }
  a.begin[all.experts] = a.count;
  return a;
}

Assignments assign_by_expert_choice(Arena& arena, Tensor gates, int per_expert) {
  const int n = gates.rows(), E = gates.width(), takes = std::min(per_expert, n);
  Assignments a{.items = n,
                .experts = E,
                .count = E * takes,
                .item = take_ints(arena, E * takes),
                .begin = take_ints(arena, E + 1)};
  int* order = take_ints(arena, n);
  for (int e = 0; e <= E; ++e) a.begin[e] = e * takes;
  for (int e = 0; e < E; ++e) {
    std::iota(order, order + n, 0);
    std::partial_sort(order, order + takes, order + n, [&](int x, int y) {
      const float gx = gates.row(x)[e], gy = gates.row(y)[e];
      return gx != gy ? gx > gy : x < y;
    });
    std::copy_n(order, takes, a.item + e * takes);
  }
  return a;
}

}  // namespace mvmoe
