// tools/gradcheck/cases.h: the table of what is checked: each operation at the sizes where kernels go wrong.
#pragma once
#include <string>
#include <vector>

#include "tools/gradcheck/check.h"

namespace mvmoe::gradcheck {

// In the order of the network: what the images meet first stands first.
std::vector<Case> all_cases();

std::vector<Case> cases_of(const std::string& op);  // throws if the table has none: a test of nothing must not pass

}  // namespace mvmoe::gradcheck
