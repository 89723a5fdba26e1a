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
  std::string method = {};  // how the division was made: spectral, random, file
  std::uint64_t seed = 0;   // with which seed
  // Of the Laplacian of the confusion graph, ascending; empty if they were not computed.
  std::vector<double> eigenvalues = {};

  std::vector<std::vector<int>> members() const;  // [count], each super-class's classes, ascending
  std::vector<int> sizes() const;                 // [count]
};

// Throws UsageError unless 1 <= experts <= classes and experts * largest >= classes. largest 0: no bound.
void check_division(int classes, int experts, int largest);

// Numbers the groups by the lowest class in each, so that equal divisions become equal lists.
std::vector<int> numbered_by_lowest_class(const std::vector<int>& group);

// A random division into super-classes whose sizes differ by at most one. Compared with it, one sees what the spectral
// division gains.
SuperClasses random_division(const std::vector<std::string>& classes, int experts, std::uint64_t seed);

}  // namespace mvmoe
