// train/checkpoint.h: the whole state of a run in one folder, complete or absent.
//
// checkpoints/step-N/ holds weights.safetensors, moments.safetensors (m.NAME and, for AdamW, v.NAME), where the weights
// are averaged ema.safetensors, and state.json. It is written
// under another name, synced and renamed once, so files of two steps never mix; every tensor has a checksum.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/files/description.h"
#include "train/step/step.h"

namespace mvmoe {

// What a run has gathered besides weights, moments and average.
struct Progress {
  std::uint64_t step = 0;  // steps done; also the place in the data
  std::uint64_t seed = 0;
  std::uint32_t data_crc32 = 0;  // of the training images and labels, the held-out ones among them
  double epoch_loss = 0;         // sum of the losses of this epoch's steps so far
  int epoch_routing_steps =
      0;  // of this epoch, in the three sums of the routers' losses: all but those of an older version
  double epoch_guidance = 0, epoch_balance = 0, epoch_z = 0;
  double epoch_distillation = 0;    // sum over this epoch's steps of the loss towards the teacher
  std::uint32_t teacher_crc32 = 0;  // of the teacher (train/step/teacher.h); 0: there is none
  std::uint32_t start_crc32 = 0;    // of the file whose weights the run began from; 0: from none
  double train_seconds = 0;         // in training steps, over all processes of this run
  double total_seconds = 0;         // with evaluation and saving
  double epoch_seconds = 0;         // of training steps in this epoch
  double best_score = -1;           // top-1 on the held-out part, percent; -1: none yet
  std::uint64_t best_step = 0;
  double best_top1 = -1;                                                      // the test set's top-1 at that step
  double last_top1 = -1, last_top5 = -1, last_loss = 0, last_train_loss = 0;  // of the last evaluated epoch
  double last_ema_top1 = -1;                  // the test set's top-1 with the averaged weights; -1: there are none
  double last_router_accuracy = -1;           // percent; -1: not defined
  std::vector<double> last_expert_load = {};  // [E] percent; empty: dense
  int evaluations_since_best = 0;             // on the held-out part
  bool evaluation_pending = false;  // the epoch's steps are done, its evaluation and its row of log.csv are not
};

// Writes checkpoints/step-N under `folder` and removes all but the newest `keep`; where the evaluation is pending, it
// removes none: that may yet show that these weights are no good. On failure (a full disk) nothing that was there is
// lost. On rank 0, in the work of trainer.whole.on_first with `blocks_to_save`.
void save_checkpoint(const std::filesystem::path& folder, Trainer& trainer, const ModelDescription& description,
                     const Progress& progress, int keep);
std::vector<const Block*> blocks_to_save(const Trainer& trainer);

// What has changed in `progress` since the checkpoint of the same step was written; removes all but the newest `keep`.
void save_progress(const std::filesystem::path& folder, const Progress& progress, int keep);

// Removes checkpoints/step-N; gives the newest of those that are left, if any is.
std::optional<std::filesystem::path> discard_checkpoint(const std::filesystem::path& folder, std::uint64_t step);

struct Resumed {
  Progress progress;
  std::filesystem::path path;
  std::vector<std::string> warnings;  // a newer checkpoint that was damaged, with what is wrong
};

// Loads the newest checkpoint that is whole into the trainer. Empty where there are none; throws if there are some and
// all are damaged.
std::optional<Resumed> load_checkpoint(const std::filesystem::path& folder, Trainer& trainer);

// What rank 0 has loaded into `from`, or begun with, for all ranks: no other needs the folder. `from` is the trainer
// itself, or where experts are spread one that has them all, on rank 0; null on the others. All ranks; on the others
// `resumed` is empty before.
void share_with_ranks(std::optional<Resumed>& resumed, const Trainer* from, Trainer& trainer);

}  // namespace mvmoe
