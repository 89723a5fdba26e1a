// tools/mvmoe/augment_preview.cpp: `mvmoe augment-preview`: a batch as the network is trained on it, as a picture.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/augment_options.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/recipes.h"
#include "train/data/encode.h"

namespace mvmoe {
namespace {

constexpr int gap = 2;  // pixels between two images

// images [B, 3, S, S], normalised; side by side, `columns` to a row, on grey. Noise beyond black and white is cut off
// there.
std::vector<std::uint8_t> contact_sheet(Tensor images, const Preprocessing& p, int columns, int width, int height) {
  const int S = images.shape()[2];
  std::vector<std::uint8_t> sheet(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3, 128);
  for (int b = 0; b < images.shape()[0]; ++b) {
    const Tensor planes = images.outer_slice(b, 1);
    const int left = gap + b % columns * (S + gap), top = gap + b / columns * (S + gap);
    for (int c = 0; c < 3; ++c)
      for (int y = 0; y < S; ++y)
        for (int x = 0; x < S; ++x) {
          const float level =
              planes[static_cast<std::size_t>((c * S + y) * S + x)] * p.std[static_cast<std::size_t>(c)] +
              p.mean[static_cast<std::size_t>(c)];
          sheet[(static_cast<std::size_t>(top + y) * static_cast<std::size_t>(width) +
                 static_cast<std::size_t>(left + x)) *
                    3 +
                static_cast<std::size_t>(c)] =
              static_cast<std::uint8_t>(std::lround(255 * std::clamp(level, 0.0f, 1.0f)));
        }
  }
  return sheet;
}

}  // namespace

int augment_preview_command(const Words& words) {
  std::string spec, out, recipe = "none";
  int count = 0, image_size = 0, lane_size = LaneConfig{}.lane_size, epoch = 0;
  std::uint64_t seed = 0;
  bool json = false;
  AugmentOptions augment;
  Flags flags("augment-preview --data SPEC --out FILE [flags]",
              "Writes a contact sheet, a PNG: the first batch of an epoch as the network is trained on it, augmented "
              "and mixed.");
  flags.add("data", spec, data_kinds + "; the training images, or the test images where there are no others", "SPEC");
  flags.add("out", out, "the picture, a file that ends in .png", "FILE");
  flags.add("images", count, "images (0: 64, or as many as there are)", 0, 1024);
  flags.add("image-size", image_size, "side of what the network reads, in pixels (0: the data set's, or 224)", 0, 4096);
  flags.add_choice("recipe", recipe, "the augmentations of a recipe of training, a flag beside it wins", recipe_names);
  augment.declare(flags);
  flags.add("lane-size", lane_size, "images a lane: a batch is mixed within its lanes", 1, 1'000'000);
  flags.add("seed", seed, "of everything random");
  flags.add("epoch", epoch, "whose first batch is drawn, from 0 on", 0, 1'000'000);
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;
  for (const char* name : {"data", "out"}) flags.require(name);
  apply_augmentation_of_recipe(flags, recipe);
  if (!out.ends_with(".png"))
    fail_usage("--out: ", printable(out), ": the picture is a PNG: name a file that ends in .png");
  const std::filesystem::path folder = std::filesystem::path(out).parent_path();
  std::error_code ignored;
  if (!folder.empty() && !std::filesystem::is_directory(folder, ignored))
    fail(printable(out), ": its folder is not there");
  const DataSet data = load_dataset(spec);
  say_notes(data);
  const ImageSet& set = images_to_load(data, image_size);
  if (count == 0) count = std::min(64, set.size());
  if (count > set.size()) fail_usage("--images: ", count, ", but the set has only ", set.size());
  LoaderConfig config{.batch_size = count,
                      .classes = static_cast<int>(data.classes.size()),
                      .side = image_size ? image_size : 224,
                      .preprocessing = {.mean = data.mean, .std = data.std, .crop_pct = 0.875f},
                      .lane_size = lane_size,
                      .seed = seed};
  augment.resolve(data, config);
  Loader loader(set, config, static_cast<std::uint64_t>(epoch) * static_cast<std::uint64_t>(set.size() / count));
  const Batch& batch = loader.next();
  say_damaged(set);
  const int S = batch.images.shape()[2], columns = static_cast<int>(std::ceil(std::sqrt(batch.size()))),
            rows = (batch.size() + columns - 1) / columns;
  const int width = gap + columns * (S + gap), height = gap + rows * (S + gap);
  const std::vector<std::uint8_t> png =
      encode_png(contact_sheet(batch.images, config.preprocessing, columns, width, height).data(), width, height, 3);
  write_file(out, png);
  if (json) print_json({{"images", batch.size()}, {"width", width}, {"height", height}, {"lambda", batch.lambda}});
  else
    std::printf(
        "%d images of %d x %d pixels in %s (%d x %d)%s\n", batch.size(), S, S, printable(out).c_str(), width, height,
        batch.lambda < 1 ? text(", mixed: ", batch.lambda, " of each and ", 1 - batch.lambda, " of its partner").c_str()
                         : "");
  return 0;
}

}  // namespace mvmoe
