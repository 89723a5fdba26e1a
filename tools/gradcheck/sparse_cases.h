// tools/gradcheck/sparse_cases.h: the table's part for routing, experts and balance losses.
#pragma once
#include <vector>

#include "tools/gradcheck/check.h"

namespace mvmoe::gradcheck {

std::vector<Case> sparse_cases();

}  // namespace mvmoe::gradcheck
