// train/log/run_events.h: which figures of a run go to TensorBoard, and under which tags.
#pragma once
#include "train/evaluate/confusion_picture.h"
#include "train/log/log_csv.h"
#include "train/log/tensorboard.h"
#include "train/step/step.h"

namespace mvmoe {

class RunEvents {
 public:
  // `next_step`: the next step of the run, from 1. `train_seconds`: training time in earlier processes. `distilled`:
  // the run has a teacher.
  RunEvents(const std::filesystem::path& folder, std::uint64_t next_step, double train_seconds,
            const RoutingLossConfig& routing, bool distilled = false)
      : file_(folder, next_step), routing_(routing), distilled_(distilled), trained_since_(train_seconds) {}

  // Writes the figures of a step. The share of time spent waiting for data is that of all steps since the last call;
  // the other figures are the step's own. waited_s: the loader's wait in this process so far. train_seconds: training
  // time of the run so far.
  void write(std::uint64_t step, const StepResult& result, double images_per_s, double waited_s, double train_seconds);

  // Writes the figures of an epoch. Call it after the checkpoint without the mark "evaluation pending": then a kill may
  // lose these events, but never writes them twice. expert_load [E] in percent; empty: a dense network. expert_load and
  // confusion are not read if the row has no evaluation.
  void write(const EpochRow& row, const std::vector<double>& expert_load, const Picture& confusion);

 private:
  EventFile file_;
  const RoutingLossConfig& routing_;
  bool distilled_;
  double waited_since_ = 0, trained_since_;  // waited_s and train_seconds of the last call
};

}  // namespace mvmoe
