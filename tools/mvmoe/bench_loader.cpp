// tools/mvmoe/bench_loader.cpp: `mvmoe bench loader`: images that are read, decoded and augmented in a second, and
// nothing else.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "engine/cores.h"
#include "engine/error.h"
#include "engine/files.h"
#include "engine/lanes.h"
#include "tools/mvmoe/augment_options.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/machine.h"
#include "tools/mvmoe/options.h"
#include "tools/mvmoe/recipes.h"
#include "train/input/loader.h"

namespace mvmoe {
namespace {

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  long size = 0, resident = 0;
  statm >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

}  // namespace

int bench_loader_command(const Words& words) {
  std::string spec, recipe = "none";
  int batch_size = 32, workers = 0, passes = 0, image_size = 0;
  bool strict = false, json = false;
  AugmentOptions augment;
  Flags flags("bench loader --data SPEC [flags]",
              "Times the loader alone, as training uses it, on the training images (the test images where there are no "
              "others). The first pass warms up and does not count.");
  flags.add("data", spec, data_kinds, "SPEC");
  flags.add("batch-size", batch_size, "images a batch; an incomplete last one is dropped", 1, 1'000'000);
  flags.add("workers", workers, "threads that prepare batches (0: the cores this process may use)", 0, 256);
  flags.add("passes", passes, "over the images, the first one included (0: 5, or as many as say something)", 0,
            1'000'000);
  flags.add("image-size", image_size, "side of what the network reads, in pixels (0: the data set's, or 224)", 0, 4096);
  flags.add_choice("recipe", recipe, "the augmentations of a recipe of training, a flag beside it wins", recipe_names);
  augment.declare(flags);
  flags.add("strict", strict, "an image that cannot be read is an error, instead of another one standing in");
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;
  apply_augmentation_of_recipe(flags, recipe);
  flags.require("data");
  const DataSet data = load_dataset(spec, strict);
  say_notes(data);
  const ImageSet& set = images_to_load(data, image_size);
  workers = workers ? workers : available_cores();
  LoaderConfig config{.batch_size = batch_size,
                      .classes = static_cast<int>(data.classes.size()),
                      .side = image_size ? image_size : 224,
                      .preprocessing = {.mean = data.mean, .std = data.std, .crop_pct = 0.875f},
                      .lane_size = LaneConfig{}.lane_size,
                      .workers = workers};
  augment.resolve(data, config);
  Loader loader(set, config);

  // Batches are made ahead: where fewer than those are timed, they were ready before.
  const int enough = 1 + (2 * (workers + 2) + loader.batches_per_epoch() - 1) / loader.batches_per_epoch();
  if (passes == 0) passes = std::max(5, enough);
  if (passes < enough)
    fail_usage("--passes: ", passes, " end before what ", workers, " workers make ahead is used up: at least ", enough,
               " say something");
  std::vector<double> seconds;
  double warm_mb = 0;
  for (int pass = 0; pass < passes; ++pass) {
    const auto start = std::chrono::steady_clock::now();
    for (int batch = 0; batch < loader.batches_per_epoch(); ++batch) loader.next();
    if (pass == 0) warm_mb = resident_mb();
    else seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  say_damaged(set);
  std::sort(seconds.begin(), seconds.end());
  // A mean: batches are made ahead, so of a small set a single pass may find its batches ready.
  const double mean = std::accumulate(seconds.begin(), seconds.end(), 0.0) / static_cast<double>(seconds.size());
  const double images = static_cast<double>(loader.batches_per_epoch()) * batch_size;
  if (json) {
    print_json({{"step_ms", 1000 * mean / loader.batches_per_epoch()},
                {"images_per_s", images / mean},
                {"images_per_s_min", images / seconds.back()},
                {"images_per_s_max", images / seconds.front()},
                {"peak_share", nullptr},
                {"peak_rss_mb", peak_rss_mb()},
                {"warm_rss_mb", warm_mb},
                {"last_rss_mb", resident_mb()},
                {"macs", nullptr},
                {"executed_macs", nullptr},
                {"workers", workers}});
    return 0;
  }
  std::printf(
      "%.1f images/s (mean of %zu passes over %.0f images; %.1f to %.1f), %d workers, %.0f MiB at most (%.0f after the "
      "first pass, %.0f after the last)\n",
      images / mean, seconds.size(), images, images / seconds.back(), images / seconds.front(), workers, peak_rss_mb(),
      warm_mb, resident_mb());
  return 0;
}

}  // namespace mvmoe
