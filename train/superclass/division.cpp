#include "train/superclass/division.h"

#include <numeric>
#include <utility>

#include "engine/error.h"
#include "engine/random.h"

namespace mvmoe {

std::vector<std::vector<int>> SuperClasses::members() const {
  std::vector<std::vector<int>> out(static_cast<std::size_t>(count));
  for (std::size_t c = 0; c < of_class.size(); ++c) out[of_class[c]].push_back(static_cast<int>(c));
  return out;
}

std::vector<int> SuperClasses::sizes() const {
  std::vector<int> out(static_cast<std::size_t>(count));
  for (const int s : of_class) ++out[s];
  return out;
}

void check_division(int classes, int experts, int largest) {
  if (experts < 1 || experts > classes)
    fail_usage("--experts: ", experts, " super-classes of ", classes, " classes, must be from 1 to ", classes,
               " (none may be empty)");
  const int smallest = (classes + experts - 1) / experts;
  if (largest != 0 && largest < smallest)
    fail_usage("--max-size: ", experts, " super-classes of at most ", largest, " do not hold ", classes,
               " classes, must be at least ", smallest);
}

std::vector<int> numbered_by_lowest_class(const std::vector<int>& group) {
  std::vector<int> number_of(group.size(), -1), out;
  int next = 0;
  for (const int g : group) {
    int& number = number_of[g];
    if (number < 0) number = next++;
    out.push_back(number);
  }
  return out;
}

SuperClasses random_division(const std::vector<std::string>& classes, int experts, std::uint64_t seed) {
  const std::size_t C = classes.size();
  check_division(static_cast<int>(C), experts, 0);
  std::vector<int> order(C), group(C);
  std::iota(order.begin(), order.end(), 0);
  Random random(seed, Place::superclass);
  for (std::size_t i = C; i-- > 1;) std::swap(order[i], order[random.below(static_cast<std::uint32_t>(i) + 1)]);
  for (std::size_t i = 0; i < C; ++i) group[order[i]] = static_cast<int>(i) % experts;
  return {.classes = classes,
          .of_class = numbered_by_lowest_class(group),
          .count = experts,
          .method = "random",
          .seed = seed};
}

}  // namespace mvmoe
