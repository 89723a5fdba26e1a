// tools/mvmoe/train.cpp: `mvmoe train`.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"
#include "train/run_folder.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct TrainOptions {
  ModelOptions model;
  ThreadOptions threads;
  std::string data, out, config, init_from, crop = "auto", flip = "auto";
  int epochs = 20, batch_size = 128, eval_every = 1, keep = 2, log_interval = 50, workers = 1;
  float lr = 1e-3f, lr_base = 0, min_lr = 1e-5f, warmup_epochs = 2, warmup_lr = 1e-6f, weight_decay = 0.05f;
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f, clip = 1, label_smoothing = 0.1f, holdout = 0;
  std::uint64_t seed = 0, save_every = 500;
  bool resume = false, overwrite = false, json = false, quiet = false;
};

// Flags that say what is trained. A resumed run must not contradict the folder's; all others may change.
const std::vector<std::string> recipe_flags{
    "data", "model", "patch", "heads", "mlp-ratio", "pool", "no-qkv-bias", "drop-path", "image-size", "classes", "init-from",
    "epochs", "batch-size", "lr", "lr-base", "min-lr", "warmup-epochs", "warmup-lr", "weight-decay", "beta1", "beta2", "eps", "clip",
    "label-smoothing", "crop", "flip", "holdout", "seed", "eval-every", "lane-size", "gradient-blocks", "kernels"};
// Those of them whose 0 or auto means "choose for me": config.json holds what was chosen.
const std::vector<std::string> resolved_flags{"patch", "heads", "image-size", "classes", "crop", "flip"};
const std::vector<std::string> manner_flags{"save-every", "keep", "log-interval", "workers", "threads"};

void declare(Flags& flags, TrainOptions& o) {
  flags.heading("Data and folder");
  flags.add("data", o.data, "glyphs, cifar10:DIR, cifar100:DIR or mnist:DIR", "SPEC");
  flags.add("holdout", o.holdout, "share of the training set held out, to choose the best weights by", 0, 0.9f);
  flags.add("out", o.out, "the run's folder", "DIR");
  flags.add("resume", o.resume, "go on with the run in --out; start afresh where there is none");
  flags.add("overwrite", o.overwrite, "replace the run in --out");
  flags.add("config", o.config, "take every flag not given from a config.json of an earlier run", "FILE");
  flags.heading("Model");
  o.model.declare(flags);
  flags.add("init-from", o.init_from, "start from the weights of this safetensors file", "FILE");
  flags.heading("Optimizer and schedule");
  flags.add("epochs", o.epochs, "passes over the training set", 1, 1'000'000);
  flags.add("batch-size", o.batch_size, "images a step", 1, 1'000'000);
  flags.add("lr", o.lr, "learning rate after warm-up");
  flags.add("lr-base", o.lr_base, "if above 0: the learning rate is this times batch size / 512, instead of --lr");
  flags.add("min-lr", o.min_lr, "learning rate at the end of the cosine");
  flags.add("warmup-epochs", o.warmup_epochs, "epochs of linear warm-up", 0, 1e6f);
  flags.add("warmup-lr", o.warmup_lr, "learning rate at the start of the warm-up");
  flags.add("weight-decay", o.weight_decay, "AdamW's decoupled decay of linear and convolution weights");
  flags.add("beta1", o.beta1, "AdamW's decay of the gradient's mean", 0, 0.999999f);
  flags.add("beta2", o.beta2, "AdamW's decay of the gradient's square", 0, 0.9999999f);
  flags.add("eps", o.eps, "AdamW's term against division by zero", 1e-30f);
  flags.add("clip", o.clip, "largest norm of the gradient (0: no clipping)");
  flags.heading("Augmentation and targets");
  flags.add("label-smoothing", o.label_smoothing, "share of a target spread over all classes, below 1", 0, 0.9999f);
  flags.add_choice("crop", o.crop, "random crop after padding by 4 pixels (auto: pad4)", {"auto", "pad4", "none"});
  flags.add_choice("flip", o.flip, "mirror half of the images (auto: as fits the data: not glyphs, not digits)", {"auto", "yes", "no"});
  flags.heading("Running");
  flags.add("eval-every", o.eval_every, "epochs between two evaluations (the last epoch is always evaluated)", 1);
  flags.add("save-every", o.save_every, "steps between two checkpoints, beside the one at each epoch's end", 1);
  flags.add("keep", o.keep, "checkpoints kept", 1);
  flags.add("seed", o.seed, "of everything random");
  o.threads.declare(flags);
  flags.add("workers", o.workers, "threads that prepare batches", 1, 256);
  flags.add("log-interval", o.log_interval, "steps between two progress lines where stderr is no terminal", 1);
  flags.add("quiet", o.quiet, "no progress on stderr");
  flags.add("json", o.json, "results as one JSON object in the last line of stdout");
}

