// train/files/description.h: what a file of weights says about its network: the configuration, class names,
// preprocessing, and which part of the data was held out. It is JSON in the metadata of the file.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/safetensors.h"
#include "models/config.h"
#include "train/input/preprocess.h"

namespace mvmoe {

struct ModelDescription {
  ModelConfig model;
  std::vector<std::string> classes;  // names, in label order
  bool named = true;                 // false: the names are not known, and `classes` holds numbers
  Preprocessing preprocessing;
  std::vector<int> superclass_of;  // [classes], if the router was guided; else empty
  float holdout = 0;               // share of the training set that was held out
  std::uint64_t holdout_seed = 0;  // the seed that chose the held-out images
};

// What the user says with flags about weights, in addition to the file or in place of it. Empty members: nothing.
struct SaidOfWeights {
  std::optional<int> heads, image;  // image: side in pixels; positions are resampled for it
  std::optional<Pool> pool;
  std::vector<float> mean, std;  // one for all colours, or one for each
  std::optional<float> crop_pct;
  std::optional<Interpolation> interpolation;
  std::vector<std::string> classes;  // names, in label order
};

// The metadata of a file of weights.
Metadata metadata_of(const ModelDescription& description);

// Reads the description from the metadata; empty if there is none. `shown`: the file's name for messages. Throws Error
// if the description is damaged.
std::optional<ModelDescription> description_of(const std::string& shown, const Metadata& metadata);

// Applies the user's flags to a description: preprocessing and image size. Flags cannot change the network itself; then
// throws UsageError that names the flag and the file.
void apply(const SaidOfWeights& said, const std::string& shown, ModelDescription& description);

}  // namespace mvmoe
