// train/files/weights.h: writes and reads weights as one safetensors file, with timm's tensor names. Its metadata hold
// the description.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "engine/safetensors.h"
#include "engine/tensor_files.h"
#include "models/vit.h"
#include "train/experts/whole_tensors.h"
#include "train/files/description.h"

namespace mvmoe {

void save_weights(const std::filesystem::path& path, const ViT& model, const ModelDescription& description);
// The same with `weights`, a block of the model's layout, in place of the model's own weights.
void save_weights(const std::filesystem::path& path, const ViT& model, const Block& weights,
                  const ModelDescription& description);
// The same if experts are spread over ranks. Call it in the work of whole.on_first; `weights` must be the next block
// that the ranks send.
void save_weights(const std::filesystem::path& path, const ViT& model, const Block& weights,
                  const ModelDescription& description, WholeTensors& whole);

// Fills the parameters, or a block of their layout, from the file's tensors of the same name. Throws if one is missing,
// or has another shape (naming the tensor and both shapes), or the file holds tensors the model does not have.
void read_parameters(const std::filesystem::path& path, const Parameters& parameters);
void read_parameters(const std::filesystem::path& path, const Parameters& parameters, const Block& block);

// The parameters' tensors in a block, as they are written to a file, in the order of the parameters.
std::vector<NamedTensor> named_tensors(const Parameters& parameters, const Block& block,
                                       const std::string& prefix = "");

// Writes the parameters' tensors of several blocks; each name gets the prefix of its block. Call it as save_weights
// with `whole`.
struct PrefixedBlock {
  std::string prefix;
  const Block* block;
};
void write_whole(const std::filesystem::path& path, const Parameters& parameters,
                 const std::vector<PrefixedBlock>& blocks, WholeTensors& whole, const Metadata& metadata);

}  // namespace mvmoe