nlohmann::json read_json(const fs::path& path, const char* flag) {
  const auto bytes = read_file(path, 1 << 20);
  const auto json = nlohmann::json::parse(bytes.begin(), bytes.end(), nullptr, false);
  if (json.is_discarded()) fail(flag, ": ", printable(path.string()), ": is not JSON");
  return json;
}

// Takes what was not given from --config. What was chosen there for other data than --data's is left out, to be chosen anew.
void take_config(Flags& flags, const std::string& file) {
  nlohmann::json config = read_json(file, "--config");
  if (flags.given("data") && config.is_object() && config.contains("data") && config["data"].is_string()) {
    const std::string now = flags.values({"data"})["data"], before = config["data"];
    if (now != before)
      for (const char* name : {"classes", "image-size"}) config.erase(name);
    if (kind_of(now) != kind_of(before))
      for (const char* name : {"patch", "crop", "flip"}) config.erase(name);
  }
  flags.set_missing(config, "--config: " + printable(file));
}

// Takes what was not given from the folder's config.json, and refuses what was given otherwise. True: files that are only
// read stand elsewhere now (of the data, the kind must be the same here, and later the contents).
bool agree_with_folder(Flags& flags, const fs::path& config_file) {
  bool moved = false;
  const nlohmann::json stored = read_json(config_file, "--resume");
  for (const std::string& name : recipe_flags) {
    if (!flags.given(name) || !stored.contains(name)) continue;
    const nlohmann::json now = flags.values({name});
    const bool chosen = std::find(resolved_flags.begin(), resolved_flags.end(), name) != resolved_flags.end();
    if (chosen && (now[name] == "0" || now[name] == "auto")) continue;  // "choose for me": the file says what was chosen
    if (now[name] == stored[name]) continue;
    if (name == "init-from" || (name == "data" && kind_of(now[name]) == kind_of(stored[name])))
      moved = true;
    else
      fail_usage("--", name, ": ", printable(now[name].get<std::string>()), " contradicts the run in ", printable(config_file.parent_path().string()),
                 ", which has ", printable(stored[name].get<std::string>()), ": leave the flag out, or choose another --out");
  }
  nlohmann::json recipe = nlohmann::json::object();
  for (const std::string& name : recipe_flags)
    if (stored.contains(name)) recipe[name] = stored[name];
  flags.set_missing(recipe, printable(config_file.string()));
  return moved;
}

Json or_null(double value, bool defined = true) { return defined && std::isfinite(value) ? Json(value) : Json(nullptr); }

int exit_code(int signal) { return signal == 0 ? 0 : signal == SIGINT ? 130 : 75; }

