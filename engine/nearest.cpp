#include "engine/nearest.h"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace mvmoe {
namespace {

// The number of edits between a and b. Entry j of row i is the number of edits between the first i letters of `a` and
// the first j letters of `b`. Only the last three rows are needed.
std::size_t edits(std::string_view a, std::string_view b) {
  std::vector<std::size_t> older(b.size() + 1), old(b.size() + 1), now(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) now[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    older.swap(old);
    old.swap(now);
    now[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      now[j] = std::min({old[j] + 1, now[j - 1] + 1, old[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) now[j] = std::min(now[j], older[j - 2] + 1);
    }
  }
  return now[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string> known) {
  if (word.size() > 100) return {};  // too long to be a typing error
  std::string best;
  std::size_t fewest = std::max<std::size_t>(word.size() / 3, 1) + 1;
  for (const std::string& name : known)
    if (const std::size_t n = edits(word, name); n < fewest && n < name.size()) {
      best = name;
      fewest = n;
    }
  return best;
}

}  // namespace mvmoe
