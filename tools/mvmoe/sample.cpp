// tools/mvmoe/sample.cpp: `mvmoe sample`: some images of a data set as files and as a picture.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"
#include "train/data/encode.h"
#include "train/input/preprocess.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

// The first images of each of the first classes. [classes][images], numbers in the set
std::vector<std::vector<int>> first_of_each_class(const ImageSet& set, int classes, int images) {
  std::vector<std::vector<int>> chosen(static_cast<std::size_t>(classes));
  for (int i = 0; i < set.size(); ++i) {
    const int label = set.labels[static_cast<std::size_t>(i)];
    if (label >= classes) continue;
    std::vector<int>& row = chosen[static_cast<std::size_t>(label)];
    if (static_cast<int>(row.size()) < images) row.push_back(i);
  }
  return chosen;
}

int count(const std::vector<std::vector<int>>& chosen) {
  std::size_t all = 0;
  for (const auto& row : chosen) all += row.size();
  return static_cast<int>(all);
}

// One file an image: DIR/PART/CLASS/0000.png, as folder:DIR reads them.
void write_files(const DataSet& data, const ImageSet& set, const std::vector<std::vector<int>>& chosen,
                 const fs::path& part) {
  for (std::size_t c = 0; c < chosen.size(); ++c) {
    const fs::path folder = part / data.classes[c];
    fs::create_directories(folder);
    for (std::size_t i = 0; i < chosen[c].size(); ++i) {
      const Image image = image_of(set, chosen[c][i]);
      char name[32];
      std::snprintf(name, sizeof name, "%04zu.png", i);
      write_file(folder / name, encode_png(image.rgb.data(), image.width, image.height, 3));
    }
  }
}

// A row a class, on grey.
void write_sheet(const ImageSet& set, const std::vector<std::vector<int>>& chosen, int columns, const fs::path& file) {
  const int side = set.side > 0 ? set.side : 128, step = side + 2;  // pixels
  const int width = 2 + columns * step, height = 2 + static_cast<int>(chosen.size()) * step;
  std::vector<std::uint8_t> sheet(static_cast<std::size_t>(3 * width) * static_cast<std::size_t>(height),
                                  128);  // [height, width, 3]
  for (std::size_t r = 0; r < chosen.size(); ++r)
    for (std::size_t c = 0; c < chosen[r].size(); ++c) {
      Image image = image_of(set, chosen[r][c]);
      if (image.width != side || image.height != side) image = centre_crop(image, side, 1, Interpolation::bicubic);
      for (int y = 0; y < side; ++y) {
        const int row = 2 + static_cast<int>(r) * step + y, left = 2 + static_cast<int>(c) * step;
        std::copy_n(image.rgb.data() + 3 * side * y, 3 * side,
                    sheet.data() + 3 * (static_cast<std::ptrdiff_t>(row) * width + left));
      }
    }
  write_file(file, encode_png(sheet.data(), width, height, 3));
}

}  // namespace

int sample_command(const Words& words) {
  std::string spec, out, sheet, from = "test";
  int images = 5, classes = 0;
  bool json = false;
  Flags flags("sample --data SPEC [--out DIR] [--sheet FILE] [flags]",
              "Writes some images of a data set: as files that predict and folder:DIR read, or as one picture with a "
              "row a class.");
  flags.add("data", spec, data_kinds, "SPEC");
  flags.add("out", out, "a folder: each image becomes DIR/val/CLASS/NUMBER.png (DIR/train/.. with --set train)", "DIR");
  flags.add("sheet", sheet, "one picture of them all, a file that ends in .png", "FILE");
  flags.add_choice("set", from, "which images", {"test", "train"});
  flags.add("images", images, "of a class, at most: the first ones", 1, 10'000);
  flags.add("classes", classes, "the first so many classes (0: all)", 0, 1'000'000);
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;
  flags.require("data");
  if (out.empty() && sheet.empty())
    fail_usage("--out: is missing: a folder for the images, or --sheet for a picture of them");
  if (!sheet.empty() && !sheet.ends_with(".png"))
    fail_usage("--sheet: ", printable(sheet), ": the picture is a PNG: name a file that ends in .png");
  const fs::path part = fs::path(out) / (from == "test" ? "val" : "train");
  std::error_code ignored;
  if (!out.empty() && fs::exists(part, ignored))
    fail_usage("--out: ", printable(part.string()), " is there already: choose another folder");

  const DataSet data = load_dataset(spec, false, from == "test" ? Wanted::test : Wanted::train);
  say_notes(data);
  if (from == "test") require_test_images(data);
  else require_training_images(data);
  const ImageSet& set = from == "test" ? data.test : data.train;
  const int known = static_cast<int>(data.classes.size());
  const auto chosen = first_of_each_class(set, classes == 0 ? known : std::min(classes, known), images);
  constexpr int most_in_a_picture = 40'000;
  if (!sheet.empty() && count(chosen) > most_in_a_picture)
    fail_usage("--sheet: ", count(chosen), " images are more than ", most_in_a_picture,
               ", a picture's most: fewer --images or --classes");
  if (!out.empty()) write_files(data, set, chosen, part);
  if (!sheet.empty()) write_sheet(set, chosen, images, sheet);
  if (json) {
    print_json({{"images", count(chosen)}, {"classes", chosen.size()}});
    return 0;
  }
  std::printf("%d %s images of %zu classes", count(chosen), from == "test" ? "test" : "training", chosen.size());
  if (!out.empty()) std::printf(" in %s", printable(part.string()).c_str());
  if (!sheet.empty()) std::printf("%s %s", out.empty() ? " in" : ", and in", printable(sheet).c_str());
  std::printf("\n");
  return 0;
}

}  // namespace mvmoe
