// train/superclass/division.h: the classes divided into super-classes; expert j is trained for super-class j.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace mvmoe {

struct SuperClasses {
  std::vector<std::string> classes;  // [C], names in label order
  std::vector<int> of_class;         // [C], 0 .. count-1; each number at least once
  int count = 0;
  std::string method = {};  // how it was made: spectral, random, file
  std::uint64_t seed = 0;   // and from which draw
  std::vector<double> eigenvalues =
      {};  // of the confusion graph's Laplacian, ascending; empty where none were computed

  std::vector<std::vector<int>> members() const;  // [count], each super-class's classes, ascending
  std::vector<int> sizes() const;                 // [count]
};

// Throws UsageError unless 1 <= experts <= classes and, where `largest` is not 0 (no bound), experts super-classes of
// at most `largest` classes hold them all.
void check_division(int classes, int experts, int largest);

// The groups numbered anew, by the lowest class in each: so that equal divisions are equal lists.
std::vector<int> numbered_by_lowest_class(const std::vector<int>& group);

// Sizes differ by one at most; who is with whom is drawn by seed. The ablation that shows what the grouping is worth.
SuperClasses random_division(const std::vector<std::string>& classes, int experts, std::uint64_t seed);

}  // namespace mvmoe
