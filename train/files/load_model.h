// train/files/load_model.h: a trained network from a file, ours or timm's, ready for use.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>

#include "models/vit.h"
#include "train/files/description.h"
#include "train/files/timm.h"

namespace mvmoe {

// What the file (or the first of an index's files) says of its model; empty where it carries no description. Throws
// Error if that is damaged.
std::optional<ModelDescription> description_in(const std::filesystem::path& path);

struct LoadedModel {
  std::unique_ptr<ViT> model;
  ModelDescription description;
};

// A file that mvmoe wrote, or a dense ViT or DeiT of timm's (train/files/timm.h); one file, or an index of several.
// Throws Error that names the file as the readers of both do, UsageError that names the flag where `said` contradicts
// the file, or where nobody says what must be known.
LoadedModel load_model(const std::filesystem::path& path, const SaidOfWeights& said = {},
                       ReadExperts experts = ReadExperts::all);

}  // namespace mvmoe
