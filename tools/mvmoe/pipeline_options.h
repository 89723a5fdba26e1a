// tools/mvmoe/pipeline_options.h: the flags of `mvmoe pipeline`, and which of them make its dense network.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/train_options.h"

namespace mvmoe {

struct PipelineOptions {
  TrainOptions train;
  std::string kind = "soft", method = "spectral", file, dense;
  int max_size = 0;
};

// What config.json holds beside the recipe of training.
extern const std::vector<std::string> method_flags;

void declare(Flags& flags, PipelineOptions& o);

// The recipe that both networks share, and what makes one of them sparse.
std::vector<std::string> recipe_of(bool sparse);

std::vector<std::string> without(const std::vector<std::string>& some, std::vector<std::string> names);

// Flags as words of another command, with the values that they have here.
Words words_of(const Flags& flags, const std::vector<std::string>& names);

// Throws UsageError for what no pipeline can do: no experts, nothing held out.
void require_method(const TrainOptions& o);

// Throws UsageError where both --upcycle and --init-from say how the sparse network begins.
void require_one_start(const TrainOptions& o);

// Throws UsageError, naming what differs, unless --dense is a finished training by the dense recipe that `flags` hold,
// as they were resolved, on the data whose training images and labels have this CRC-32, from the weights that
// --init-from holds.
void require_dense(const Flags& flags, const PipelineOptions& o, std::uint32_t data_crc32);

// The files of a finished training that a pipeline and its report read, where they are there.
void copy_dense(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace mvmoe
