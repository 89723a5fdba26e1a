#include "train/superclass/score.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "train/superclass/matrix.h"

namespace mvmoe {
namespace {

// Counts the classes that are in group i of division a and in group j of division b, and those in each group.
struct Contingency {
  DoubleMatrix both;               // [groups of a, groups of b]
  std::vector<double> of_a, of_b;  // sums of `both` over columns and over rows
  double classes = 0;

  Contingency(const std::vector<int>& a, const std::vector<int>& b) : classes(static_cast<double>(a.size())) {
    if (a.size() != b.size()) fail("score: one division has ", a.size(), " classes, the other ", b.size());
    const auto groups = [](const std::vector<int>& division) {
      return division.empty() ? 0 : *std::max_element(division.begin(), division.end()) + 1;
    };
    both = {groups(a), groups(b)};
    of_a.resize(static_cast<std::size_t>(both.rows));
    of_b.resize(static_cast<std::size_t>(both.columns));
    for (std::size_t i = 0; i < a.size(); ++i) ++both.at(a[i], b[i]), ++of_a[a[i]], ++of_b[b[i]];
  }
};

double pairs(const std::vector<double>& counts) {  // ordered pairs of classes in the same group
  double sum = 0;
  for (const double n : counts) sum += n * (n - 1);
  return sum;
}

double entropy(const std::vector<double>& counts, double total) {
  double sum = 0;
  for (const double n : counts)
    if (n > 0) sum -= n / total * std::log(n / total);
  return sum;
}

int groups_used(const std::vector<double>& counts) {
  return static_cast<int>(std::count_if(counts.begin(), counts.end(), [](double n) { return n > 0; }));
}

}  // namespace

double adjusted_rand_index(const std::vector<int>& a, const std::vector<int>& b) {
  const Contingency table(a, b);
  const double together = pairs(table.both.values), in_a = pairs(table.of_a), in_b = pairs(table.of_b);
  if (together == in_a && together == in_b) return 1;  // equal divisions, for which the formula can be 0/0
  const double by_chance = in_a * in_b / (table.classes * (table.classes - 1));
  return (together - by_chance) / ((in_a + in_b) / 2 - by_chance);
}

double normalised_mutual_information(const std::vector<int>& a, const std::vector<int>& b) {
  const Contingency table(a, b);
  if (groups_used(table.of_a) <= 1 && groups_used(table.of_b) <= 1) return 1;
  double information = 0;
  for (int i = 0; i < table.both.rows; ++i)
    for (int j = 0; j < table.both.columns; ++j)
      if (const double n = table.both.at(i, j); n > 0)
        information += n / table.classes * std::log(n * table.classes / (table.of_a[i] * table.of_b[j]));
  return std::max(0.0, information) / ((entropy(table.of_a, table.classes) + entropy(table.of_b, table.classes)) / 2);
}

}  // namespace mvmoe
