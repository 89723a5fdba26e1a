// Makes train/data/glyphs.gz from the fonts of fonts.csv: see README.md.
#include <cstdio>
#include <exception>
#include <set>
#include <stdexcept>

#include "glyphs.h"

namespace {

constexpr std::size_t kLargestFile = 4'000'000;

int run(const std::string& table, const std::string& out, const std::string& sheets) {
  using namespace glyphs;
  std::vector<Font> fonts;
  for (Font& font : read_table(table)) {
    const std::string reason = render(font);
    if (reason.empty()) fonts.push_back(std::move(font));
    else std::printf("left out: %s: %s\n", font.file.c_str(), reason.c_str());
  }
  if (fonts.empty()) throw std::runtime_error(table + ": no usable font");

  join_clones(fonts);
  split_by_group(fonts);
  drop_duplicates(fonts);
  balance(fonts);
  const Side train = collect(fonts, false);
  const Side test = collect(fonts, true);
  const std::size_t bytes = write_data(out, train, test);

  std::set<std::string> groups, families;
  for (const Font& font : fonts) {
    groups.insert(font.group);
    families.insert(font.family);
  }
  std::printf("%zu fonts, %zu families, %zu groups\n", fonts.size(), families.size(), groups.size());
  std::printf(
      "train: %zu images, %zu families; test: %zu images, %zu "
      "families\n",
      train.images.size(), train.families.size(), test.images.size(), test.families.size());
  std::printf("%s: %zu bytes, %.1f per image\n", out.c_str(), bytes,
              1.0 * bytes / (train.images.size() + test.images.size()));
  if (!sheets.empty()) write_sheets(sheets, fonts);
  report_nearest(fonts);
  check_nearest_neighbour(train, test);
  if (bytes > kLargestFile) throw std::runtime_error(out + ": larger than 4 MB, shorten " + table);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) {
    std::fprintf(stderr, "usage: make_glyphs FONTS.CSV OUT.GZ [SHEET_PREFIX]\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2], argc == 4 ? argv[3] : "");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make_glyphs: %s\n", error.what());
    return 1;
  }
}
