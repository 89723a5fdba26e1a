#include "tools/mvmoe/weights_options.h"

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {
namespace {

constexpr const char* as_in_file = "as the file says";

// A line a class.
std::vector<std::string> read_class_names(const std::string& path) {
  const std::vector<std::uint8_t> bytes = read_file(path, std::size_t{64} << 20);
  std::vector<std::string> names;
  std::string line;
  for (const char byte : without_mark({reinterpret_cast<const char*>(bytes.data()), bytes.size()})) {
    if (byte != '\n') {
      line += byte;
      continue;
    }
    if (line.ends_with('\r')) line.pop_back();
    names.push_back(line);
    line.clear();
  }
  if (!line.empty()) names.push_back(line);
  if (names.empty()) fail(printable(path), ": holds no names, must hold a line a class");
  return names;
}

}  // namespace

void WeightsOptions::declare(Flags& flags) {
  flags.add("weights", weights, "a safetensors file that mvmoe or timm wrote, or the index JSON of several", "FILE");
}

void WeightsOptions::declare_what_may_be_said(Flags& flags) {
  flags.heading("Weights from elsewhere (a config.json of timm's beside the file says it too)");
  flags.add("heads", heads, "attention heads (0: as the file says)", 0, 16384);
  flags.add_choice("pool", pool, "what the head reads", {"cls", "mean"});
  flags.add("mean", mean, "subtracted from each colour, 0 to 1; three times for red, green, blue", as_in_file, 0, 1);
  flags.add("std", std, "divides each colour then; three times for red, green, blue", as_in_file, 1e-6f, 1);
  flags.add("crop-pct", crop_pct, "the share of the short side that is kept", as_in_file, 0.01f, 1);
  flags.add_choice("interpolation", interpolation, "how images are resized", {"bilinear", "bicubic"});
  flags.add("image-size", image_size, "side of the images in pixels, positions resampled for it (0: as the file says)",
            0, 4096);
  flags.add("class-names", class_names, "a text file, a line a class", "FILE");
}

LoadedModel WeightsOptions::load(ReadExperts experts) const {
  SaidOfWeights said{.heads = {},
                     .image = {},
                     .pool = {},
                     .mean = mean,
                     .std = std,
                     .crop_pct = crop_pct,
                     .interpolation = {},
                     .classes = {}};
  if (heads > 0) said.heads = heads;
  if (image_size > 0) said.image = image_size;
  if (!pool.empty()) said.pool = pool_named(pool);
  if (!interpolation.empty()) said.interpolation = interpolation_named(interpolation);
  if (!class_names.empty()) said.classes = read_class_names(class_names);
  return load_model(weights, said, experts);
}

}  // namespace mvmoe
