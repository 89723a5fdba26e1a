// Spectral clustering: the spectrum by its definition, known communities found exactly, and a valid division for every
// matrix there may be.
// Wrong but plausible, and what shows it: L without D (known eigenvalues of cycles), rows not normalised (classes with
// unequal numbers of images), rows of eigenvectors not scaled (unequal degrees), the largest eigenvectors instead of
// the smallest, a class of degree 0 divided by (NaN), a part of the graph without a share in the first vectors
// scattered by rounding.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "engine/random.h"
#include "tests/engine/helpers.h"
#include "train/superclass/graph.h"
#include "train/superclass/spectral.h"

namespace mvmoe {
namespace {

std::vector<std::string> names(int count) {
  std::vector<std::string> out;
  for (int c = 0; c < count; ++c) out.push_back("class " + std::to_string(c));
  return out;
}

Confusion confusion_of(const DoubleMatrix& matrix) { return {.classes = names(matrix.rows), .matrix = matrix}; }

DoubleMatrix random_graph(int n, std::uint64_t seed) {
  DoubleMatrix graph(n, n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < i; ++j)
      graph.at(i, j) = graph.at(j, i) =
          Random(seed, Place::test, 0, static_cast<std::uint64_t>(i * n + j)).uniform(0.01f, 1);
  return graph;
}

// Blocks of these sizes, classes in a mixed order: a class is taken for one of its own block far more often than for
// another, has its own number of images, and every entry its own noise.
struct Communities {
  Confusion confusion;
  std::vector<int> of_class;  // numbered by the lowest class
};

Communities communities(const std::vector<int>& sizes, double outside, std::uint64_t seed) {
  std::vector<int> block;
  for (std::size_t b = 0; b < sizes.size(); ++b) block.insert(block.end(), sizes[b], static_cast<int>(b));
  Random random(seed, Place::test);
  for (std::size_t i = block.size(); i-- > 1;)
    std::swap(block[i], block[random.below(static_cast<std::uint32_t>(i) + 1)]);
  const int C = static_cast<int>(block.size());
  DoubleMatrix m(C, C);
  for (int t = 0; t < C; ++t) {
    const double images = random.uniform(5, 500);
    for (int p = 0; p < C; ++p)
      m.at(t, p) = images * random.uniform(0.5f, 1.5f) *
                   (p == t                 ? 6
                    : block[t] == block[p] ? 1.0 / sizes[block[t]]
                                           : outside / C);
  }
  return {confusion_of(m), numbered_by_lowest_class(block)};
}

// Every class is in a super-class, none is empty nor too large, numbers are in order.
void expect_valid(const SuperClasses& d, int classes, int experts, int largest) {
  ASSERT_EQ(d.of_class.size(), static_cast<std::size_t>(classes));
  EXPECT_EQ(d.count, experts);
  for (const int s : d.of_class) ASSERT_TRUE(s >= 0 && s < experts) << s;
  for (const int size : d.sizes()) {
    EXPECT_GE(size, 1);
    EXPECT_LE(size, largest ? largest : classes);
  }
  EXPECT_EQ(d.of_class, numbered_by_lowest_class(d.of_class));
  for (const double x : d.eigenvalues) EXPECT_TRUE(x >= 0 && x <= 2 + 1e-12) << x;
}

TEST(ConfusionGraph, ByHand) {
  DoubleMatrix m(3, 3);
  m.values = {6, 2, 0, 1, 3, 4, 0, 0, 0};
  const DoubleMatrix s = confusion_graph(m);
  const double ab = (2.0 / 8 + 1.0 / 8) / 2, bc = (4.0 / 8 + 0) / 2;
  EXPECT_EQ(s.values, (std::vector<double>{0, ab, 0, ab, 0, bc, 0, bc, 0}));
}

TEST(ConfusionGraph, ExtremeEntriesStayFinite) {
  DoubleMatrix m(2, 2);
  m.values = {1.7e308, 1.7e308, 4.9e-324, 4.9e-324};
  EXPECT_EQ(confusion_graph(m).values, (std::vector<double>{0, 0.5, 0.5, 0}));
}

TEST(Spectrum, VectorsAndValuesBelongTogether) {
  for (const int n : {2, 3, 7, 40, 100}) {
    const DoubleMatrix graph = random_graph(n, 3);
    const Spectrum s = laplacian_spectrum(graph);
    std::vector<double> d(n);
    for (int i = 0; i < n; ++i) d[i] = std::accumulate(graph[i].begin(), graph[i].end(), 0.0);
    ASSERT_EQ(s.values.size(), static_cast<std::size_t>(n));
    EXPECT_NEAR(s.values[0], 0, 1e-14);
    EXPECT_TRUE(std::is_sorted(s.values.begin(), s.values.end()));
    EXPECT_NEAR(std::accumulate(s.values.begin(), s.values.end(), 0.0), n, 1e-12 * n);  // the trace
    for (int k = 0; k < n; ++k)
      for (int i = 0; i < n; ++i) {
        double lv = s.vectors.at(i, k), dot = 0;
        for (int j = 0; j < n; ++j) {
          lv -= graph.at(i, j) / std::sqrt(d[i] * d[j]) * s.vectors.at(j, k);
          dot += s.vectors.at(j, i) * s.vectors.at(j, k);
        }
        EXPECT_NEAR(lv, s.values[k] * s.vectors.at(i, k), 1e-13);
        EXPECT_NEAR(dot, i == k, 1e-13);
      }
  }
}

TEST(Spectrum, OfGraphsThatAreKnown) {
  const int n = 9;
  DoubleMatrix complete(n, n), cycle(n, n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) {
      complete.at(i, j) = i == j ? 0 : 0.3;
      cycle.at(i, j) = j == (i + 1) % n || i == (j + 1) % n ? 0.7 : 0;
    }
  const std::vector<double> of_complete = laplacian_spectrum(complete).values,
                            of_cycle = laplacian_spectrum(cycle).values;
  for (int k = 1; k < n; ++k) {
    EXPECT_NEAR(of_complete[k], n / (n - 1.0), 1e-14);
    EXPECT_NEAR(of_cycle[k], 1 - std::cos(2 * std::numbers::pi * ((k + 1) / 2) / n), 1e-14);
  }
}

TEST(Spectral, FindsKnownCommunitiesExactly) {
  const std::vector<std::vector<int>> cases{{2, 2},
                                            {3, 3, 3},
                                            {5, 5, 5, 5, 5, 5},
                                            {2, 3, 5, 9, 20},
                                            {4, 30},
                                            {10, 10, 10, 10, 10, 10, 10, 10, 10, 10},
                                            std::vector<int>(20, 5)};
  for (const auto& sizes : cases)
    for (const double outside : {0.0, 0.05, 0.2})
      for (std::uint64_t seed = 0; seed < 5; ++seed) {
        const Communities known = communities(sizes, outside, seed);
        const int C = static_cast<int>(known.of_class.size()), E = static_cast<int>(sizes.size());
        const SuperClasses d = spectral_division(known.confusion, E, 0, seed);
        expect_valid(d, C, E, 0);
        EXPECT_EQ(d.of_class, known.of_class) << "blocks " << E << ", outside " << outside << ", seed " << seed;
        EXPECT_EQ(d.method, "spectral");
        EXPECT_EQ(d.eigenvalues.size(), known.of_class.size());
        EXPECT_EQ(suggested_experts(d.eigenvalues), E);
        EXPECT_EQ(d.eigenvalues[E - 1] < 1e-14, outside == 0);
      }
}

TEST(Spectral, TheOrderOfClassesDoesNotMatter) {
  const Communities known = communities({4, 7, 8}, 0.5, 1);
  const int C = 19;
  const SuperClasses d = spectral_division(known.confusion, 5, 0, 0);  // more than there are communities: no clear cut
  DoubleMatrix turned(C, C);
  for (int i = 0; i < C; ++i)
    for (int j = 0; j < C; ++j) turned.at(i, j) = known.confusion.matrix.at((i + 11) % C, (j + 11) % C);
  const SuperClasses e = spectral_division(confusion_of(turned), 5, 0, 0);
  std::vector<int> back(C);
  for (int i = 0; i < C; ++i) back[(i + 11) % C] = e.of_class[i];
  EXPECT_EQ(numbered_by_lowest_class(back), d.of_class);
}

TEST(Spectral, SeparatePartsStayWhole) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const Communities known = communities({3, 3, 4, 5, 6, 7, 9}, 0, seed);
    for (const int E : {2, 3, 5, 6}) {  // fewer super-classes than parts
      const SuperClasses d = spectral_division(known.confusion, E, 0, seed);
      expect_valid(d, 37, E, 0);
      std::vector<int> super_class_of(7, -1);
      for (int c = 0; c < 37; ++c) {
        int& s = super_class_of[known.of_class[c]];
        EXPECT_TRUE(s < 0 || s == d.of_class[c]) << "part " << known.of_class[c] << " is torn apart at E = " << E;
        s = d.of_class[c];
      }
    }
  }
}

