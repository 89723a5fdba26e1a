// train/superclass/score.h: how much two divisions of the same classes agree. The numbers of the groups do not matter.
#pragma once
#include <vector>

namespace mvmoe {

// Both functions take two lists of the same length, with the group of each class, counted from 0. The results are
// scikit-learn's, also where the formula is 0/0.

// Hubert and Arabie 1985: the pairs of classes that are together in both divisions or apart in both, less the number
// that is expected by chance, scaled. 1: equal divisions; 0: as by chance; negative: worse than chance.
double adjusted_rand_index(const std::vector<int>& a, const std::vector<int>& b);

// The mutual information, divided by the mean of the two entropies. From 0 to 1.
double normalised_mutual_information(const std::vector<int>& a, const std::vector<int>& b);

}  // namespace mvmoe
