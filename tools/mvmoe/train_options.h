// tools/mvmoe/train_options.h: the flags of training, which `train` and `pipeline` share.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/mvmoe/augment_options.h"
#include "tools/mvmoe/options.h"
#include "train/files/timm_config.h"
#include "train/losses/distillation.h"

namespace mvmoe {

struct TrainOptions {
  ModelOptions model;
  ThreadOptions threads;
  AugmentOptions augment;
  RankOptions ranks;
  std::string trace, data, out, config, init_from, optimizer = "adamw", recipe = "none";
  int epochs = 20, batch_size = 128, eval_every = 1, keep = 2, log_interval = 50, workers = 1, accumulate = 1,
      early_stop = 0;
  float lr = 1e-3f, lr_base = 0, min_lr = 1e-5f, warmup_epochs = 2, warmup_lr = 1e-6f, weight_decay = 0.05f;
  float beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f, clip = 1, momentum = 0.9f, layer_decay = 1, ema = 0,
        label_smoothing = 0.1f, holdout = 0;
  std::uint64_t seed = 0, save_every = 500;
  std::string superclasses;
  float guide_weight = 0.3f, router_z_weight = 0, bias_rate = 1e-3f;
  std::optional<float> balance_weight;
  std::optional<float> crop_pct;
  std::vector<float> mean,
      std;  // one for all colours, or three; empty: the data's own, or those of the weights to start from
  std::string interpolation = "auto";
  std::string teacher, teacher_targets = "soft";
  DistillationConfig distillation;
  bool upcycle = false;
  bool expert_parallel = false;
  bool strict = false;
  bool resume = false, overwrite = false, json = false, quiet = false;
};

// Flags that say what is trained. A resumed run must not contradict the folder's; all others may change.
extern const std::vector<std::string> recipe_flags;
// Those of them whose 0 or auto means "choose for me": config.json holds what was chosen.
extern const std::vector<std::string> resolved_flags;
// Those of them that weigh what routers learn by.
extern const std::vector<std::string> routing_loss_flags;
// Those of them that one optimizer alone reads: the other's.
std::vector<std::string> flags_of_the_other(const std::string& optimizer);
// Those of them that say how a teacher teaches: they say nothing without one.
extern const std::vector<std::string> teacher_flags;
// Throws UsageError if one of those was given without --teacher, or a temperature of targets that are hard.
void require_teacher(const Flags& flags, const TrainOptions& o);
// Those of all flags of the recipe that such a recipe leaves unread: another command is not given them.
std::vector<std::string> unread_flags(const TrainOptions& o);
// Throws UsageError if one of the other optimizer's was given.
void require_optimizer(const Flags& flags, const std::string& optimizer);

// Of a network's heads its tensors show nothing: with another number of them the same weights are another network. So
// heads that were not given are those of the network to start from; throws UsageError where others were given.
void agree_on_heads(const TimmConfig& start, const std::string& file, bool given, ModelOptions& model,
                    ModelConfig& config);
// How images are made: as the flags say; else as for the network that this one begins from, whose weights know no
// others; else as the data suggest. Images of one size are neither resized nor cropped, whatever that network was
// shown. What was chosen is as if it had been given. `start`: of the network to begin from.
Preprocessing preprocessing_of(TrainOptions& o, const DataSet& data, const TimmConfig& start = {});
// What was left to be chosen is as if it had been given: for config.json. (AugmentOptions::resolve does its own.)
void take_resolved(TrainOptions& o, const ModelConfig& config);

// Flags that say how: they change no result.
extern const std::vector<std::string> manner_flags;

void declare_run(Flags& flags, TrainOptions& o);     // the data and the run's folder
void declare_recipe(Flags& flags, TrainOptions& o);  // the model, the optimizer, the augmentation
void declare_start(Flags& flags, TrainOptions& o);   // what a run of its own is given by file
void declare_manner(Flags& flags, TrainOptions& o);  // threads, checkpoints, progress

// A folder's config.json: an object of flags, all values strings. Throws Error that names the flag that asks for it and
// the file.
nlohmann::json read_configuration(const std::filesystem::path& path, const std::string& flag);

// Takes what was not given from the folder's config.json, and refuses what was given otherwise, of the flags `names`.
// True: files that are only read stand elsewhere now (of the data, the kind must be the same here, and later the
// contents).
bool agree_with_folder(Flags& flags, const std::vector<std::string>& names, const std::filesystem::path& config_file);

}  // namespace mvmoe
