// engine/nearest.h: what a user may have meant: the known name that is the fewest edits away from a mistyped one.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace mvmoe {

// Edits are a letter inserted, left out, replaced, or swapped with its neighbour. Empty where even the nearest is more
// edits away than a third of the word (and more than one): then a suggestion would be a guess. Of equals, the first.
std::string nearest(std::string_view word, std::span<const std::string> known);

}  // namespace mvmoe
