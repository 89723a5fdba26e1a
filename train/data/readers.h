// train/data/readers.h: the readers behind load_dataset, one file each. A reader leaves DataSet::spec to its caller.
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

// Of any size, read when asked. With `strict`, an image that cannot be read is an error and no other stands in.
DataSet load_folder(const std::filesystem::path& folder, bool strict, Wanted wanted = Wanted::all);
// The images (train/data/image_names.h) in a folder and in the folders in it, in the order of their names, each with
// the folder's name before it. Hidden ones are passed over. Links to folders are not followed. Throws Error that names
// the folder.
std::vector<std::string> images_in_folder(const std::filesystem::path& folder);
DataSet load_pack(const std::filesystem::path& file, bool strict);

DataSet load_fractals(const std::string& words);  // generated; train/data/fractals.h says what the words are

DataSet load_glyphs();                                                               // embedded in the program
DataSet parse_glyphs(const std::string& name, std::span<const std::uint8_t> bytes);  // `name` begins every error

}  // namespace mvmoe
