#include "train/superclass/kmeans.h"

#include <algorithm>
#include <limits>

#include "engine/random.h"

namespace mvmoe {
namespace {

constexpr double tie = 1e-12;  // squared distances of points of about unit length closer than this are rounding

double squared_distance(std::span<const double> a, std::span<const double> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// k-means++: k points, each drawn in proportion to its squared distance to the nearest one drawn before. All different,
// even where points coincide.
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

// Groups and their centres while points move.
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
    for (int g = 0; g < k; ++g) group[first[g]] = g;  // where two first points coincide, too: no group starts empty
    sizes = sizes_of(group, k);
    centre();
  }

  void centre() {
    std::fill(centres.values.begin(), centres.values.end(), 0);
    for (int i = 0; i < points.rows; ++i)
      for (int d = 0; d < points.columns; ++d) centres.at(group[i], d) += points.at(i, d) / sizes[group[i]];
  }

  double distance(int i, int g) const { return squared_distance(points[i], centres[g]); }

  // The spread falls by s/(s-1) d(own) when a point leaves its group of s, and grows by s/(s+1) d(other) where it goes
  // to: both with the move of the centre in it. A group's last point stays.
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

  // Every move makes the spread smaller by more than rounding, so this ends; then each point is at its nearest centre.
  void run() {
    for (bool moved = true; moved;) {
      moved = false;
      for (int i = 0; i < points.rows; ++i) moved |= move_to_best(i);
      centre();  // afresh, so that rounding does not add up
    }
  }

  double spread() const {
    double sum = 0;
    for (int i = 0; i < points.rows; ++i) sum += distance(i, group[i]);
    return sum;
  }
};

// What it costs to move one point from group a to group b, and which point is the cheapest.
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

// From one group to each other, over as many as pays.
struct Chains {
  std::vector<double> cost;  // [k]
  std::vector<int> before;   // [k], the group before it in its chain; -1 for the source

  bool passes(int from, int through) const {  // whether the chain that ends in `from` goes through that group
    while (from >= 0 && from != through) from = before[from];
    return from >= 0;
  }
};

// Bellman and Ford's: moves may cost less than nothing. A chain never comes back to a group, whatever rounding says.
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
    if (!(spread < best.spread - 1e-9)) continue;  // another order of the same sums is no improvement
    best.group = run.group;
    best.spread = spread;
    for (int i = 0; i < points.rows; ++i)
      for (int g = 0; g < k; ++g) best.distances.at(i, g) = run.distance(i, g);
  }
  return best;
}

// A flow of least cost, by successive shortest paths: one point too many in a group is passed on from group to group,
// along the cheapest chain of moves that ends where there is room. k-means starts it with every point at its nearest
// centre, so no circle of moves costs less than nothing, and each step keeps it so (Ahuja et al. 1993, chapter 9).
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