void print_result(const RunResult& r, const TrainOptions& o, std::uint64_t steps_per_epoch) {
  const Progress& p = r.progress;
  const bool evaluated = p.last_top1 >= 0;
  if (o.json) {
    print_json({{"top1", or_null(p.last_top1, evaluated)}, {"top5", or_null(p.last_top5, evaluated)},
                {"best_top1", or_null(p.best_top1, evaluated)}, {"ema_top1", nullptr}, {"epochs", p.step / steps_per_epoch},
                {"steps", p.step}, {"images_per_s", or_null(r.images_per_s)}, {"train_loss", or_null(p.last_train_loss, evaluated)},
                {"router_accuracy", nullptr}, {"expert_load", nullptr}, {"resumed_at", r.resumed_at}, {"executed_steps", r.executed_steps}});
    return;
  }
  if (evaluated)
    std::printf("top-1 %.2f %%, top-5 %.2f %% on the test set (best weights: %.2f %%, step %llu)\n", p.last_top1, p.last_top5, p.best_top1,
                static_cast<unsigned long long>(p.best_step));
  std::printf("%llu steps, %.0f images/s, %s in all\nrun folder: %s\n", static_cast<unsigned long long>(p.step), r.images_per_s,
              duration(p.total_seconds).c_str(), printable(o.out).c_str());
}

}  // namespace

