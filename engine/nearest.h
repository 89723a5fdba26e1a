// engine/nearest.h: finds what a user may have meant: the known name with the fewest edits from a mistyped one.
#pragma once
#include <span>
#include <string>
#include <string_view>

namespace mvmoe {

// An edit inserts, removes or replaces a letter, or swaps two neighbours. Returns the first of equally near names.
// Returns an empty string if the nearest name needs more edits than a third of the word's length (one edit is always
// allowed): then a suggestion would be a guess.
std::string nearest(std::string_view word, std::span<const std::string> known);

}  // namespace mvmoe
