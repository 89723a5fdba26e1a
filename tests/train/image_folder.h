// tests/train/image_folder.h: pictures by which one sees what became of them, and folders of such.
#pragma once
#include "tests/engine/helpers.h"
#include "train/data/dataset.h"
#include "train/data/encode.h"

namespace mvmoe {

inline Image plain(int width, int height, int value) {
  return {
      .width = width,
      .height = height,
      .rgb = std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height), static_cast<std::uint8_t>(value))};
}

// A PNG of one grey value, by which it is known again.
inline void put(const std::filesystem::path& path, int value, int width = 8, int height = 8) {
  std::filesystem::create_directories(path.parent_path());
  const Image image = plain(width, height, value);
  put_file(path, encode_png(image.rgb.data(), width, height, 3));
}

// Stripes by which one sees what was cut: column x is x, row y is y in green.
inline Image striped(int width, int height) {
  Image image = plain(width, height, 0);
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      image.rgb[static_cast<std::size_t>(3 * (y * width + x))] = static_cast<std::uint8_t>(x);
      image.rgb[static_cast<std::size_t>(3 * (y * width + x) + 1)] = static_cast<std::uint8_t>(y);
    }
  return image;
}

inline int value_of(const Image& image) { return image.rgb.at(0); }

inline DataSet load(const TemporaryFolder& folder, bool strict = false) {
  return load_dataset("folder:" + folder.string(), strict);
}

// 8 images in two classes, of which 1, 2 and 6 (as counted) are damaged.
struct DamagedFolder {
  DamagedFolder() {
    for (int i = 0; i < 8; ++i) put(folder / (i < 5 ? text("val/a/", i, ".png") : text("val/b/", i, ".png")), i);
    std::filesystem::resize_file(folder / "val/a/1.png", 30);
    put_file(folder / "val/a/2.png", "text");
    std::filesystem::remove(folder / "val/b/6.png");
    std::filesystem::create_symlink("gone", folder / "val/b/6.png");
  }
  TemporaryFolder folder;
};

}  // namespace mvmoe
