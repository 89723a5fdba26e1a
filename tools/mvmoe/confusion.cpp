// tools/mvmoe/confusion.cpp: `mvmoe confusion`.
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"
#include "tools/mvmoe/ranks.h"
#include "train/log/progress_bar.h"
#include "train/step/stop.h"
#include "train/superclass/class_names.h"
#include "train/superclass/confusion_csv.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

// The part of the training images that these weights have not seen, as their metadata records it.
ImageSet held_out_part(const std::string& weights, const ModelDescription& description, const DataSet& data) {
  if (!(description.holdout > 0))
    fail_usage("--weights: ", printable(weights),
               " records no held-out part: train with --holdout 0.1 (the test set is never used for this)");
  require_training_images(data);
  if (const std::string wrong = difference(data.classes, description.classes); !wrong.empty())
    fail_usage("--data: ", printable(data.spec), " does not have the classes that ", printable(weights),
               " was trained for: ", wrong);
  if (!data.train.read && description.model.image != data.train.side)
    fail_usage("--data: ", printable(data.spec), " has images of side ", data.train.side, ", the weights in ",
               printable(weights), " were trained for ", description.model.image);
  const int C = static_cast<int>(data.classes.size());
  const ImageSet part =
      part_of(data.train, choose_holdout(data.train.labels, C, description.holdout, description.holdout_seed), true);
  if (part.size() == 0)
    fail_usage("--data: of ", printable(data.spec), " the recorded share of ", description.holdout,
               " is no image: train with a larger --holdout");
  return part;
}

void print_most_confused(const Confusion& confusion) {
  struct Pair {
    double share;  // of the true class's row
    int truth, taken_for;
  };
  std::vector<Pair> pairs;
  for (int t = 0; t < confusion.matrix.rows; ++t) {
    double sum = 0;
    for (const double x : confusion.matrix[t]) sum += x;
    for (int p = 0; p < confusion.matrix.columns; ++p)
      if (p != t && confusion.matrix.at(t, p) > 0) pairs.push_back({confusion.matrix.at(t, p) / sum, t, p});
  }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.share > b.share; });
  for (std::size_t i = 0; i < std::min<std::size_t>(5, pairs.size()); ++i)
    std::printf("  %5.1f %% of %s taken for %s\n", 100 * pairs[i].share,
                printable(confusion.classes[pairs[i].truth]).c_str(),
                printable(confusion.classes[pairs[i].taken_for]).c_str());
}

}  // namespace

int confusion_command(const Words& words, Comm& comm) {
  std::string weights, data_spec, out, kind = "soft";
  ThreadOptions threads;
  RankOptions ranks;
  bool json = false, strict = false, quiet = false;
  Flags flags(
      "confusion --weights FILE --data SPEC --out FILE.csv [flags]",
      "Which classes trained weights take for which, on the part of the training images that was held out from them.");
  flags.add("weights", weights, "a safetensors file that mvmoe train --holdout wrote", "FILE");
  flags.add("data", data_spec, "the data it was trained on: " + data_kinds, "SPEC");
  flags.add("out", out, "the matrix as CSV, rows the true classes; a file that is there is replaced", "FILE");
  flags.add_choice("kind", kind, "probabilities summed, or predictions counted", {"soft", "hard"});
  flags.add("strict", strict, "an image that cannot be read is an error, instead of another one standing in");
  threads.declare_for_inference(flags);
  ranks.declare(flags);
  flags.add("quiet", quiet, "no progress on stderr");
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;
  for (const char* name : {"weights", "data", "out"}) flags.require(name);
  const fs::path folder = fs::path(out).parent_path();
  comm.on_first([&] {  // who writes it
    std::error_code ignored;
    if (!folder.empty() && !fs::is_directory(folder, ignored))
      fail(printable(out), ": its folder is not there");  // before the work, not after
    if (fs::equivalent(weights, out, ignored)) fail_usage("--out: ", printable(out), " is the weights file");
  });

  settle(comm, ranks, threads, true);
  require_same_file(comm, "--weights", weights);
  const LoadedModel loaded = load_model(weights);
  const ImageSet images =
      held_out_part(weights, loaded.description, load_same_dataset(comm, data_spec, strict, Wanted::train));
  Lanes lanes(loaded.model->parameters(), threads.lanes_for_inference(flags, loaded.model->config()),
              threads.kernels_to_run(), &comm);
  const MeasuredConfusion measured = [&] {
    ProgressBar bar(ProgressBar::mode_for_stderr(quiet || !comm.first()), 1);
    return measure_confusion(*loaded.model, images, loaded.description.preprocessing,
                             kind == "soft" ? ConfusionKind::soft : ConfusionKind::hard, lanes, [&](int done) {
                               return bar.show(WorkLine{"held-out images", done, images.size()}), stop_signal() == 0;
                             });
  }();
  if (!measured.complete)
    return exit_code_of(agree_on_stop(comm, stop_signal()));  // the pipeline listens; alone, a signal ends it
  say_damaged(comm, images);
  const Confusion confusion{.classes = loaded.description.classes, .matrix = measured.matrix};
  comm.on_first([&] { write_confusion(out, confusion); });
  if (json) {
    print_json({{"classes", confusion.classes.size()}, {"images", measured.images}, {"accuracy", measured.accuracy}});
  } else {
    std::printf("%zu classes, %d held-out images, top-1 %.2f %%; most often:\n", confusion.classes.size(),
                measured.images, measured.accuracy);
    print_most_confused(confusion);
    std::printf("written to %s\n", printable(out).c_str());
  }
  return 0;
}

}  // namespace mvmoe
