// train/loop.h: a whole run: steps, epochs, evaluation, checkpoints, and a stop at any moment.
#pragma once
#include <atomic>
#include <filesystem>
#include <functional>
#include <optional>

#include "train/checkpoint.h"
#include "train/data/dataset.h"
#include "train/input/loader.h"
#include "train/log/progress_bar.h"

namespace mvmoe {

struct LoopConfig {
  std::filesystem::path folder;
  int epochs = 1;
  int eval_every = 1;              // epochs between evaluations; the last epoch is always evaluated
  std::uint64_t save_every = 500;  // steps between checkpoints, beside the one at each epoch's end
  int accumulate = 1;              // the loader's batches that make a step; an epoch's last incomplete step is dropped
  int early_stop = 0;              // so many evaluations without a better held-out score end the run; 0: off
  int keep = 2;                    // checkpoints kept
  int log_interval = 50;           // steps between two plain progress lines
  bool quiet = false;
  // Called once with the timelines of the first steps of this process, at most recorded_steps of them: one timeline of
  // each thread, and one of whole steps. null: nothing is recorded.
  std::function<void(const std::vector<Timeline>& threads, const Timeline& steps)> recorded = nullptr;
};

constexpr std::uint64_t recorded_steps = 4;  // the first is slower: it requests memory

// The loader's batch with which step `step` of a run begins. Steps and batches count from 0.
std::uint64_t first_batch(std::uint64_t step, int batches_per_epoch, int accumulate);

struct RunData {            // besides the training images, which the loader has
  const ImageSet* holdout;  // null: none
  const ImageSet& test;
  std::uint32_t crc32 = 0;        // of training and held-out images and labels; stored in each checkpoint
  std::uint32_t start_crc32 = 0;  // of the file whose weights a new run begins from; stored too; 0: from none
};

struct RunResult {
  Progress progress;
  std::uint64_t resumed_at = 0;      // the step at which this process began
  std::uint64_t executed_steps = 0;  // by this process
  double images_per_s = 0;           // of training steps, over the whole run
  int signal = 0;                    // 0: done; else the signal that stopped it, after saving
  std::optional<std::filesystem::path> checkpoint;
};

// Trains to the last epoch, or until `stop` holds the number of a signal. `resumed`: the checkpoint that was loaded
// into the trainer; empty: the run begins. `loader` must start at first_batch() of the trainer's step. Throws Error if
// a loss is not finite, naming step, learning rate and the last good checkpoint, and if a file cannot be written.
// Collective: every rank must call it.
RunResult run(Trainer& trainer, const RunData& data, Loader& loader, const ModelDescription& description,
              const LoopConfig& config, const std::optional<Resumed>& resumed, const std::atomic<int>& stop);

}  // namespace mvmoe
