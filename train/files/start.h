// train/files/start.h: a model that begins from another's weights, by name.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "models/vit.h"
#include "train/files/timm_config.h"

namespace mvmoe {

// What a file of weights, or a config.json of timm's beside it, says that a network which begins from it should know
// and no tensor shows: its heads, and how its images were made. Throws as description_in and timm_config_beside do.
TimmConfig said_of_start(const std::filesystem::path& path);

// Names of the model's tensors that were read, of those that kept their own start, and of the file's that nobody has.
// What was adapted is said in `notes`, a sentence each.
struct Started {
  std::vector<std::string> read, fresh, unused, notes;
};

// Reads every tensor that model and file (or an index of several) both have. MLPs, experts and routers may be in one
// alone, so a sparse model can begin from a dense one and the other way round. Positions of another image size are
// resampled (train/files/positions.h); the head of another number of classes starts anew; timm's layer scale is
// multiplied into the weights it scales. Throws Error that names the tensor: with both shapes if they differ, or if any
// other is in one alone.
Started start_from(const std::filesystem::path& path, const ViT& model);

// The same for a sparse model from a dense one's weights: each expert begins as a copy of its block's MLP (sparse
// upcycling, arXiv 2212.05055), shared experts give nothing at first. With gates that sum to 1 and no capacity the
// network is then the dense one, whatever the router says.
Started upcycle(const std::filesystem::path& path, const ViT& model);

}  // namespace mvmoe
