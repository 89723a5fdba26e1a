// train/superclass/division_file.h: the super-class file: JSON with one super-class a line, for people to read and
// edit.
#pragma once
#include <filesystem>

#include "train/superclass/division.h"

namespace mvmoe {

// Replaces the whole file. Eigenvalues have 6 decimals. Throws if two classes have the same name.
void write_superclasses(const std::filesystem::path& path, const SuperClasses& division);

// Only "superclasses" is needed, a list of lists of class names. List j is super-class j. The other entries ("method",
// "seed", "eigenvalues") are notes; they are read if they are there. `classes`: the names in label order. Throws Error
// "PATH: ..." if the file is not JSON of this form, if a class is unknown, missing or named twice, or if a super-class
// is empty; UsageError if there are more super-classes than experts.
SuperClasses read_superclasses(const std::filesystem::path& path, const std::vector<std::string>& classes, int experts);

}  // namespace mvmoe
