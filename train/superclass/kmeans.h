// train/superclass/kmeans.h: points into groups around centres, no group empty.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "train/superclass/matrix.h"

namespace mvmoe {

struct Grouping {
  std::vector<int> group;  // [n], 0 .. k-1; each number at least once
  DoubleMatrix distances;  // [n, k], squared, from each point to each group's centre
  double spread = 0;       // sum of each point's squared distance to its own centre: what k-means makes small
};

// The best of `restarts` runs: each starts from points drawn by k-means++ (Arthur and Vassilvitskii 2007) and then
// moves single points while that makes the spread smaller (Hartigan 1975), which ends in fewer poor places than Lloyd's
// way, and never empties a group. points [n, d], 1 <= k <= n. Of equal choices the first is taken: a function of the
// arguments. Only distances are looked at: turning or mirroring all points changes nothing.
// `begins` hears of each run, with its number and how many there are.
Grouping k_means(const DoubleMatrix& points, int k, std::uint64_t seed, int restarts = 100,
                 const std::function<void(int run, int of)>& begins = {});

// The grouping with no group larger than `largest` and the smallest spread around the same centres. k * largest >= n.
std::vector<int> bounded(const Grouping& grouping, int largest);

}  // namespace mvmoe
