// tools/mvmoe/train.cpp: `mvmoe train`.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/ranks.h"
#include "tools/mvmoe/recipes.h"
#include "tools/mvmoe/trace.h"
#include "tools/mvmoe/train_options.h"
#include "train/experts/groups.h"
#include "train/files/start.h"
#include "train/input/preprocess.h"
#include "train/run_folder.h"
#include "train/superclass/division_file.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// Takes what was not given from --config. What was chosen there for other data than --data's is left out, to be chosen
// anew.
void take_config(Flags& flags, const std::string& file) {
  nlohmann::json config = read_json(file, 1 << 20, "--config: ");
  if (flags.given("data") && config.is_object() && config.contains("data") && config["data"].is_string()) {
    const std::string now = flags.values({"data"})["data"], before = config["data"];
    const auto kind = [](const std::string& spec) {
      return kind_of(spec) == "pack" ? "folder" : kind_of(spec);
    };  // a pack is a folder's images
    if (now != before) config.erase("classes");
    if (kind(now) != kind(before))
      for (const char* name : {"image-size", "patch", "crop", "flip", "crop-pct"}) config.erase(name);
  }
  flags.set_missing(config, "--config: " + printable(file));
}

bool is_inside(const std::string& file, const fs::path& folder) {
  std::error_code ignored;
  const fs::path way = fs::weakly_canonical(file, ignored).lexically_relative(fs::weakly_canonical(folder, ignored));
  return !file.empty() && !way.empty() && *way.begin() != "..";
}

Json or_null(double value, bool defined = true) {
  return defined && std::isfinite(value) ? Json(value) : Json(nullptr);
}

// How the routers learn beside the task.
RoutingLossConfig routing_losses(const TrainOptions& o, const std::vector<std::string>& classes,
                                 const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  const bool guided = moe.experts > 0 && moe.routing == Routing::superclass;
  if (!o.superclasses.empty() && !guided)
    fail_usage("--superclasses: guides a router with --routing superclass, this network has ",
               moe.experts == 0 ? "no experts" : "another routing");
  if (guided && o.superclasses.empty())
    fail_usage(
        "--superclasses: is missing: --routing superclass guides the router by it (mvmoe superclasses makes it; "
        "--routing image and token learn without)");
  if (guided && moe.experts > config.classes)
    fail_usage("--experts: ", moe.experts, " is more than the ", config.classes,
               " classes: each expert needs a super-class");
  const float usual = moe.balance == Balance::importance_load ? 0.005f
                      : moe.balance == Balance::switch_loss   ? 0.01f
                                                              : 0;
  RoutingLossConfig losses{.superclass_of = {},
                           .guide_weight = o.guide_weight,
                           .balance_weight = o.balance_weight.value_or(usual),
                           .z_weight = o.router_z_weight};
  if (guided) losses.superclass_of = read_superclasses(o.superclasses, classes, moe.experts).of_class;
  if (o.quiet) return losses;
  const auto weighs_nothing = [](bool said, const char* flag, const char* needs) {
    if (said) std::fprintf(stderr, "mvmoe: --%s: weighs nothing here, as it needs %s\n", flag, needs);
  };
  weighs_nothing(o.balance_weight && usual == 0, "balance-weight", "--balance importance-load or switch");
  weighs_nothing(o.guide_weight != TrainOptions{}.guide_weight && !guided, "guide-weight", "--routing superclass");
  weighs_nothing(o.bias_rate != TrainOptions{}.bias_rate && moe.balance != Balance::bias, "bias-rate",
                 "--balance bias");
  if (moe.balance == Balance::importance_load && moe.router_noise == 0)
    std::fprintf(stderr,
                 "mvmoe: --balance importance-load without --router-noise: only the importance is balanced, the load "
                 "has no gradient then\n");
  if (moe.experts > 0 && !guided && moe.top_k == 1 && moe.renormalise_gates && losses.balance_weight == 0 &&
      losses.z_weight == 0)
    std::fprintf(stderr,
                 "mvmoe: --renormalise-gates with --top-k 1: every gate is 1, so the router gets no gradient and does "
                 "not learn (--balance or --top-k 2 help)\n");
  return losses;
}

// Weights of a network whose router learned another division know other experts.
void require_same_division(const fs::path& weights, const std::vector<int>& superclass_of, const std::string& file) {
  const auto description = description_in(weights);
  if (description && !description->superclass_of.empty() && !superclass_of.empty() &&
      description->superclass_of != superclass_of)
    fail_usage("--superclasses: ", printable(file), " divides the classes otherwise than the weights in ",
               printable(weights.string()), " were trained for");
}

