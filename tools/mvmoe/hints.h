// tools/mvmoe/hints.h: what a user may have meant by a flag that does not exist.
#pragma once
#include <string>
#include <vector>

namespace mvmoe {

// ": did you mean --batch-size?" for `word` as it was given (with its dashes) and the names of the flags there are: the
// name that other programs have for one of them, the beginning of one, or the nearest; empty where nothing is near.
std::string hint_for(const std::string& word, const std::vector<std::string>& names);

}  // namespace mvmoe
