#include "train/superclass/kmeans.h"

#include <algorithm>
#include <limits>

#include "engine/random.h"

namespace mvmoe {
namespace {

constexpr double tie = 1e-12;  // a smaller difference of squared distances may be rounding: points have length 1

double squared_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// k-means++: draws k points. The probability of a point is in proportion to its squared distance to the nearest point
// that is drawn already. The k indices are different, even if points coincide.
std::vector<int> first_points(const DoubleMatrix& points, int k, Random random) {
  const int n = points.rows;
  std::vector<double> nearest(static_cast<std::size_t>(n), std::numeric_limits<double>::infinity());  // [n]
  std::vector<int> chosen{static_cast<int>(random.below(static_cast<std::uint32_t>(n)))};
  while (static_cast<int>(chosen.size()) < k) {
    double total = 0;
    for (int i = 0; i < n; ++i)
      total += nearest[i] = std::min(nearest[i], squared_distance(points[i], points[chosen.back()]));
    double left = random.uniform() * total;
    int next = -1;
    for (int i = 0; i < n && left >= 0; ++i)
      if (nearest[i] > 0) left -= nearest[next = i];
    for (int i = 0; next < 0; ++i)
      if (std::find(chosen.begin(), chosen.end(), i) == chosen.end()) next = i;
    chosen.push_back(next);
  }
  return chosen;
}

std::vector<int> sizes_of(const std::vector<int>& group, int k) {
  std::vector<int> sizes(static_cast<std::size_t>(k));
  for (const int g : group) ++sizes[g];
  return sizes;
}

// One run: the groups and their centres while points move.
struct Hartigan {
  const DoubleMatrix& points;  // [n, d]
  std::vector<int> group;      // [n]
  std::vector<int> sizes;      // [k], never 0
  DoubleMatrix centres;        // [k, d]

  Hartigan(const DoubleMatrix& points, const std::vector<int>& first)
      : points(points), centres(static_cast<int>(first.size()), points.columns) {
    const int k = centres.rows;
    for (int i = 0; i < points.rows; ++i) {
      int nearest = 0;
      for (int g = 1; g < k; ++g)
        if (squared_distance(points[i], points[first[g]]) < squared_distance(points[i], points[first[nearest]]))
          nearest = g;
      group.push_back(nearest);
    }
    for (int g = 0; g < k; ++g) group[first[g]] = g;  // so no group starts empty, even if first points coincide
    sizes = sizes_of(group, k);
    centre();
  }

  void centre() {
    std::fill(centres.values.begin(), centres.values.end(), 0);
    for (int i = 0; i < points.rows; ++i)
      for (int d = 0; d < points.columns; ++d) centres.at(group[i], d) += points.at(i, d) / sizes[group[i]];
  }

  double distance(int i, int g) const { return squared_distance(points[i], centres[g]); }

  // If a point leaves its group of s points, the spread falls by s/(s-1) times its squared distance to the centre. If
  // it joins a group of s, the spread grows by s/(s+1) times its squared distance to that centre. Both include the move
  // of the centre. The last point of a group stays.
  bool move_to_best(int i) {
    const int own = group[i];
    if (sizes[own] == 1) return false;
    double best = distance(i, own) * sizes[own] / (sizes[own] - 1) - tie;
    int to = own;
    for (int g = 0; g < centres.rows; ++g)
      if (const double grows = distance(i, g) * sizes[g] / (sizes[g] + 1); g != own && grows < best)
        best = grows, to = g;
    if (to == own) return false;
    for (int d = 0; d < points.columns; ++d) {
      centres.at(own, d) += (centres.at(own, d) - points.at(i, d)) / (sizes[own] - 1);
      centres.at(to, d) += (points.at(i, d) - centres.at(to, d)) / (sizes[to] + 1);
    }
    --sizes[own];
    ++sizes[group[i] = to];
    return true;
  }

  // Each move makes the spread smaller by more than rounding, so the loop ends. Then each point is at its nearest
  // centre.
  void run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (int i = 0; i < points.rows; ++i) moved |= move_to_best(i);
      centre();  // computed anew, so that rounding errors do not add up
    }
  }

