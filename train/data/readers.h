// train/data/readers.h: the readers that load_dataset calls, one file each. The caller fills DataSet::spec.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "train/data/dataset.h"

namespace mvmoe {

DataSet load_cifar10(const std::filesystem::path& folder);
DataSet load_cifar100(const std::filesystem::path& folder);
DataSet load_mnist(const std::filesystem::path& folder);

// Images of any size, read when asked. With `strict`, an image that cannot be read is an error.
DataSet load_folder(const std::filesystem::path& folder, bool strict, Wanted wanted = Wanted::all);
// The paths of the images (train/data/image_names.h) in a folder and the folders in it, sorted by name. Hidden files
// are skipped. Links to folders are not followed. Throws Error that names the folder.
std::vector<std::string> images_in_folder(const std::filesystem::path& folder);
DataSet load_pack(const std::filesystem::path& file, bool strict);

DataSet load_fractals(const std::string& words);  // generated; `words` as in train/data/fractals.h

DataSet load_glyphs();                                                               // embedded in the program
DataSet parse_glyphs(const std::string& name, std::span<const std::uint8_t> bytes);  // `name` begins every error

}  // namespace mvmoe
