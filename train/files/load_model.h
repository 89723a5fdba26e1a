// train/files/load_model.h: loads a trained network from a file of ours or of timm's.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>

#include "models/vit.h"
#include "train/files/description.h"
#include "train/files/timm.h"

namespace mvmoe {

// The description in the file, or in the first file of an index; empty if there is none. Throws Error if it is damaged.
std::optional<ModelDescription> description_in(const std::filesystem::path& path);

struct LoadedModel {
  std::unique_ptr<ViT> model;
  ModelDescription description;
};

// Loads a file that mvmoe wrote, or a dense ViT or DeiT of timm's (train/files/timm.h). `path`: one file, or an index
// of several. Throws Error that names the file, as the readers of both kinds do. Throws UsageError that names the flag
// if `said` contradicts the file, or if something that must be known is neither in the file nor in `said`.
LoadedModel load_model(const std::filesystem::path& path, const SaidOfWeights& said = {},
                       ReadExperts experts = ReadExperts::all);

}  // namespace mvmoe
