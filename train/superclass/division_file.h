// train/superclass/division_file.h: the super-class file: JSON made to be read and edited, one super-class a line.
#pragma once
#include <filesystem>

#include "train/superclass/division.h"

namespace mvmoe {

// Replaces the file as a whole; eigenvalues with 6 decimals. Throws if two classes have one name.
void write_superclasses(const std::filesystem::path& path, const SuperClasses& division);

// Only "superclasses", the list of lists of class names, is needed; its order gives the super-classes' numbers. What
// else stands there ("method", "seed", "eigenvalues") is a note, read where it is there. `classes` are the names in
// label order, in which the result is. Throws Error "PATH: ..." for what is not JSON of this form, for a class that is
// unknown, left out or named twice, and for an empty super-class; UsageError for more super-classes than experts.
SuperClasses read_superclasses(const std::filesystem::path& path, const std::vector<std::string>& classes, int experts);

}  // namespace mvmoe
