// train/input/pack_write.h: writes a pack (train/data/pack.h) from a data set whose images are read or drawn when
// asked.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>

#include "train/data/pack.h"

namespace mvmoe {

struct PackOptions {
  int size = 256;  // pixels of the short side after resizing; smaller images keep their size
  PackFormat format = PackFormat::jpeg;
  int quality = 90;  // of JPEG, 1 .. 100
  int threads = 1;   // the file does not depend on their number
  // Called now and then with the number of images done. If it returns false, packing stops and leaves no file.
  std::function<bool(int images)> keep_on = {};
};

struct PackResult {
  int images = 0, skipped = 0;
  std::uint64_t bytes = 0;  // of the file
  bool complete = true;     // false: keep_on stopped it
};

// Packs the training and the test images. Images that cannot be read are left out and noted in the set's `damaged`. If
// that is strict, the first one is an error.
PackResult write_pack(const DataSet& data, const std::filesystem::path& path, const PackOptions& options);

}  // namespace mvmoe
