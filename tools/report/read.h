// tools/report/read.h: the two files that describe the classes: the confusion matrix and the division into super-classes.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tools/report/matrix.h"

namespace mvmoe::report {

struct ConfusionFile {
  std::vector<std::string> classes;  // names, as bytes
  Matrix counts;                     // [true class, predicted class]
};

struct DivisionFile {
  std::vector<std::vector<std::string>> superclasses;  // names of each one's classes
  std::vector<double> eigenvalues;                     // rising; empty where the file has none
  std::string method;                                  // empty where the file does not say
};

// Both throw Error that names the file and what is wrong with it.
ConfusionFile read_confusion(const std::filesystem::path& file);
DivisionFile read_division(const std::filesystem::path& file);

}  // namespace mvmoe::report
