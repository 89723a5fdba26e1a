// train/files/description.h: what must be known of a network to use it besides its weights: the configuration, class
// names, preprocessing, and which part of the data was held out. It stands in the metadata of a file of weights.
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
  bool named = true;                 // false: nobody knows the names, and these are numbers
  Preprocessing preprocessing;
  std::vector<int> superclass_of;  // [classes], where the router was guided; empty: it was not
  float holdout = 0;               // share of the training set that was held out,
  std::uint64_t holdout_seed = 0;  // and the seed that chose it
};

// What the user says of weights from elsewhere, or wants otherwise than it stands in a file. Empty: nothing.
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

// What the metadata say; empty where they carry no description. `shown` is the file in messages. Throws Error if the
// description is damaged.
std::optional<ModelDescription> description_of(const std::string& shown, const Metadata& metadata);

// What the user wants otherwise: how images are made, and of which size; never what the network is. Throws UsageError
// that names the flag and the file.
void apply(const SaidOfWeights& said, const std::string& shown, ModelDescription& description);

}  // namespace mvmoe