int train_command(const Words& words) {
  TrainOptions o;
  Flags flags("train --data SPEC --out DIR [flags]", "Trains a model on a data set and writes weights, checkpoints and a log into a folder.");
  declare(flags, o);
  if (!flags.parse(words)) return 0;
  model_named(o.model.model);  // a value that is wrong is said before one that is missing
  if (flags.given("data")) check_spec(o.data);
  flags.require("out");
  if (o.out.empty()) fail_usage("--out: is empty, must be a folder");
  listen_for_stop_signals();  // before any thread is started
  const fs::path folder = o.out, config_file = folder / "config.json";
  if (o.resume && o.overwrite) fail_usage("--overwrite: contradicts --resume: give one of them");
  const FolderLock lock(folder);  // before the folder is looked into
  if (!o.config.empty()) take_config(flags, o.config);
  std::error_code ignored;
  const bool goes_on = o.resume && fs::exists(config_file, ignored);
  if (!o.resume && !o.overwrite && holds_run(folder))
    fail_usage("--out: ", printable(o.out), " holds a run already: give --resume to go on with it, --overwrite to replace it, or another folder");
  const bool moved = goes_on && agree_with_folder(flags, config_file);
  if (o.data.empty()) flags.require("data");

  const DataSet data = load_dataset(o.data);
  const ModelConfig config = o.model.resolve(data.train.side, static_cast<int>(data.classes.size()));
  const std::vector<bool> held_out = choose_holdout(data.train.labels, config.classes, o.holdout, o.seed);
  const ImageSet holdout = part_of(data.train, held_out, true);
  const ImageSet rest = o.holdout > 0 ? part_of(data.train, held_out, false) : ImageSet{};
  const ImageSet& train_set = o.holdout > 0 ? rest : data.train;
  if (o.batch_size > train_set.size())
    fail_usage("--batch-size: ", o.batch_size, " is larger than the training set, which has ", train_set.size(), " images");

  const LoaderConfig loader_config{.batch_size = o.batch_size, .classes = config.classes, .mean = data.mean, .std = data.std,
                                   .pad = o.crop == "none" ? 0 : 4, .flip = o.flip == "auto" ? data.flip : o.flip == "yes",
                                   .label_smoothing = o.label_smoothing, .seed = o.seed, .workers = o.workers};
  const auto steps_per_epoch = static_cast<std::uint64_t>(train_set.size() / o.batch_size);
  const std::uint64_t total = steps_per_epoch * static_cast<std::uint64_t>(o.epochs);
  auto warmup = static_cast<std::uint64_t>(static_cast<double>(o.warmup_epochs) * static_cast<double>(steps_per_epoch));
  if (warmup > total) {
    std::fprintf(stderr, "mvmoe: --warmup-epochs: %g is longer than the run: it ends with the run\n", o.warmup_epochs);
    warmup = total;
  }
  const StepConfig step{.schedule = {.rate = o.lr_base > 0 ? o.lr_base * static_cast<float>(o.batch_size) / 512 : o.lr, .min_rate = o.min_lr,
                                     .warmup_rate = o.warmup_lr, .warmup_steps = warmup, .total_steps = total},
                        .weight_decay = o.weight_decay, .beta1 = o.beta1, .beta2 = o.beta2, .eps = o.eps, .clip = o.clip, .seed = o.seed,
                        .lanes = o.threads.lanes(), .kernels = o.threads.kernels_to_run()};

  const std::uint32_t data_crc32 = crc32_of(data.train);
  ViT model(config);
  model.initialise(o.seed);
  Trainer trainer(model, step);
  std::optional<Resumed> resumed;
  if (o.resume) resumed = load_checkpoint(folder, trainer);
  if (resumed) {
    for (const std::string& warning : resumed->warnings) std::fprintf(stderr, "mvmoe: warning: a damaged checkpoint is passed over: %s\n", warning.c_str());
    if (resumed->progress.seed != o.seed)
      fail_usage("--seed: ", o.seed, " contradicts the checkpoint ", printable(resumed->path.string()), ", made with ", resumed->progress.seed);
    if (resumed->progress.data_crc32 != data_crc32)
      fail_usage("--data: ", printable(o.data), " holds other training images or labels than those that the checkpoint ",
                 printable(resumed->path.string()), " was trained on: name the folder that has them");
  } else if (!o.init_from.empty()) {
    read_parameters(o.init_from, model.parameters());
  }
  Loader loader(train_set, loader_config, resumed ? resumed->progress.step : 0);
  // All that can fail without the folder has not failed: from here on it is written to.
  if (o.overwrite) remove_run(folder);
  // Everything as it was resolved: a later version with other defaults repeats this run.
  o.model.patch = config.patch, o.model.heads = config.heads, o.model.image_size = config.image, o.model.classes = config.classes;
  o.crop = loader_config.pad > 0 ? "pad4" : "none";
  o.flip = loader_config.flip ? "yes" : "no";
  std::vector<std::string> all = recipe_flags;
  all.insert(all.end(), manner_flags.begin(), manner_flags.end());
  if (!goes_on || moved) write_file(config_file, flags.values(all).dump(1) + "\n");

  if (!o.quiet)
    std::fprintf(stderr, "%s (%zu parameters) on %s: %d training, %d held-out, %d test images of %d classes; %d threads\n", o.model.model.c_str(),
                 model.parameters().count(), printable(o.data).c_str(), train_set.size(), holdout.size(), data.test.size(), config.classes,
                 step.lanes.threads);
  const int blocks = std::min(Lanes::count(o.batch_size, step.lanes.lane_size), step.lanes.gradient_blocks);
  if (step.lanes.threads > blocks && !o.quiet)
    std::fprintf(stderr, "mvmoe: %d threads, but a batch has %d gradient blocks: no more than %d threads help (--lane-size, --gradient-blocks)\n",
                 step.lanes.threads, blocks, blocks);

  const ModelDescription description{.model = config, .classes = data.classes, .normalisation = {data.mean, data.std}, .holdout = o.holdout, .holdout_seed = o.seed};
  const RunResult result = run(trainer, {o.holdout > 0 ? &holdout : nullptr, data.test, data_crc32}, loader, description,
                               {.folder = folder, .epochs = o.epochs, .eval_every = o.eval_every, .save_every = o.save_every, .keep = o.keep,
                                .log_interval = o.log_interval, .quiet = o.quiet},
                               resumed, stop_signal());
  if (result.signal != 0)
    std::fprintf(stderr, "mvmoe: stopped by a signal at step %llu of %llu, saved in %s; go on with --resume\n",
                 static_cast<unsigned long long>(result.progress.step), static_cast<unsigned long long>(total), printable(result.checkpoint->string()).c_str());
  print_result(result, o, steps_per_epoch);
  return exit_code(result.signal);
}

}  // namespace mvmoe