// What a start from other weights came to.
void say(const Started& started, const std::string& file) {
  const auto listed = [](const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < names.size() && i < 4; ++i) text += (i ? ", " : "") + printable(names[i]);
    return names.size() > 4 ? text + " and " + std::to_string(names.size() - 4) + " more" : text;
  };
  std::fprintf(stderr, "start from %s: %zu tensors read", printable(file).c_str(), started.read.size());
  if (!started.fresh.empty()) std::fprintf(stderr, "; not in it, so started anew: %s", listed(started.fresh).c_str());
  if (!started.unused.empty())
    std::fprintf(stderr, "; in it, but not in this model: %s", listed(started.unused).c_str());
  for (const std::string& note : started.notes) std::fprintf(stderr, "; %s", note.c_str());
  std::fprintf(stderr, "\n");
}

void print_result(const RunResult& r, const TrainOptions& o, std::uint64_t steps_per_epoch) {
  const Progress& p = r.progress;
  const bool evaluated = p.last_top1 >= 0;
  if (o.json) {
    print_json({{"top1", or_null(p.last_top1, evaluated)},
                {"top5", or_null(p.last_top5, evaluated)},
                {"best_top1", or_null(p.best_top1, evaluated)},
                {"ema_top1", or_null(p.last_ema_top1, p.last_ema_top1 >= 0)},
                {"epochs", p.step / steps_per_epoch},
                {"steps", p.step},
                {"images_per_s", or_null(r.images_per_s)},
                {"train_loss", or_null(p.last_train_loss, evaluated)},
                {"router_accuracy", or_null(p.last_router_accuracy, p.last_router_accuracy >= 0)},
                {"expert_load", p.last_expert_load.empty() ? Json(nullptr) : Json(p.last_expert_load)},
                {"resumed_at", r.resumed_at},
                {"executed_steps", r.executed_steps}});
    return;
  }
  if (evaluated)
    std::printf("top-1 %.2f %%, top-5 %.2f %% on the test set (best weights: %.2f %%, step %llu)\n", p.last_top1,
                p.last_top5, p.best_top1, static_cast<unsigned long long>(p.best_step));
  if (p.last_ema_top1 >= 0) std::printf("top-1 %.2f %% with the averaged weights\n", p.last_ema_top1);
  std::printf("%llu steps, %.0f images/s, %s in all\nrun folder: %s\n", static_cast<unsigned long long>(p.step),
              r.images_per_s, duration(p.total_seconds).c_str(), printable(o.out).c_str());
}

// A network with all its experts, and what is trained of it.
struct Whole {
  Whole(const ModelConfig& config, const StepConfig& step) : model(config), trainer(model, step) {}
  ViT model;
  Trainer trainer;
};

// [E] of each expert, in training images: those of its super-class; the same for all where a router learns without.
std::vector<double> expected_load(const ImageSet& images, const RoutingLossConfig& routing, int experts) {
  std::vector<double> load(static_cast<std::size_t>(experts));
  for (const int label : images.labels)
    for (std::size_t e = 0; e < load.size(); ++e)
      if (routing.superclass_of.empty()) load[e] += 1.0 / experts;
      else load[e] += routing.superclass_of[static_cast<std::size_t>(label)] == static_cast<int>(e);
  return load;
}

// Empty where none is asked for. All ranks.
std::optional<Teacher> teacher_of(const TrainOptions& o, const std::vector<std::string>& classes, int side,
                                  const Preprocessing& preprocessing, Lanes& lanes) {
  if (o.teacher.empty()) return {};
  LoadedModel loaded = load_teacher(o.teacher);
  std::vector<int> labels = labels_of_teacher(loaded.description, o.teacher, classes);
  std::optional<Teacher> teacher;
  teacher.emplace(std::move(loaded), std::move(labels), side, preprocessing, lanes.threads());
  lanes.comm().require_same("as its --teacher, with CRC-32", std::to_string(teacher->crc32()));
  return teacher;
}

// Goes on towards the same answers, wherever the file is now.
void require_same_teacher(const Resumed& resumed, const std::optional<Teacher>& teacher, const std::string& file) {
  const std::uint32_t crc32 = teacher ? teacher->crc32() : 0;
  if (resumed.progress.teacher_crc32 == crc32) return;
  const std::string checkpoint = printable(resumed.path.string());
  if (!teacher) fail_usage("--teacher: is missing: the checkpoint ", checkpoint, " was made with one");
  if (resumed.progress.teacher_crc32 == 0)
    fail_usage("--teacher: the checkpoint ", checkpoint, " was made without one: leave the flag out");
  fail_usage("--teacher: ", printable(file), " is another network than the one that the checkpoint ", checkpoint,
             " was made with: name the file that has its weights");
}

