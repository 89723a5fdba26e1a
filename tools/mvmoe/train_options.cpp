#include "tools/mvmoe/train_options.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "tools/mvmoe/recipes.h"
#include "train/data/dataset.h"
#include "train/input/preprocess.h"

namespace mvmoe {

const std::vector<std::string> recipe_flags{"teacher",
                                            "teacher-weight",
                                            "teacher-temperature",
                                            "teacher-targets",
                                            "data",
                                            "model",
                                            "patch",
                                            "heads",
                                            "mlp-ratio",
                                            "pool",
                                            "no-qkv-bias",
                                            "drop-path",
                                            "image-size",
                                            "classes",
                                            "init-from",
                                            "upcycle",
                                            "experts",
                                            "moe-layers",
                                            "top-k",
                                            "routing",
                                            "router-input",
                                            "balance",
                                            "router-noise",
                                            "capacity",
                                            "eval-capacity",
                                            "batch-priority",
                                            "renormalise-gates",
                                            "shared-experts",
                                            "no-router-bias",
                                            "equal-experts",
                                            "superclasses",
                                            "guide-weight",
                                            "balance-weight",
                                            "router-z-weight",
                                            "bias-rate",
                                            "epochs",
                                            "batch-size",
                                            "accumulate",
                                            "lr",
                                            "lr-base",
                                            "min-lr",
                                            "warmup-epochs",
                                            "warmup-lr",
                                            "optimizer",
                                            "weight-decay",
                                            "momentum",
                                            "beta1",
                                            "beta2",
                                            "eps",
                                            "clip",
                                            "layer-decay",
                                            "ema",
                                            "label-smoothing",
                                            "crop",
                                            "flip",
                                            "rand-augment",
                                            "color-jitter",
                                            "random-erasing",
                                            "repeated-augment",
                                            "mixup",
                                            "cutmix",
                                            "mixup-prob",
                                            "mixup-switch-prob",
                                            "mean",
                                            "std",
                                            "crop-pct",
                                            "interpolation",
                                            "holdout",
                                            "early-stop",
                                            "seed",
                                            "eval-every",
                                            "lane-size",
                                            "gradient-blocks",
                                            "kernels",
                                            "precision"};
const std::vector<std::string> resolved_flags{"patch", "heads", "image-size", "classes",       "crop",     "flip",
                                              "mean",  "std",   "crop-pct",   "interpolation", "precision"};
const std::vector<std::string> routing_loss_flags{"guide-weight", "balance-weight", "router-z-weight", "bias-rate"};
const std::vector<std::string> teacher_flags{"teacher-weight", "teacher-temperature", "teacher-targets"};
const std::vector<std::string> manner_flags{
    "save-every",          "keep", "log-interval", "workers", "threads", "strict", "comm-timeout", "expert-parallel",
    "gradient-compression"};

std::vector<std::string> flags_of_the_other(const std::string& optimizer) {
  if (optimizer == "sgd") return {"beta1", "beta2", "eps"};
  return {"momentum"};
}

void require_optimizer(const Flags& flags, const std::string& optimizer) {
  for (const std::string& name : flags_of_the_other(optimizer))
    if (flags.given(name))
      fail_usage("--", name, ": says nothing about ", optimizer, ": give --optimizer ",
                 optimizer == "sgd" ? "adamw" : "sgd", " too");
}

void require_teacher(const Flags& flags, const TrainOptions& o) {
  for (const std::string& name : teacher_flags)
    if (o.teacher.empty() && flags.given(name))
      fail_usage("--", name, ": says nothing without a teacher: give --teacher FILE too");
  if (o.teacher_targets == "hard" && flags.given("teacher-temperature"))
    fail_usage("--teacher-temperature: says nothing about hard targets: give --teacher-targets soft, or leave it out");
}

std::vector<std::string> unread_flags(const TrainOptions& o) {
  std::vector<std::string> unread = flags_of_the_other(o.optimizer);
  if (o.teacher.empty()) {
    unread.push_back("teacher");
    unread.insert(unread.end(), teacher_flags.begin(), teacher_flags.end());
  } else if (o.teacher_targets == "hard") {
    unread.push_back("teacher-temperature");
  }
  return unread;
}

void agree_on_heads(const TimmConfig& start, const std::string& file, bool given, ModelOptions& model,
                    ModelConfig& config) {
  if (!start.heads || *start.heads == config.heads) return;
  if (given)
    fail_usage("--heads: ", config.heads, " contradicts ", printable(file), ", whose network has ", *start.heads);
  model.heads = config.heads = *start.heads;
  check(config);
}

Preprocessing preprocessing_of(TrainOptions& o, const DataSet& data, const TimmConfig& start) {
  Preprocessing p{.mean = data.mean, .std = data.std, .crop_pct = data.train.read ? 0.875f : 1};
  const Preprocessing suggested = p;
  std::string taken;
  const auto take = [&](bool unsaid, const auto& said, auto& into, const char* flag) {
    if (!unsaid || !said || *said == into) return;
    into = *said;
    taken += (taken.empty() ? "" : ", ") + std::string(flag);
  };
  take(o.mean.empty(), start.mean, p.mean, "mean");
  take(o.std.empty(), start.std, p.std, "std");
  take(data.train.read && !o.crop_pct, start.crop_pct, p.crop_pct, "crop-pct");
  take(data.train.read && o.interpolation == "auto", start.interpolation, p.interpolation, "interpolation");
  if (!taken.empty() && !o.quiet)
    std::fprintf(stderr, "mvmoe: taken from %s, as for the network to start from: %s (a flag of the name wins)\n",
                 start.shown.c_str(), taken.c_str());
  set_colours("--mean", o.mean, p.mean);
  set_colours("--std", o.std, p.std);
  if (o.crop_pct) p.crop_pct = *o.crop_pct;
  if (o.interpolation != "auto") p.interpolation = interpolation_named(o.interpolation);
  if (!data.train.read && (p.crop_pct != 1 || p.interpolation != Interpolation::bicubic) && !o.quiet)
    std::fprintf(stderr,
                 "mvmoe: --crop-pct, --interpolation: images of this data set are of one size, neither resized nor "
                 "cropped: said to `predict` alone\n");
  // What the file says is not read again when the run goes on.
  if (p.mean != suggested.mean) o.mean.assign(p.mean.begin(), p.mean.end());
  if (p.std != suggested.std) o.std.assign(p.std.begin(), p.std.end());
  o.crop_pct = p.crop_pct;
  o.interpolation = interpolation_name(p.interpolation);
  return p;
}

void take_resolved(TrainOptions& o, const ModelConfig& config) {
  o.model.patch = config.patch, o.model.heads = config.heads, o.model.image_size = config.image,
  o.model.classes = config.classes;
}

void declare_run(Flags& flags, TrainOptions& o) {
  flags.heading("Data and folder");
  flags.add("data", o.data, data_kinds, "SPEC");
  flags.add("out", o.out, "the run's folder", "DIR");
  flags.add("resume", o.resume, "go on with the run in --out; start afresh where there is none");
  flags.add("overwrite", o.overwrite, "replace the run in --out");
  flags.add("config", o.config, "take every flag not given from a config.json of an earlier run", "FILE");
  flags.add("trace", o.trace,
            "write what each thread did in the first four steps, and when, in the Chrome trace format (ui.perfetto.dev "
            "opens it)",
            "FILE");
}

void declare_recipe(Flags& flags, TrainOptions& o) {
  flags.heading("Model");
  o.model.declare(flags);
  flags.heading("Learning to route");
  flags.add("guide-weight", o.guide_weight, "weight of the router's guidance towards super-classes");
  flags.add("balance-weight", o.balance_weight,
            "weight of the balance loss (auto: 0.005 for importance-load, 0.01 for switch)", "auto");
  flags.add("router-z-weight", o.router_z_weight, "weight of the router's z-loss (1e-3 is usual)");
  flags.add("bias-rate", o.bias_rate, "step of the bias that balances without a loss (--balance bias)");
  flags.heading("Optimizer and schedule");
  flags.add_choice("recipe", o.recipe, "a whole set of these flags, a flag beside it wins", recipe_names);
  flags.add("epochs", o.epochs, "passes over the training set", 1, 1'000'000);
  flags.add("batch-size", o.batch_size, "images a step, of all ranks together", 1, 1'000'000);
  flags.add("accumulate", o.accumulate,
            "parts that a step's --batch-size images come in, one after the other: less memory, the same step (timm "
            "multiplies its batch by --grad-accum-steps instead)",
            1, 1'000'000);
  flags.add("lr", o.lr, "learning rate after warm-up");
  flags.add("lr-base", o.lr_base, "if above 0: the learning rate is this times batch size / 512, instead of --lr");
  flags.add("min-lr", o.min_lr, "learning rate at the end of the cosine");
  flags.add("warmup-epochs", o.warmup_epochs, "epochs of linear warm-up", 0, 1e6f);
  flags.add("warmup-lr", o.warmup_lr, "learning rate at the start of the warm-up");
  flags.add_choice("optimizer", o.optimizer, "AdamW, or SGD with momentum as PyTorch's", {"adamw", "sgd"});
  flags.add("weight-decay", o.weight_decay,
            "decay of linear and convolution weights: AdamW's is decoupled, SGD's is L2");
  flags.add("momentum", o.momentum, "SGD's decay of the sum of gradients", 0, 0.999999f);
  flags.add("beta1", o.beta1, "AdamW's decay of the gradient's mean", 0, 0.999999f);
  flags.add("beta2", o.beta2, "AdamW's decay of the gradient's square", 0, 0.9999999f);
  flags.add("eps", o.eps, "AdamW's term against division by zero", 1e-30f);
  flags.add("clip", o.clip, "largest norm of the gradient (0: no clipping)");
  flags.add("layer-decay", o.layer_decay,
            "a layer's learning rate as a share of the next one's, timm's groups (1: all the same)", 1e-3f, 1);
  flags.add(
      "ema", o.ema,
      "decay of an average of the weights, evaluated beside them (timm's rule, no warm-up; DeiT 0.99996; 0: none)", 0,
      0.9999999f);
  flags.heading("Augmentation and targets");
  flags.add("label-smoothing", o.label_smoothing, "share of a target spread over all classes, below 1", 0, 0.9999f);
  o.augment.declare(flags);
  flags.heading("A teacher");
  flags.add("teacher", o.teacher,
            "a trained network whose answers are targets too: a file of weights that mvmoe or timm wrote. It sees the "
            "same augmented images, and may have another patch and image size",
            "FILE");
  DistillationConfig& d = o.distillation;
  flags.add("teacher-weight", d.weight, "weight of the loss towards the teacher; that of the labels has the rest", 0,
            1);
  flags.add("teacher-temperature", d.temperature, "of soft targets: logits are divided by it", 1e-3f, 1e3f);
  flags.add_choice("teacher-targets", o.teacher_targets, "the teacher's distribution, or its first choice",
                   {"soft", "hard"});
  flags.heading("Preprocessing, which stays with the model");
  flags.add("mean", o.mean,
            "subtracted from each colour, 0 to 1; three times for red, green, blue (auto: as --init-from says, or the "
            "data's own means; ImageNet's for folder: and pack:)",
            "auto", 0, 1);
  flags.add("std", o.std,
            "each colour is divided by it; three times for red, green, blue (auto: as --init-from says, or the data's "
            "own deviations; ImageNet's for folder: and pack:)",
            "auto", 1e-6f, 1);
  flags.add("crop-pct", o.crop_pct,
            "evaluation of images of any size: the share of the short side that is kept (auto: as --init-from says, or "
            "0.875; 1 for images of one size)",
            "auto", 0.01f, 1);
  flags.add_choice("interpolation", o.interpolation,
                   "images of any size are resized by (auto: as --init-from says, or bicubic)",
                   {"auto", "bicubic", "bilinear"});
  flags.heading("Evaluation and chance");
  flags.add("holdout", o.holdout, "share of the training set held out, to choose the best weights by", 0, 0.9f);
  flags.add("early-stop", o.early_stop,
            "evaluations in a row without a better held-out score that end the run; needs --holdout (0: never)");
  flags.add("eval-every", o.eval_every, "epochs between two evaluations (the last epoch is always evaluated)", 1);
  flags.add("seed", o.seed, "of everything random");
}

void declare_start(Flags& flags, TrainOptions& o) {
  flags.heading("Files to start from");
  flags.add("init-from", o.init_from,
            "start from the weights of this safetensors file: what both models have, by name; positions fit another "
            "image size, the head starts anew for other classes",
            "FILE");
  flags.add(
      "upcycle", o.upcycle,
      "the weights of --init-from are a dense network's: each expert begins as a copy of its MLP, gates sum to 1");
  flags.add("superclasses", o.superclasses,
            "file of super-classes that guide the router (--routing superclass); mvmoe superclasses makes one", "FILE");
}

void declare_manner(Flags& flags, TrainOptions& o) {
  flags.heading("Running");
  o.threads.declare(flags);
  o.ranks.declare_for_training(flags);
  flags.add("expert-parallel", o.expert_parallel,
            "of several ranks: each expert lives on one of them, or, where there are more ranks than experts, on one "
            "of each group of them, with its gradient and moments. An image travels to it once; tokens (--routing "
            "token), and images with --top-k above 1, visit theirs in each sparse block");
  flags.add("save-every", o.save_every, "steps between two checkpoints, beside the one at each epoch's end", 1);
  flags.add("keep", o.keep, "checkpoints kept", 1);
  flags.add("workers", o.workers, "threads that prepare batches", 1, 256);
  flags.add("strict", o.strict, "an image that cannot be read is an error, instead of another one standing in");
  flags.add("log-interval", o.log_interval, "steps between two progress lines where stderr is no terminal", 1);
  flags.add("quiet", o.quiet, "no progress on stderr");
  flags.add("json", o.json, "results as one JSON object in the last line of stdout");
}

nlohmann::json read_configuration(const std::filesystem::path& path, const std::string& flag) {
  const std::string before = flag + ": ";
  const nlohmann::json json = read_json(path, 1 << 20, before);
  if (!json.is_object()) fail(before, printable(path.string()), ": must be a JSON object of flags and their values");
  for (const auto& [name, value] : json.items())
    if (!value.is_string()) fail(before, printable(path.string()), ": ", printable(name), " must be a string");
  return json;
}

bool agree_with_folder(Flags& flags, const std::vector<std::string>& names, const std::filesystem::path& config_file) {
  bool moved = false;
  const nlohmann::json stored = read_configuration(config_file, "--resume");
  for (const std::string& name : names) {
    if (!flags.given(name) || !stored.contains(name)) continue;
    const nlohmann::json now = flags.values({name});
    const bool chosen = std::find(resolved_flags.begin(), resolved_flags.end(), name) != resolved_flags.end();
    if (chosen && (now[name] == "0" || now[name] == "auto"))
      continue;  // "choose for me": the file says what was chosen
    if (now[name] == stored[name]) continue;
    const auto file_moved = [&](const char* flag) { return name == flag && now[name] != "" && stored[name] != ""; };
    const bool data_moved = name == "data" && kind_of(now[name]) == kind_of(stored[name]);
    if (name == "superclasses" || file_moved("init-from") || file_moved("dense") || file_moved("teacher") || data_moved)
      moved = true;
    else
      fail_usage(flags.named(name), ": ", printable(now[name].get<std::string>()), " contradicts the run in ",
                 printable(config_file.parent_path().string()), ", which has ",
                 stored[name] == "" ? "none" : printable(stored[name].get<std::string>()),
                 ": leave the flag out, or choose another --out");
  }
  nlohmann::json recipe = nlohmann::json::object();
  for (const std::string& name : names)
    if (stored.contains(name)) recipe[name] = stored[name];
  flags.set_missing(recipe, printable(config_file.string()));
  return moved;
}

}  // namespace mvmoe
