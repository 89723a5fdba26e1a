// train/superclass/confusion_csv.h: a confusion matrix as a CSV file (RFC 4180) that spreadsheets and pandas read.
//
// The header holds the class names, and so do the first fields of the rows, in the same order. Names are quoted if CSV
// requires it.
#pragma once
#include <filesystem>

#include "train/superclass/confusion.h"

namespace mvmoe {

// Replaces the whole file. Numbers have enough digits to be read back as the same doubles. Throws if two classes have
// the same name.
void write_confusion(const std::filesystem::path& path, const Confusion& confusion);

// Throws "PATH: ..." with row and column if a name is unknown, missing, repeated or in another order than in the
// header, if an entry is not a number of at least 0, if a row has another length, or if the file is empty or larger
// than 256 MB.
Confusion read_confusion(const std::filesystem::path& path);

}  // namespace mvmoe
