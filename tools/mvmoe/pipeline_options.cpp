#include "tools/mvmoe/pipeline_options.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "tools/report/training.h"
#include "train/run_folder.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The step of the newest checkpoint, with what stands in its state.json.
struct Saved {
  fs::path path;
  Json state;
};

Saved newest_checkpoint(const fs::path& run) {
  std::uint64_t newest = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(run / "checkpoints", error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("step-")) continue;
    newest = std::max<std::uint64_t>(newest, std::strtoull(name.c_str() + 5, nullptr, 10));
  }
  if (newest == 0)
    fail_usage("--dense: ", printable(run.string()),
               " has no checkpoint, which says what data it was trained on: name the folder of a finished training");
  const fs::path path = run / "checkpoints" / ("step-" + std::to_string(newest));
  return {path, read_json(path / "state.json", 1 << 20, "--dense: ")};
}

// The last epoch is done, or the run was stopped early, and what it wrote at its end is there.
void require_finished(const fs::path& run, const Json& config, const Saved& saved) {
  const std::string shown = printable(run.string());
  const auto go_on = text(": finish it first (mvmoe train --out ", shown, " --resume)");
  const report::Training training = report::read_training(run, "dense");
  const auto flag = [&](const char* name) { return config.value(name, std::string("0")); };
  const bool pending = saved.state.value("evaluation_pending", true);
  const double steps = saved.state.value("step", 0.0);
  const bool last_row = !training.epochs.empty() && training.epochs.back().contains("steps") &&
                        training.epochs.back().at("steps") == steps;
  const double epoch = training.epochs.empty() ? 0 : training.epochs.back().at("epoch");
  const bool early = std::atoi(flag("early-stop").c_str()) > 0 &&
                     saved.state.value("evaluations_since_best", 0) >= std::atoi(flag("early-stop").c_str());
  if (pending || !last_row || (epoch != std::atof(flag("epochs").c_str()) && !early))
    fail_usage("--dense: ", shown, " has done ", epoch, " of its ", printable(flag("epochs")), " epochs", go_on);
  // Written last of all, so a run that was killed before has other weights there, or none.
  const fs::path weights = run / "last.safetensors";
  std::error_code ignored;
  if (!fs::exists(weights, ignored) || read_file(weights) != read_file(saved.path / "weights.safetensors"))
    fail_usage("--dense: ", printable(weights.string()), " is not of the last checkpoint", go_on);
}

// By contents: a file that was pre-trained anew has the same name and other weights, and a file that moved is the same.
void require_same_start(const PipelineOptions& o, const Json& state) {
  if (o.train.init_from.empty()) return;
  const std::uint32_t crc32 = state.value("start_crc32", std::uint32_t{0});
  if (crc32 == 0)
    fail_usage("--dense: ", printable(o.dense),
               " does not say which weights its --init-from held, as an older version "
               "trained it: name another run, or leave the flag out");
  if (crc32 != crc32_of(read_file(o.train.init_from)))
    fail_usage("--dense: ", printable(o.dense), " began from other weights than --init-from ",
               printable(o.train.init_from), " holds: name another run, or leave the flag out");
}

}  // namespace

const std::vector<std::string> method_flags{"init-from",    "upcycle",  "kind", "method",
                                            "superclasses", "max-size", "dense"};

void declare(Flags& flags, PipelineOptions& o) {
  flags.heading("Data and folder");
  flags.add("data", o.train.data, data_kinds, "SPEC");
  flags.add("out", o.train.out, "the folder of all stages; the same command goes on where it was stopped", "DIR");
  o.train.model.moe.experts = 10;
  o.train.holdout = 0.1f;
  declare_recipe(flags, o.train);
  flags.heading("Super-classes");
  flags.add_choice("kind", o.kind, "confusion matrix: probabilities summed, or predictions counted", {"soft", "hard"});
  flags.add_choice("method", o.method,
                   "super-classes: cluster the confusion graph, draw by seed, or read --superclasses",
                   {"spectral", "random", "file"});
  flags.add("superclasses", o.file, "for --method file: a super-class file", "FILE");
  flags.add("max-size", o.max_size, "classes in a super-class, at most (0: no bound)");
  flags.heading("Where the networks start");
  flags.add("init-from", o.train.init_from,
            "both networks start from the weights in this safetensors file, a dense network's that was pre-trained on "
            "other data: the sparse one has copies of its MLPs as experts, gates sum to 1",
            "FILE");
  flags.add("upcycle", o.train.upcycle,
            "the sparse network begins as the trained dense one, which is trained on as well, as a control (without "
            "--init-from)");
  flags.add("dense", o.dense,
            "a finished training by the same recipe on the same data, say another pipeline's dense/: it is the dense "
            "network, and none is trained",
            "DIR");
  declare_manner(flags, o.train);
}

