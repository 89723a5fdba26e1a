// tools/mvmoe/evaluate.cpp: `mvmoe evaluate`.
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"
#include "tools/mvmoe/ranks.h"
#include "tools/mvmoe/weights_options.h"
#include "train/evaluate/class_accuracy.h"
#include "train/log/progress_bar.h"
#include "train/superclass/class_names.h"

namespace mvmoe {

namespace {

void print(const Evaluation& e, double images_per_s) {
  std::printf("top-1 %.2f %%, top-5 %.2f %%, loss %.4f on %d images (%.0f images/s)\n", e.top1, e.top5, e.loss,
              e.images, images_per_s);
  if (e.router_accuracy)
    std::printf("the router sends %.1f %% of the images to their super-class's expert\n", *e.router_accuracy);
  if (e.expert_load.empty()) return;
  std::printf("load of the experts, in percent:");
  for (const double load : e.expert_load) std::printf(" %.1f", load);
  std::printf("\n");
}

void print(const std::vector<ClassAccuracy>& by_class, const std::vector<std::string>& names) {
  std::printf("%8s  %7s  class\n", "top-1", "images");
  for (const ClassAccuracy& one : by_class)
    std::printf("%6.2f %%  %7d  %s\n", one.top1, one.images,
                printable(names[static_cast<std::size_t>(one.label)]).c_str());
}

nlohmann::ordered_json to_json(const std::vector<ClassAccuracy>& by_class, const std::vector<std::string>& names) {
  auto json = nlohmann::ordered_json::array();
  for (const ClassAccuracy& one : by_class)
    json.push_back(
        {{"class", names[static_cast<std::size_t>(one.label)]}, {"accuracy", one.top1}, {"count", one.images}});
  return json;
}

// A folder may hold some of the model's classes only, and its labels count its own: from here on they count the
// model's. A class without test images need not be one.
void label_by_name(DataSet& data, const std::vector<std::string>& classes, const std::string& weights) {
  const std::map<std::string, int> label_of = index_of_names(classes, printable(weights));
  for (int& label : data.test.labels) {
    const std::string& name = data.classes[static_cast<std::size_t>(label)];
    const auto found = label_of.find(as_utf8(name));
    if (found == label_of.end())
      fail_usage("--data: ", printable(data.spec), ": ", in_quotes(name), " is no class that the weights in ",
                 printable(weights), " were trained for");
    label = found->second;
  }
}

}  // namespace

int evaluate_command(const Words& words, Comm& comm) {
  std::string data_spec;
  WeightsOptions given;
  ThreadOptions threads;
  RankOptions ranks;
  bool json = false, strict = false, per_class = false, quiet = false;
  Flags flags("evaluate --weights FILE --data SPEC [flags]",
              "Accuracy and loss of trained weights on a data set's test images.");
  given.declare(flags);
  flags.add("data", data_spec, data_kinds, "SPEC");
  flags.add("strict", strict, "an image that cannot be read is an error, instead of another one standing in");
  threads.declare_for_inference(flags);
  ranks.declare(flags);
  flags.add("per-class", per_class, "a table of all classes too, the worst first");
  flags.add("quiet", quiet, "no progress on stderr");
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  given.declare_what_may_be_said(flags);
  if (!flags.parse(words)) return 0;
  flags.require("weights");
  flags.require("data");

  settle(comm, ranks, threads, true);
  require_same_file(comm, "--weights", given.weights);
  LoadedModel loaded = given.load();
  const std::string& weights = given.weights;
  DataSet data = load_same_dataset(comm, data_spec, strict, Wanted::test);
  require_test_images(data);
  if (comm.first()) say_notes(data);
  const ModelConfig& config = loaded.model->config();
  if (!loaded.description.named) {
    if (config.classes == static_cast<int>(data.classes.size()))
      loaded.description.classes = data.classes;  // in their order, as timm takes them
    else if (data.test.read)
      fail_usage("--class-names: must be given, a file with a line for each of ", config.classes,
                 " classes: ", printable(weights), " knows them by number alone, and ", printable(data_spec), " has ",
                 data.classes.size());
  }
  if (data.test.read) label_by_name(data, loaded.description.classes, weights);
  else if (config.classes != static_cast<int>(data.classes.size()))
    fail_usage("--data: ", printable(data_spec), " has ", data.classes.size(), " classes, the weights in ",
               printable(weights), " were trained for ", config.classes);
  if (!data.test.read && config.image != data.test.side)
    fail_usage("--data: ", printable(data_spec), " has images of side ", data.test.side, ", the weights in ",
               printable(weights), " were trained for ", config.image);

  if (comm.first() && !data.test.read && (flags.given("crop-pct") || flags.given("interpolation")))
    std::fprintf(stderr,
                 "mvmoe: --crop-pct, --interpolation: images of this data set are of one size, neither resized nor "
                 "cropped: nothing follows from them\n");

  Lanes lanes(loaded.model->parameters(), threads.lanes_for_inference(flags, config), threads.kernels_to_run(), &comm);
  const Evaluation e = [&] {
    ProgressBar bar(ProgressBar::mode_for_stderr(quiet || !comm.first()), 1);
    return evaluate(*loaded.model, data.test, loaded.description.preprocessing, lanes,
                    {.superclass_of = loaded.description.superclass_of, .keep_on = [&](int done) {
                       return bar.show(WorkLine{"test images", done, data.test.size()}), true;
                     }});
  }();
  const std::vector<ClassAccuracy> by_class = accuracy_by_class(e, data.test.labels, config.classes);
  say_damaged(comm, data.test);
  const double images_per_s = e.images / e.seconds;
  if (json)
    print_json({{"top1", e.top1},
                {"top5", e.top5},
                {"loss", e.loss},
                {"images", e.images},
                {"images_per_s", images_per_s},
                {"router_accuracy", e.router_accuracy ? nlohmann::ordered_json(*e.router_accuracy) : nullptr},
                {"expert_load",
                 e.expert_load.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(e.expert_load)},
                {"per_class", to_json(by_class, loaded.description.classes)}});
  else print(e, images_per_s);
  if (per_class && !json) print(by_class, loaded.description.classes);
  return 0;
}

}  // namespace mvmoe
