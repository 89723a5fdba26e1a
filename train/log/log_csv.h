// train/log/log_csv.h: log.csv, a row an epoch, rewritten so that a resumed run has no row twice.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace mvmoe {

struct EpochRow {
  int epoch = 0;             // counted from 1
  std::uint64_t steps = 0;   // done in all
  double learning_rate = 0;  // of the epoch's last step
  double train_loss = 0;     // mean over the epoch's steps
  std::optional<double> test_top1 = {}, test_top5 = {}, test_loss = {}, holdout_top1 = {}, ema_top1 = {},
                        router_accuracy = {};
  double images_per_s = 0;
  double seconds = 0;  // since the run's start, over all its processes
  // Means over the epoch's steps, before their weights; empty where the routers do not learn by it.
  std::optional<double> guidance_loss = {}, balance_loss = {}, z_loss = {};
  std::optional<double> distillation_loss = {};  // the same of the loss towards the teacher; empty without one
};

// Appends a row; writes the header first where there is no file.
void append_row(const std::filesystem::path& file, const EpochRow& row);

// Drops the rows of epochs beyond `steps`: what a killed run logged and the resumed one does again. Rows of an older
// version, which have fewer columns, stay, with the last ones empty.
void drop_rows_after(const std::filesystem::path& file, std::uint64_t steps);

}  // namespace mvmoe
