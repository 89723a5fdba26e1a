// train/log/log_csv.h: log.csv, a row for each epoch. A resumed run has no row twice.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace mvmoe {

struct EpochRow {
  int epoch = 0;             // counted from 1
  std::uint64_t steps = 0;   // of the run so far
  double learning_rate = 0;  // of the epoch's last step
  double train_loss = 0;     // mean over the epoch's steps
  std::optional<double> test_top1 = {}, test_top5 = {}, test_loss = {}, holdout_top1 = {}, ema_top1 = {},
                        router_accuracy = {};
  double images_per_s = 0;
  double seconds = 0;  // of the run so far, in all its processes
  // Means over the epoch's steps, before their weights; empty if the loss is not used.
  std::optional<double> guidance_loss = {}, balance_loss = {}, z_loss = {};
  std::optional<double> distillation_loss = {};  // the same for the loss towards the teacher; empty without one
};

// Appends a row. If there is no file, writes the header first.
void append_row(const std::filesystem::path& file, const EpochRow& row);

// Removes the rows of epochs beyond `steps`, which the resumed run does again. Rows of an older version have fewer
// columns; they are kept, and the missing columns are empty.
void drop_rows_after(const std::filesystem::path& file, std::uint64_t steps);

}  // namespace mvmoe
