// Adjusted Rand index and normalised mutual information against scikit-learn 1.x's own numbers.
// Wrong but plausible, and what shows it: the Rand index not adjusted (-0.5 becomes 1/3); information over the larger
// or the geometric mean of the entropies (0.8 becomes 0.667 or 0.816); 0/0 where all are together or none.
#include <gtest/gtest.h>

#include "tests/engine/helpers.h"
#include "train/superclass/score.h"

namespace mvmoe {
namespace {

struct Known {
  std::vector<int> a, b;
  double ari, nmi;  // sklearn.metrics.adjusted_rand_score, normalized_mutual_info_score
};

const Known known[] = {
    {{0, 0, 1, 1}, {0, 0, 1, 2}, 0.5714285714285714, 0.8},
    {{0, 0, 1, 1}, {0, 1, 0, 1}, -0.5, 0},
    {{0, 0, 0, 1, 1, 1}, {0, 0, 1, 1, 2, 2}, 0.24242424242424243, 0.5158037429793889},
    {{0, 0, 1, 1, 2, 2, 2, 3, 3, 3}, {0, 0, 0, 1, 1, 2, 2, 3, 3, 0}, 0.2028985507246377, 0.6015859665293507},
    {{0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2}, {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3}, -0.27906976744186046, 0},
    {{0, 0, 1, 1}, {1, 1, 0, 0}, 1, 1},        // equal but for the names
    {{2, 2, 4, 4, 4}, {0, 0, 7, 7, 7}, 1, 1},  // numbers that nobody has
    {{0, 1, 2, 3}, {0, 1, 2, 3}, 1, 1},        // none together
    {{0, 0, 0}, {0, 0, 0}, 1, 1},              // all together
    {{0, 0, 0, 0}, {0, 1, 2, 3}, 0, 0},        // the one and the other
    {{0, 0, 1, 1}, {0, 0, 0, 0}, 0, 0},
    {{0}, {0}, 1, 1},
    {{}, {}, 1, 1},
};

TEST(SuperClassScore, AgreesWithScikitLearn) {
  for (const Known& k : known)
    for (const bool turned : {false, true}) {
      const std::vector<int>&a = turned ? k.b : k.a, &b = turned ? k.a : k.b;
      EXPECT_NEAR(adjusted_rand_index(a, b), k.ari, 1e-14) << &k - known;
      EXPECT_NEAR(normalised_mutual_information(a, b), k.nmi, 1e-14) << &k - known;
    }
}

TEST(SuperClassScore, RefusesListsOfTwoLengths) {
  EXPECT_EQ(message_of([] { adjusted_rand_index({0, 1}, {0}); }), "score: one division has 2 classes, the other 1");
}

}  // namespace
}  // namespace mvmoe
