// k-means and its bound, against trying all groupings. Wrong but plausible, and what shows it: k-means that stops early
// (the best division by trying all), classes moved to the next group instead of the cheapest chain (bounded divisions
// by trying all).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/random.h"
#include "train/superclass/division.h"
#include "train/superclass/kmeans.h"

namespace mvmoe {
namespace {

DoubleMatrix random_points(int n, int d, std::uint64_t seed) {
  DoubleMatrix points(n, d);
  Random random(seed, Place::test, 1);
  for (double& x : points.values) x = random.normal();
  return points;
}

// Visits every way to put n points into k groups.
template <class Body>
void all_groupings(int n, int k, const Body& body) {
  std::vector<int> group(n);
  for (;;) {
    body(group);
    int i = 0;
    while (i < n && ++group[i] == k) group[i++] = 0;
    if (i == n) return;
  }
}

double spread_of(const DoubleMatrix& points, const std::vector<int>& group, int k) {
  DoubleMatrix centres(k, points.columns);
  std::vector<int> sizes(k);
  for (const int g : group) ++sizes[g];
  for (int i = 0; i < points.rows; ++i)
    for (int d = 0; d < points.columns; ++d) centres.at(group[i], d) += points.at(i, d) / sizes[group[i]];
  double sum = 0;
  for (int i = 0; i < points.rows; ++i)
    for (int d = 0; d < points.columns; ++d) sum += std::pow(points.at(i, d) - centres.at(group[i], d), 2);
  return sum;
}

TEST(KMeans, FindsTheBestOfAllGroupings) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const DoubleMatrix points = random_points(8, 2, seed);
    double best = 1e9;
    all_groupings(8, 3, [&](const std::vector<int>& group) { best = std::min(best, spread_of(points, group, 3)); });
    const Grouping g = k_means(points, 3, seed);
    EXPECT_NEAR(g.spread, best, 1e-12);
    EXPECT_NEAR(spread_of(points, g.group, 3), best, 1e-12);
    for (int i = 0; i < 8; ++i)
      for (int k = 0; k < 3; ++k) EXPECT_LE(g.distances.at(i, g.group[i]), g.distances.at(i, k) + 1e-12);
  }
}

TEST(KMeans, NoSingleMoveIsBetter) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const DoubleMatrix points = random_points(60, 3, seed);
    const Grouping g = k_means(points, 9, seed, 1);
    EXPECT_NEAR(g.spread, spread_of(points, g.group, 9), 1e-11);
    for (int i = 0; i < 60; ++i)
      for (int k = 0; k < 9; ++k) {
        std::vector<int> moved = g.group;
        moved[i] = k;
        EXPECT_GE(spread_of(points, moved, 9), g.spread - 1e-9) << i << " to " << k;
      }
  }
}

TEST(KMeans, TurningAllPointsChangesNothing) {
  const DoubleMatrix points = random_points(60, 2, 9);
  DoubleMatrix turned(60, 2);
  for (int i = 0; i < 60; ++i) {
    turned.at(i, 0) = -(0.6 * points.at(i, 0) - 0.8 * points.at(i, 1));
    turned.at(i, 1) = 0.8 * points.at(i, 0) + 0.6 * points.at(i, 1);
  }
  EXPECT_EQ(k_means(turned, 7, 0).group, k_means(points, 7, 0).group);
}

TEST(KMeans, PointsThatCoincideStillFillEveryGroup) {
  const DoubleMatrix points(6, 2);  // all in the origin
  for (int k = 1; k <= 6; ++k) {
    std::vector<int> group = k_means(points, k, 0).group;
    std::sort(group.begin(), group.end());
    EXPECT_EQ(std::unique(group.begin(), group.end()) - group.begin(), k);
  }
}

TEST(KMeans, BoundedIsTheCheapestWithinTheBound) {
  int chains = 0;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    DoubleMatrix points = random_points(8, 1, seed);
    for (double& x : points.values) x = std::exp(1.5 * x);  // crowded at one end: room is far away
    const Grouping g = k_means(points, 3, seed);
    const auto cost = [&](const std::vector<int>& group) {
      double sum = 0;
      for (int i = 0; i < 8; ++i) sum += g.distances.at(i, group[i]);
      return sum;
    };
    for (const int largest : {3, 4, 5}) {
      double best = 1e9;
      all_groupings(8, 3, [&](const std::vector<int>& group) {
        for (int k = 0; k < 3; ++k)
          if (std::count(group.begin(), group.end(), k) > largest) return;
        best = std::min(best, cost(group));
      });
      const std::vector<int> group = bounded(g, largest);
      int moved = 0, too_many = 0;
      for (int k = 0; k < 3; ++k) {
        EXPECT_LE(std::count(group.begin(), group.end(), k), largest);
        EXPECT_GE(std::count(group.begin(), group.end(), k), 1);
        too_many += std::max(0, static_cast<int>(std::count(g.group.begin(), g.group.end(), k)) - largest);
      }
      for (int i = 0; i < 8; ++i) moved += group[i] != g.group[i];
      chains += moved > too_many;
      EXPECT_NEAR(cost(group), best, 1e-9) << "seed " << seed << ", largest " << largest;
    }
  }
  EXPECT_GT(chains, 5) << "no case in which passing on pays: a greedy move would do";
}

}  // namespace
}  // namespace mvmoe
