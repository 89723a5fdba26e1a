// train/superclass/kmeans.h: k-means: divides points into groups around centres, no group empty.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "train/superclass/matrix.h"

namespace mvmoe {

struct Grouping {
  std::vector<int> group;  // [n], 0 .. k-1; each number at least once
  DoubleMatrix distances;  // [n, k], squared, from each point to each group's centre
  double spread = 0;       // sum over the points of the squared distance to the own centre; k-means makes it small
};

// The best of `restarts` runs. A run draws its first centres by k-means++ (Arthur and Vassilvitskii 2007). Then it
// moves single points while that makes the spread smaller (Hartigan 1975). This finds a smaller spread than Lloyd's
// algorithm, and never empties a group. points [n, d], 1 <= k <= n. Of equal choices the first is taken, so the result
// is a function of the arguments. Only distances are used, so rotating or mirroring all points changes nothing.
// `begins` is called before each run, with its number and the number of runs.
Grouping k_means(const DoubleMatrix& points, int k, std::uint64_t seed, int restarts = 100,
                 const std::function<void(int run, int of)>& begins = {});

// [n] The division with the smallest spread around the same centres in which no group is larger than `largest`.
// Requires k * largest >= n.
std::vector<int> bounded(const Grouping& grouping, int largest);

}  // namespace mvmoe