TEST(Spectral, ClassesThatAreNeverConfusedGoWhereThereIsRoom) {
  DoubleMatrix m(8, 8);
  for (int c = 0; c < 8; ++c) m.at(c, c) = c == 7 ? 0 : 10;  // class 7 has no image at all
  const auto join = [&](int a, int b) { m.at(a, b) = m.at(b, a) = 1; };
  join(0, 1), join(1, 2), join(0, 2), join(3, 4);
  EXPECT_EQ(spectral_division(confusion_of(m), 2, 0, 0).of_class, (std::vector<int>{0, 0, 0, 1, 1, 1, 0, 1}));
  EXPECT_EQ(spectral_division(confusion_of(m), 4, 0, 0).of_class, (std::vector<int>{0, 0, 0, 1, 1, 2, 3, 2}));
  EXPECT_EQ(spectral_division(confusion_of(m), 2, 0, 0).eigenvalues.size(), 5u);
}

// What no eigenvector says anything about: always a valid division, with every bound that can be kept.
TEST(Spectral, DegenerateMatricesGiveValidDivisions) {
  const int C = 12;
  DoubleMatrix zeros(C, C), identity(C, C), equal(C, C), one_pair(C, C), chain(C, C), one_way(C, C), huge(C, C),
      tiny(C, C);
  for (int i = 0; i < C; ++i)
    for (int j = 0; j < C; ++j) {
      identity.at(i, j) = i == j;
      equal.at(i, j) = 3;
      chain.at(i, j) = j == i + 1 || i == j + 1;
      one_way.at(i, j) = j == 0;
      huge.at(i, j) = 1e308;
      tiny.at(i, j) = i == j ? 1 : 1e-320;
    }
  one_pair.at(3, 8) = 1;
  const DoubleMatrix* cases[] = {&zeros, &identity, &equal, &one_pair, &chain, &one_way, &huge, &tiny};
  for (std::size_t i = 0; i < std::size(cases); ++i)
    for (int E = 1; E <= C; ++E)
      for (int largest = 0; largest <= C; ++largest) {
        if (largest != 0 && largest * E < C) continue;
        SCOPED_TRACE(text("case ", i, ", E ", E, ", largest ", largest));
        const SuperClasses d = spectral_division(confusion_of(*cases[i]), E, largest, 0);
        expect_valid(d, C, E, largest);
        EXPECT_EQ(spectral_division(confusion_of(*cases[i]), E, largest, 0).of_class, d.of_class);
      }
}

