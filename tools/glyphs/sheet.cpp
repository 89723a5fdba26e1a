// Contact sheets: a row per font, a column per class, to be looked at.
#include <algorithm>
#include <cstdio>
#include <stdexcept>

#include "glyphs.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace glyphs {
namespace {

constexpr std::size_t kRows = 36;  // fonts on a page
constexpr int kCell = kSide + 1;   // a grey line between cells
constexpr std::uint8_t kLine = 60;
constexpr std::uint8_t kDropped = 2;  // dropped images are shown dimmed

void write_page(const std::string& path, const std::vector<const Font*>& fonts) {
  const int width = kCell * kClasses;
  const int height = kCell * static_cast<int>(fonts.size());
  std::vector<std::uint8_t> page(static_cast<std::size_t>(width) * height, kLine);
  for (std::size_t row = 0; row < fonts.size(); ++row) {
    for (int c = 0; c < kClasses; ++c) {
      const int dim = fonts[row]->kept[c] ? 1 : kDropped;
      for (int i = 0; i < kPixels; ++i) {
        const std::size_t y = row * kCell + i / kSide;
        const std::size_t x = static_cast<std::size_t>(c * kCell + i % kSide);
        page[y * width + x] = static_cast<std::uint8_t>(fonts[row]->images[c][i] * 17 / dim);
      }
    }
  }
  if (!stbi_write_png(path.c_str(), width, height, 1, page.data(), width))
    throw std::runtime_error(path + ": cannot be written");
}

}  // namespace

void write_sheets(const std::string& prefix, const std::vector<Font>& fonts) {
  for (bool test : {false, true}) {
    std::vector<const Font*> side;
    for (const Font& font : fonts)
      if (font.test == test) side.push_back(&font);
    for (std::size_t first = 0; first < side.size(); first += kRows) {
      const std::size_t last = std::min(first + kRows, side.size());
      const std::string path = prefix + (test ? "test" : "train") + "-" + std::to_string(first / kRows + 1) + ".png";
      const std::vector<const Font*> page(side.begin() + first, side.begin() + last);
      write_page(path, page);
      std::printf("sheet %s:\n", path.c_str());
      for (std::size_t i = 0; i < page.size(); ++i) std::printf("  row %2zu  %s\n", i + 1, page[i]->name().c_str());
    }
  }
}

}  // namespace glyphs