std::vector<std::string> recipe_of(bool sparse) {
  std::vector<std::string> names = without({"init-from", "upcycle", "superclasses"}, recipe_flags);
  return sparse ? names : without({"experts"}, without(moe_flags, without(routing_loss_flags, names)));
}

std::vector<std::string> without(const std::vector<std::string>& some, std::vector<std::string> names) {
  std::erase_if(names,
                [&](const std::string& name) { return std::find(some.begin(), some.end(), name) != some.end(); });
  return names;
}

Words words_of(const Flags& flags, const std::vector<std::string>& names) {
  Words words;
  const Json values = flags.values(names);
  for (const auto& [name, value] : values.items()) words.push_back("--" + name + "=" + value.get<std::string>());
  return words;
}

void require_method(const TrainOptions& o) {
  if (o.model.moe.experts == 0) fail_usage("--experts: is 0, the method needs at least 1");
  if (!(o.holdout > 0)) fail_usage("--holdout: is 0: the confusion matrix needs a held-out part, 0.1 is usual");
}

void require_one_start(const TrainOptions& o) {
  if (o.upcycle && !o.init_from.empty())
    fail_usage(
        "--upcycle: contradicts --init-from: the sparse network begins either as the trained dense one or, as "
        "the dense one does, from that file: give one of them");
}

void require_dense(const Flags& flags, const PipelineOptions& o, std::uint32_t data_crc32) {
  const fs::path run = o.dense;
  const std::string shown = printable(o.dense);
  std::error_code ignored;
  if (!fs::exists(run / "config.json", ignored))
    fail_usage("--dense: ", shown,
               " holds no training: name the folder of a finished one, say another pipeline's dense/");
  if (const auto holder = holder_of(run))
    fail_usage("--dense: ", shown, " is in use by ", printable(*holder), ": wait for it");
  const Json config = read_configuration(run / "config.json", "--dense");
  const auto stored = [&](const std::string& name) { return config.value(name, std::string()); };
  const auto differs = [&](const std::string& name, const std::string& wanted) {
    fail_usage("--dense: ", shown, " was trained with --", name, " ",
               stored(name).empty() ? "none" : printable(stored(name)), ", the dense network of this pipeline has ",
               wanted.empty() ? "none" : printable(wanted), ": name another run, or leave the flag out");
  };
  // First of all: what the file says of mean, std and heads would differ, too. Its contents are compared below, as the
  // data's are.
  if (stored("init-from").empty() != o.train.init_from.empty()) differs("init-from", o.train.init_from);
  const Json recipe = flags.values(without(flags_of_the_other(o.train.optimizer), recipe_of(false)));
  for (const auto& [name, value] : recipe.items()) {
    const std::string wanted = value.get<std::string>();
    // The same data may stand elsewhere: its contents are compared below.
    if (name == "data" ? kind_of(stored(name)) != kind_of(wanted) : stored(name) != wanted) differs(name, wanted);
  }
  if (stored("experts") != "0") differs("experts", "0");
  const Saved saved = newest_checkpoint(run);
  require_same_start(o, saved.state);
  if (saved.state.value("data_crc32", std::uint32_t{0}) != data_crc32)
    fail_usage("--dense: ", shown, " was trained on other images or labels than --data ", printable(o.train.data),
               " holds");
  require_finished(run, config, saved);
}

void copy_dense(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const char* name : {"config.json", "log.csv", "best.safetensors", "ema.safetensors", "last.safetensors"})
    if (fs::exists(from / name)) write_file(to / name, read_file(from / name));
}

}  // namespace mvmoe
