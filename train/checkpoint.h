// train/checkpoint.h: a checkpoint is the whole state of a run in one folder. It is complete, or it is not there.
//
// checkpoints/step-N/ holds weights.safetensors, moments.safetensors (m.NAME and, for AdamW, v.NAME), state.json and,
// if the weights are averaged, ema.safetensors. It is written under another name, synced, and renamed once, so files of
// two steps never mix. Every tensor has a checksum.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/files/description.h"
#include "train/step/step.h"

namespace mvmoe {

// The state of a run besides weights, moments and average.
struct Progress {
  std::uint64_t step = 0;  // steps done; also the place in the data
  std::uint64_t seed = 0;
  std::uint32_t data_crc32 = 0;  // of the training images and labels, the held-out ones among them
  double epoch_loss = 0;         // sum of the losses of this epoch's steps so far
  // Sums of the routers' losses over steps of this epoch, and the number of these steps. An older version did not sum
  // them, so the number may be smaller than that of the epoch's steps.
  int epoch_routing_steps = 0;
  double epoch_guidance = 0, epoch_balance = 0, epoch_z = 0;
  double epoch_distillation = 0;    // sum over this epoch's steps of the loss towards the teacher
  std::uint32_t teacher_crc32 = 0;  // of the teacher (train/step/teacher.h); 0: there is none
  std::uint32_t start_crc32 = 0;    // of the file whose weights the run began from; 0: from none
  double train_seconds = 0;         // in training steps, in all processes of this run
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
  bool evaluation_pending = false;  // the steps of the epoch are done; its evaluation and its row of log.csv are not
};

// Writes checkpoints/step-N under `folder` and removes all but the newest `keep`. While the evaluation is pending it
// removes none, because the evaluation may find that these weights are not finite. On failure (a full disk) nothing old
// is lost. Call it on rank 0, in the work of trainer.whole.on_first with `blocks_to_save`.
void save_checkpoint(const std::filesystem::path& folder, Trainer& trainer, const ModelDescription& description,
                     const Progress& progress, int keep);
std::vector<const Block*> blocks_to_save(const Trainer& trainer);

// Updates `progress` in the checkpoint of the same step. Removes all checkpoints but the newest `keep`.
void save_progress(const std::filesystem::path& folder, const Progress& progress, int keep);

// Removes checkpoints/step-N. Returns the newest checkpoint that is left, if there is one.
std::optional<std::filesystem::path> discard_checkpoint(const std::filesystem::path& folder, std::uint64_t step);

struct Resumed {
  Progress progress;
  std::filesystem::path path;
  std::vector<std::string> warnings;  // one for each newer checkpoint that was damaged
};

// Loads the newest undamaged checkpoint into the trainer. Empty if there are no checkpoints; throws if all are damaged.
std::optional<Resumed> load_checkpoint(const std::filesystem::path& folder, Trainer& trainer);

// Sends the state that rank 0 has loaded or begun with to all ranks, so that only rank 0 needs the folder. `from`: on
// rank 0 the trainer itself or, if experts are spread, a trainer that has all of them; null on the other ranks.
// `resumed`: empty on the other ranks; filled by the call. Collective: every rank must call it.
void share_with_ranks(std::optional<Resumed>& resumed, const Trainer* from, Trainer& trainer);

}  // namespace mvmoe