TEST(Spectral, AnyMatrixGivesAValidDivision) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    Random random(seed, Place::test, 2);
    const int C = 1 + static_cast<int>(random.below(14));
    DoubleMatrix m(C, C);
    const float filled = random.uniform();
    for (double& x : m.values) x = random.chance(filled) ? std::exp(8 * random.normal()) : 0;
    const int E = 1 + static_cast<int>(random.below(static_cast<std::uint32_t>(C)));
    const int largest = random.chance(0.5f) ? 0 : (C + E - 1) / E + static_cast<int>(random.below(3));
    SCOPED_TRACE(text("seed ", seed));
    expect_valid(spectral_division(confusion_of(m), E, largest, seed), C, E, largest);
  }
}

TEST(Spectral, OneSuperClassAndAsManyAsClasses) {
  const Communities known = communities({3, 4}, 0.1, 2);
  EXPECT_EQ(spectral_division(known.confusion, 1, 0, 0).of_class, (std::vector<int>(7, 0)));
  EXPECT_EQ(spectral_division(known.confusion, 7, 0, 0).of_class, (std::vector<int>{0, 1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(spectral_division({.classes = {"only"}, .matrix = {1, 1}}, 1, 0, 0).of_class, (std::vector<int>{0}));
  EXPECT_EQ(message_of<UsageError>([&] { spectral_division(known.confusion, 8, 0, 0); }),
            "--experts: 8 super-classes of 7 classes, must be from 1 to 7 (none may be empty)");
}

// Every other class is a hundred times as rarely taken for another: degrees differ so within a block, and with them the
// length of the eigenvectors' rows.
TEST(Spectral, FindsCommunitiesOfUnequalDegrees) {
  const int C = 30;
  std::vector<int> block(C);
  DoubleMatrix m(C, C);
  for (int t = 0; t < C; ++t) block[t] = t < 12 ? 0 : t < 22 ? 1 : 2;
  for (int t = 0; t < C; ++t)
    for (int p = 0; p < C; ++p)
      m.at(t, p) = p == t ? C : (block[t] == block[p] ? 1 : 0.1) * (t % 2 ? 0.01 : 1) * (p % 2 ? 0.01 : 1);
  EXPECT_EQ(spectral_division(confusion_of(m), 3, 0, 0).of_class, block);
}

TEST(Spectral, ABoundCanNeedMoreGroupsThanPairs) {
  DoubleMatrix m(10, 10);
  for (const auto& [a, b] : {std::pair{1, 2}, {2, 5}, {5, 1}}) m.at(a, b) = 1;  // three confused classes, and bound 2
  expect_valid(spectral_division(confusion_of(m), 5, 2, 0), 10, 5, 2);
}

TEST(Spectral, ABoundMovesNoMoreThanItMust) {
  const Communities known = communities({2, 4, 12}, 0.1, 3);
  expect_valid(spectral_division(known.confusion, 3, 12, 0), 18, 3, 12);
  EXPECT_EQ(spectral_division(known.confusion, 3, 12, 0).of_class, known.of_class);
  const SuperClasses d = spectral_division(known.confusion, 3, 10, 0);
  expect_valid(d, 18, 3, 10);
  int moved = 18;  // under the best match of three numbers
  for (std::vector<int> names{0, 1, 2};;) {
    int other = 0;
    for (int c = 0; c < 18; ++c) other += names[d.of_class[c]] != known.of_class[c];
    moved = std::min(moved, other);
    if (!std::next_permutation(names.begin(), names.end())) break;
  }
  EXPECT_EQ(moved, 2);
}

TEST(Eigengap, ByHand) {
  const std::vector<double> values{0, 0.1, 0.15, 0.9, 1, 1.2, 1.9, 2};
  EXPECT_DOUBLE_EQ(eigengap(values, 1).value(), 0.1);
  EXPECT_DOUBLE_EQ(eigengap(values, 3).value(), 0.75);
  EXPECT_EQ(eigengap(values, 8), std::nullopt);
  EXPECT_EQ(eigengap({}, 1), std::nullopt);
  EXPECT_EQ(suggested_experts(values), 3);
  EXPECT_EQ(suggested_experts({0, 0.9, 1, 1.9}), 2);  // the first gap says only that the graph is one
  EXPECT_EQ(suggested_experts({0, 1, 1.2}), std::nullopt);
}

}  // namespace
}  // namespace mvmoe
