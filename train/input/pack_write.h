// train/input/pack_write.h: makes a pack (train/data/pack.h) of any data set whose images are read or drawn when asked.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>

#include "train/data/pack.h"

namespace mvmoe {

struct PackOptions {
  int size = 256;  // pixels that a larger image's short side becomes; a smaller image stays as it is
  PackFormat format = PackFormat::jpeg;
  int quality = 90;  // of JPEG, 1 .. 100
  int threads = 1;   // do not change the file
  // Asked now and then with the number of images done; false stops, and leaves no file.
  std::function<bool(int images)> keep_on = {};
};

struct PackResult {
  int images = 0, skipped = 0;
  std::uint64_t bytes = 0;  // of the file
  bool complete = true;     // false: told to stop
};

// Packs training and test images of a set whose images are read or drawn when asked. Those that cannot be read are left
// out and noted in the set's `damaged`; where that is strict, the first is an error.
PackResult write_pack(const DataSet& data, const std::filesystem::path& path, const PackOptions& options);

}  // namespace mvmoe