  double spread() const {
    double sum = 0;
    for (int i = 0; i < points.rows; ++i) sum += distance(i, group[i]);
    return sum;
  }
};

// The cheapest move of one point from group a to group b: its cost, and the point.
struct Move {
  double cost = std::numeric_limits<double>::infinity();
  int point = -1;
};

std::vector<Move> cheapest_moves(const DoubleMatrix& distances, const std::vector<int>& group) {
  const int k = distances.columns;
  std::vector<Move> moves(static_cast<std::size_t>(k * k));  // [k, k]
  for (int i = 0; i < distances.rows; ++i) {
    const int a = group[i];
    for (int b = 0; b < k; ++b) {
      Move& move = moves[a * k + b];
      if (const double cost = distances.at(i, b) - distances.at(i, a); cost < move.cost) move = {cost, i};
    }
  }
  return moves;
}

// The cheapest chain of moves from one group to each other group, through any number of groups.
struct Chains {
  std::vector<double> cost;  // [k]
  std::vector<int> before;   // [k], the previous group of the chain; -1 for the source

  bool passes(int from, int through) const {  // true if the chain that ends at `from` contains `through`
    while (from >= 0 && from != through) from = before[from];
    return from >= 0;
  }
};

// The algorithm of Bellman and Ford, because costs may be negative. A chain never contains a group twice, even if
// rounding would make that look cheaper.
Chains cheapest_chains(const std::vector<Move>& moves, int k, int source) {
  const std::size_t groups = static_cast<std::size_t>(k);
  Chains chains{.cost = std::vector<double>(groups, std::numeric_limits<double>::infinity()),
                .before = std::vector<int>(groups, -1)};
  chains.cost[source] = 0;
  bool shorter = true;
  for (int round = 1; round < k && shorter; ++round) {
    shorter = false;
    for (int a = 0; a < k; ++a)
      for (int b = 0; b < k; ++b) {
        const double cost = chains.cost[a] + moves[a * k + b].cost;
        if (!(cost < chains.cost[b] - tie) || chains.passes(a, b)) continue;
        chains.cost[b] = cost, chains.before[b] = a, shorter = true;
      }
  }
  return chains;
}

}  // namespace

Grouping k_means(const DoubleMatrix& points, int k, std::uint64_t seed, int restarts,
                 const std::function<void(int, int)>& begins) {
  Grouping best{.group = {}, .distances = {points.rows, k}, .spread = std::numeric_limits<double>::infinity()};
  for (int r = 0; r < restarts; ++r) {
    if (begins) begins(r, restarts);
    Hartigan run(points, first_points(points, k, Random(seed, Place::superclass, 1 + static_cast<std::uint64_t>(r))));
    run.run();
    const double spread = run.spread();
    if (!(spread < best.spread - 1e-9)) continue;  // a smaller difference may be rounding
    best.group = run.group;
    best.spread = spread;
    for (int i = 0; i < points.rows; ++i)
      for (int g = 0; g < k; ++g) best.distances.at(i, g) = run.distance(i, g);
  }
  return best;
}

// A flow of least cost, by successive shortest paths (Ahuja et al. 1993, chapter 9). While a group is too large, one of
// its points moves on: along the cheapest chain of moves that ends in a group with room. After k-means every point is
// at its nearest centre, so no cycle of moves has a negative cost. Each step keeps that true, so the result is the
// cheapest.
std::vector<int> bounded(const Grouping& grouping, int largest) {
  const int k = grouping.distances.columns;
  std::vector<int> group = grouping.group, sizes = sizes_of(group, k);
  for (int source = 0; source < k; ++source)
    while (sizes[source] > largest) {
      const std::vector<Move> moves = cheapest_moves(grouping.distances, group);  // [k, k]
      const Chains chains = cheapest_chains(moves, k, source);
      int target = -1;
      for (int g = 0; g < k; ++g)
        if (sizes[g] < largest && (target < 0 || chains.cost[g] < chains.cost[target])) target = g;
      --sizes[source];
      ++sizes[target];
      for (int b = target; b != source; b = chains.before[b]) group[moves[chains.before[b] * k + b].point] = b;
    }
  return group;
}

}  // namespace mvmoe
