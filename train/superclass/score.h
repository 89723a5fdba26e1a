// train/superclass/score.h: how much two divisions of the same classes agree, whatever their groups are called.
#pragma once
#include <vector>

namespace mvmoe {

// Both take a group number for each class, in lists of one length, numbers from 0, and give what scikit-learn gives,
// also where the formula is 0/0.

// Hubert and Arabie 1985: pairs of classes that both divisions put together or both keep apart, less what chance gives.
// 1: equal; 0: as chance; below: worse.
double adjusted_rand_index(const std::vector<int>& a, const std::vector<int>& b);

// Mutual information over the mean of both entropies. From 0 to 1.
double normalised_mutual_information(const std::vector<int>& a, const std::vector<int>& b);

}  // namespace mvmoe
