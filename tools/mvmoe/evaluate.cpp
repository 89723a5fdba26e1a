// tools/mvmoe/evaluate.cpp: `mvmoe evaluate`.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"

namespace mvmoe {

int evaluate_command(const Words& words) {
  std::string weights, data_spec;
  ThreadOptions threads;
  bool json = false;
  Flags flags("evaluate --weights FILE --data SPEC [flags]", "Accuracy and loss of trained weights on a data set's test images.");
  flags.add("weights", weights, "a safetensors file that mvmoe wrote", "FILE");
  flags.add("data", data_spec, "glyphs, cifar10:DIR, cifar100:DIR or mnist:DIR", "SPEC");
  threads.declare_for_inference(flags);
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;
  flags.require("weights");
  flags.require("data");

  const LoadedModel loaded = load_model(weights);
  const DataSet data = load_dataset(data_spec);
  const ModelConfig& config = loaded.model->config();
  if (config.classes != static_cast<int>(data.classes.size()))
    fail_usage("--data: ", printable(data_spec), " has ", data.classes.size(), " classes, the weights in ", printable(weights), " were trained for ", config.classes);
  if (config.image != data.test.side)
    fail_usage("--data: ", printable(data_spec), " has images of side ", data.test.side, ", the weights in ", printable(weights), " were trained for ", config.image);

  Lanes lanes(loaded.model->parameters(), threads.lanes(), threads.kernels_to_run());
  const Evaluation e = evaluate(*loaded.model, data.test, loaded.description.normalisation, lanes);
  const double images_per_s = e.images / e.seconds;
  if (json)
    print_json({{"top1", e.top1}, {"top5", e.top5}, {"loss", e.loss}, {"images", e.images}, {"images_per_s", images_per_s},
                {"router_accuracy", nullptr}, {"expert_load", nullptr}});
  else
    std::printf("top-1 %.2f %%, top-5 %.2f %%, loss %.4f on %d images (%.0f images/s)\n", e.top1, e.top5, e.loss, e.images, images_per_s);
  return 0;
}

}  // namespace mvmoe