int train(const Words& words, Comm& comm, const char* how_to_go_on, const FolderLock* held) {
  TrainOptions o;
  Flags flags("train --data SPEC --out DIR [flags]",
              "Trains a model on a data set and writes weights, checkpoints and a log into a folder.");
  declare_run(flags, o);
  declare_recipe(flags, o);
  declare_start(flags, o);
  declare_manner(flags, o);
  if (!flags.parse(words)) return 0;
  apply_recipe(flags, o.recipe);
  model_named(o.model.model);  // a value that is wrong is said before one that is missing
  if (flags.given("data")) check_spec(o.data);
  flags.require("out");
  if (o.out.empty()) fail_usage("--out: is empty, must be a folder");
  listen_for_stop_signals(comm.first());  // before any thread is started
  const fs::path folder = o.out, config_file = folder / "config.json";
  if (o.resume && o.overwrite) fail_usage("--overwrite: contradicts --resume: give one of them");
  if (o.overwrite && is_inside(o.init_from, folder))
    fail_usage("--init-from: ", printable(o.init_from),
               " is of the run that --overwrite removes: choose another --out");
  if (o.overwrite && is_inside(o.teacher, folder))
    fail_usage("--teacher: ", printable(o.teacher), " is of the run that --overwrite removes: choose another --out");
  o.quiet = o.quiet || !comm.first();
  std::optional<FolderLock> lock;
  bool goes_on = false, moved = false;  // what concerns the folder is rank 0's to find
  comm.on_first([&] {
    std::error_code unknown;
    if (const fs::path folder_of_trace = fs::path(o.trace).parent_path();
        !folder_of_trace.empty() && !fs::is_directory(folder_of_trace, unknown))
      fail("--trace: ", printable(o.trace), ": its folder is not there");  // before the work, not after
    if (!held) lock.emplace(folder);                                       // before the folder is looked into
    if (!o.config.empty()) take_config(flags, o.config);
    std::error_code ignored;
    goes_on = o.resume && fs::exists(config_file, ignored);
    if (fs::exists(folder / "stages.json", ignored))
      fail_usage("--out: ", printable(o.out), " holds a pipeline: choose another folder");
    if (!o.resume && !o.overwrite && holds_run(folder))
      fail_usage("--out: ", printable(o.out),
                 " holds a run already: give --resume to go on with it, --overwrite to replace it, or another folder");
    moved = goes_on && agree_with_folder(flags, recipe_flags, config_file);
  });
  std::vector<std::string> all_flags = recipe_flags;
  all_flags.insert(all_flags.end(), manner_flags.begin(), manner_flags.end());
  take_from_first(comm, flags, all_flags);
  goes_on = comm.sum(goes_on ? 1.0 : 0.0) > 0;
  compress_sums(comm, o.ranks);
  settle(comm, o.ranks, o.threads, o.quiet);
  o.threads.precision = o.threads.precision_to_use();
  comm.require_same("as its --precision", o.threads.precision);  // auto may come to another one on another host
  if (o.data.empty()) flags.require("data");

  require_experts(flags, o.model.moe, moe_flags);
  require_experts(flags, o.model.moe, routing_loss_flags);
  require_experts(flags, o.model.moe, {"expert-parallel"});
  const int ranks_of_group = o.expert_parallel ? group_size(o.model.moe.experts, comm.ranks()) : 0;
  require_optimizer(flags, o.optimizer);
  require_teacher(flags, o);
  if (o.upcycle && (o.init_from.empty() || o.model.moe.experts == 0))
    fail_usage("--upcycle: makes experts of a dense network's MLPs: give --init-from and --experts too");
  if (o.upcycle) o.model.moe.renormalise_gates = true;  // else the experts' copies would be scaled by the gates

  const DataSet data = load_same_dataset(comm, o.data, o.strict);
  require_training_images(data);
  require_test_images(data);
  if (!o.quiet) say_notes(data);
  ModelConfig config = o.model.resolve(data.train.side, static_cast<int>(data.classes.size()));
  if (!goes_on) require_same_file(comm, "--init-from", o.init_from);
  require_same_file(comm, "--superclasses", o.superclasses);
  require_same_file(comm, "--teacher", o.teacher);
  const TimmConfig start = goes_on || o.init_from.empty() ? TimmConfig{} : said_of_start(o.init_from);
  agree_on_heads(start, o.init_from, o.model.heads != 0, o.model, config);
  const std::vector<bool> held_out = choose_holdout(data.train.labels, config.classes, o.holdout, o.seed);
  const ImageSet holdout = part_of(data.train, held_out, true);
  if (o.holdout > 0 && holdout.size() == 0)
    fail_usage("--holdout: ", o.holdout, " of each class, rounded, is no image: the training set has ",
               data.train.size(), " images of ", config.classes, " classes; a larger share will do");
  const ImageSet rest = o.holdout > 0 ? part_of(data.train, held_out, false) : ImageSet{};
  const ImageSet& train_set = o.holdout > 0 ? rest : data.train;
  if (o.batch_size > train_set.size())
    fail_usage("--batch-size: ", o.batch_size, " is larger than the training set, which has ", train_set.size(),
               " images");

  if (o.batch_size % o.accumulate != 0)
    fail_usage("--accumulate: ", o.accumulate, " parts of one size cannot be made of the ", o.batch_size,
               " images of --batch-size");
  if (o.early_stop > 0 && !(o.holdout > 0))
    fail_usage(
        "--early-stop: needs a held-out part to be judged by: give --holdout, 0.1 is usual (nothing is chosen on the "
        "test set)");

  const Preprocessing preprocessing = preprocessing_of(o, data, start);
  LoaderConfig loader_config{.batch_size = o.batch_size / o.accumulate,
                             .classes = config.classes,
                             .side = config.image,
                             .preprocessing = preprocessing,
                             .lane_size = o.threads.lane_size,
                             .label_smoothing = o.label_smoothing,
                             .seed = o.seed,
                             .workers = o.workers,
                             .rank = comm.rank(),
                             .ranks = comm.ranks()};
  o.augment.resolve(data, loader_config);
  if (!o.quiet && !o.augment.note().empty()) std::fprintf(stderr, "mvmoe: %s\n", o.augment.note().c_str());
  const auto steps_per_epoch = static_cast<std::uint64_t>(train_set.size() / o.batch_size);
  const std::uint64_t total = steps_per_epoch * static_cast<std::uint64_t>(o.epochs);
  auto warmup = static_cast<std::uint64_t>(static_cast<double>(o.warmup_epochs) * static_cast<double>(steps_per_epoch));
  if (warmup > total) {
    if (!o.quiet)
      std::fprintf(stderr, "mvmoe: --warmup-epochs: %g is longer than the run: it ends with the run\n",
                   o.warmup_epochs);
    warmup = total;
  }
  o.distillation.targets = o.teacher_targets == "hard" ? TeacherTargets::hard : TeacherTargets::soft;
  const StepConfig step{.schedule = {.rate = o.lr_base > 0 ? o.lr_base * static_cast<float>(o.batch_size) / 512 : o.lr,
                                     .min_rate = o.min_lr,
                                     .warmup_rate = o.warmup_lr,
                                     .warmup_steps = warmup,
                                     .total_steps = total},
                        .optimizer = o.optimizer == "sgd" ? Optimizer::sgd : Optimizer::adamw,
                        .momentum = o.momentum,
                        .layer_decay = o.layer_decay,
                        .weight_decay = o.weight_decay,
                        .beta1 = o.beta1,
                        .beta2 = o.beta2,
                        .eps = o.eps,
                        .ema = o.ema,
                        .clip = o.clip,
                        .distillation = o.distillation,
                        .routing = routing_losses(o, data.classes, config),
                        .bias_rate = o.bias_rate,
                        .seed = o.seed,
                        .lanes = o.threads.lanes(),
                        .kernels = o.threads.kernels_to_run()};

  const std::uint32_t data_crc32 = crc32_of(data.train);
  const std::vector<double> load =
      o.expert_parallel ? expected_load(train_set, step.routing, config.moe.experts) : std::vector<double>{};
  const Placement placement = o.expert_parallel ? place_experts(load, ranks_of_group) : Placement{};
  ViT model(config, {}, placement.count_of_rank(comm.rank()));
  Trainer trainer(model, step, &comm, placement);
  const std::optional<Teacher> teacher = teacher_of(o, data.classes, config.image, preprocessing, trainer.lanes);
  if (teacher) trainer.teacher = &*teacher;
  std::optional<Resumed> resumed;
  std::uint32_t start_crc32 = 0;
  std::optional<Whole> whole;  // where experts are spread: for as long as it takes to begin
  if (placement.spread() && comm.first()) whole.emplace(config, step);
  Trainer* const first = placement.spread() ? whole ? &whole->trainer : nullptr : &trainer;
  if (first) first->model.initialise(o.seed);
  comm.on_first([&] {
    if (o.resume) resumed = load_checkpoint(folder, *first);
    if (resumed) {
      for (const std::string& warning : resumed->warnings)
        std::fprintf(stderr, "mvmoe: warning: a damaged checkpoint is passed over: %s\n", warning.c_str());
      if (resumed->progress.seed != o.seed)
        fail_usage("--seed: ", o.seed, " contradicts the checkpoint ", printable(resumed->path.string()),
                   ", made with ", resumed->progress.seed);
      if (resumed->progress.data_crc32 != data_crc32)
        fail_usage("--data: ", printable(o.data),
                   " holds other training images or labels than those that the checkpoint ",
                   printable(resumed->path.string()), " was trained on: name the folder that has them");
      require_same_division(resumed->path / "weights.safetensors", step.routing.superclass_of, o.superclasses);
      require_same_teacher(*resumed, teacher, o.teacher);
    } else if (!o.init_from.empty()) {
      require_same_division(o.init_from, step.routing.superclass_of, o.superclasses);
      const Started started = o.upcycle ? upcycle(o.init_from, first->model) : start_from(o.init_from, first->model);
      start_crc32 = crc32_of(read_file(o.init_from));
      if (!o.quiet) say(started, o.init_from);
    }
  });
  share_with_ranks(resumed, first, trainer);
  whole.reset();
  Loader loader(
      train_set, loader_config,
      first_batch(resumed ? resumed->progress.step : 0, train_set.size() / loader_config.batch_size, o.accumulate));
  // All that can fail without the folder has not failed: from here on it is written to.
  // Everything as it was resolved: a later version with other defaults repeats this run.
  take_resolved(o, config);
  comm.on_first([&] {
    if (o.overwrite) remove_run(folder);
    if (!goes_on || moved) write_file(config_file, flags.values(all_flags).dump(1) + "\n");
  });

  if (!o.quiet)
    std::fprintf(stderr,
                 "%s (%zu parameters) on %s: %d training, %d held-out, %d test images of %d classes; %s%d threads\n",
                 o.model.model.c_str(), model.parameters().count(), printable(o.data).c_str(), train_set.size(),
                 holdout.size(), data.test.size(), config.classes,
                 comm.ranks() > 1 ? text(comm.ranks(), " ranks of ").c_str() : "", step.lanes.threads);
  if (!o.quiet && teacher) {
    const ModelConfig& t = teacher->config();
    std::fprintf(stderr, "teacher %s: vit-%dx%d, %d pixels, patch %d\n", printable(o.teacher).c_str(), t.depth, t.width,
                 t.image, t.patch);
  }
  if (!o.quiet && placement.spread()) std::fprintf(stderr, "%s\n", described(placement, load, comm.ranks()).c_str());
  if (!o.quiet) say_idle_threads(step.lanes, trainer.lanes.share_of(loader_config.batch_size).images);

  const ModelDescription description{.model = config,
                                     .classes = data.classes,
                                     .preprocessing = preprocessing,
                                     .superclass_of = step.routing.superclass_of,
                                     .holdout = o.holdout,
                                     .holdout_seed = o.seed};
  std::function<void(const std::vector<Timeline>&, const Timeline&)> recorded;
  if (!o.trace.empty() && comm.first())
    recorded = [&](const std::vector<Timeline>& threads, const Timeline& steps) {
      write_trace(o.trace, threads, steps);
    };
  const RunResult result =
      run(trainer, {o.holdout > 0 ? &holdout : nullptr, data.test, data_crc32, start_crc32}, loader, description,
          {.folder = folder,
           .epochs = o.epochs,
           .eval_every = o.eval_every,
           .save_every = o.save_every,
           .accumulate = o.accumulate,
           .early_stop = o.early_stop,
           .keep = o.keep,
           .log_interval = o.log_interval,
           .quiet = o.quiet,
           .recorded = recorded},
          resumed, stop_signal());
  if (result.signal != 0 && comm.first())
    std::fprintf(stderr, "mvmoe: stopped by a signal at step %llu of %llu, saved in %s%s\n",
                 static_cast<unsigned long long>(result.progress.step), static_cast<unsigned long long>(total),
                 printable(result.checkpoint->string()).c_str(), how_to_go_on);
  print_result(result, o, steps_per_epoch);
  return exit_code_of(result.signal);
}

}  // namespace

int train_command(const Words& words, Comm& comm) { return train(words, comm, "; go on with --resume", nullptr); }
int run_training(const Words& words, Comm& comm, const FolderLock* held) { return train(words, comm, "", held); }

}  // namespace mvmoe
