// train/files/start.h: initialises a model with the weights of another, matched by name.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "models/vit.h"
#include "train/files/timm_config.h"

namespace mvmoe {

// What the tensors of a file do not show and a new network should take over: the number of heads, and the
// preprocessing. It is read from the file's description, or from timm's config.json beside it. Throws as description_in
// and timm_config_beside do.
TimmConfig said_of_start(const std::filesystem::path& path);

// Names of tensors: `read` from the file, `fresh` ones of the model that kept their own initialisation, `unused` ones
// of the file that the model does not have. `notes` has a sentence for each adaptation.
struct Started {
  std::vector<std::string> read, fresh, unused, notes;
};

// Reads every tensor that both the model and the file have. The path may be an index of several files.
//   - MLPs, experts and routers may be in only one of the two, so a sparse model can begin from a dense one, and a
//     dense model from a sparse one.
//   - Positions of another image size are resampled (train/files/positions.h).
//   - The head of another number of classes keeps its own initialisation.
//   - timm's layer scale is multiplied into the weights that it scales.
// Throws Error that names the tensor if the shapes differ otherwise, or if any other tensor is in only one of the two.
Started start_from(const std::filesystem::path& path, const ViT& model);

// The same for a sparse model from the weights of a dense one (sparse upcycling, arXiv 2212.05055). Each expert begins
// as a copy of its block's MLP. Shared experts begin with an output of 0. If the gates sum to 1 and there is no
// capacity, the network computes the same as the dense one, whatever the router chooses.
Started upcycle(const std::filesystem::path& path, const ViT& model);

}  // namespace mvmoe
