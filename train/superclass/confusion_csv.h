// train/superclass/confusion_csv.h: a confusion matrix as a CSV file (RFC 4180) that spreadsheets and pandas read.
//
// The header and the first field of each row are class names, in one order; names are quoted where they must be.
#pragma once
#include <filesystem>

#include "train/superclass/confusion.h"

namespace mvmoe {

// Replaces the file as a whole; numbers with the digits that read back the same doubles. Throws if two classes have
// one name.
void write_confusion(const std::filesystem::path& path, const Confusion& confusion);

// Throws "PATH: ...", naming row and column, for names that are unknown, missing, repeated or in another order than the
// header's, for entries that are not numbers from 0 on, for rows of another length, an empty file, or one beyond 256
// MB.
Confusion read_confusion(const std::filesystem::path& path);

}  // namespace mvmoe
