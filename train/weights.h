// train/weights.h: a trained network as one file: timm's tensor names, and in the metadata all that is needed to use
// it: the configuration, class names, preprocessing, and which part of the data was held out.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "engine/safetensors.h"
#include "engine/tensor_files.h"
#include "models/vit.h"
#include "train/evaluate.h"
#include "train/whole_tensors.h"

namespace mvmoe {

struct ModelDescription {
  ModelConfig model;
  std::vector<std::string> classes;   // names, in label order
  bool named = true;                  // false: nobody knows the names, and these are numbers
  Preprocessing preprocessing;
  std::vector<int> superclass_of;     // [classes], where the router was guided; empty: it was not
  float holdout = 0;                  // share of the training set that was held out,
  std::uint64_t holdout_seed = 0;     // and the seed that chose it
};

void save_weights(const std::filesystem::path& path, const ViT& model, const ModelDescription& description);
// The same with `weights`, a block of the model's layout, in the place of the model's own.
void save_weights(const std::filesystem::path& path, const ViT& model, const Block& weights, const ModelDescription& description);
// The same of experts that are spread over the ranks, in the work of whole.on_first; `weights` is the next block that is sent.
void save_weights(const std::filesystem::path& path, const ViT& model, const Block& weights, const ModelDescription& description, WholeTensors& whole);

// What the file (or the first of an index's files) says of its model; empty where it carries no description. Throws Error if that is damaged.
std::optional<ModelDescription> description_in(const std::filesystem::path& path);

struct LoadedModel {
  std::unique_ptr<ViT> model;
  ModelDescription description;
};

// What the user says of weights from elsewhere, or wants otherwise than it stands in a file. Empty: nothing.
struct SaidOfWeights {
  std::optional<int> heads, image;  // image: side in pixels; positions are resampled for it
  std::optional<Pool> pool;
  std::vector<float> mean, std;     // one for all colours, or one for each
  std::optional<float> crop_pct;
  std::optional<Interpolation> interpolation;
  std::vector<std::string> classes; // names, in label order
};

// Experts may stay in the file, mapped, until an image goes to them (for whom that is: engine/mapped_file.h). Their checksums
// are not looked at then, and Parameters::weights throws.
enum class ReadExperts { all, when_used };

// A file that mvmoe wrote, or a dense ViT or DeiT of timm's (train/timm.h); one file, or an index of several. Throws Error
// that names the file as the readers of both do, UsageError that names the flag where `said` contradicts the file, or where
// nobody says what must be known.
LoadedModel load_model(const std::filesystem::path& path, const SaidOfWeights& said = {}, ReadExperts experts = ReadExperts::all);

// Fills the parameters, or a block of their layout, from the file's tensors of the same name. Throws if one is missing,
// or has another shape (naming the tensor and both shapes), or the file holds tensors the model does not have.
void read_parameters(const std::filesystem::path& path, const Parameters& parameters);
void read_parameters(const std::filesystem::path& path, const Parameters& parameters, const Block& block);

// As the file's tensors, in the parameters' order.
std::vector<NamedTensor> named_tensors(const Parameters& parameters, const Block& block, const std::string& prefix = "");

// Writes the parameters' pieces of these blocks, each name with its block's prefix. As `save_weights` with `whole`.
struct PrefixedBlock {
  std::string prefix;
  const Block* block;
};
void write_whole(const std::filesystem::path& path, const Parameters& parameters, const std::vector<PrefixedBlock>& blocks, WholeTensors& whole, const Metadata& metadata);

}  // namespace mvmoe
