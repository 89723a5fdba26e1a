// train/files/timm.h: reads a dense ViT or DeiT from timm's tensors.
//   from the tensors     depth, width, patch, hidden width, classes, bias of qkv, class token, fc_norm, size of the
//                        images
//   from elsewhere       heads, pooling, mean, std, crop and interpolation: a config.json beside the file, or the user
//   source               timm's VisionTransformer; names as there
#pragma once
#include "engine/tensor_files.h"
#include "models/vit.h"
#include "train/files/description.h"
#include "train/files/timm_config.h"

namespace mvmoe {

struct TimmNetwork {
  ModelConfig model;  // heads and pool cannot be seen in the tensors; they are the configuration's, if it has them
  TimmConfig configuration;
};

// Finds out what network the tensors belong to. Throws Error that names the file and the tensor if it is not a ViT with
// a head, or if its images do not have three colours.
TimmNetwork timm_network(const TensorFiles& files);

// The same as a description; `said` gives what the file does not say. Throws UsageError that names every flag that is
// missing.
ModelDescription timm_description(const TensorFiles& files, const SaidOfWeights& said);

// when_used: experts stay in the mapped file until an image goes to them (engine/mapped_file.h). Their checksums are
// not verified then, and Parameters::weights throws.
enum class ReadExperts { all, when_used };

// Reads every tensor of the file into the model's parameter of the same name. Positions of another image size are
// resampled. If the class token has no position (no_embed_class), it gets 0. Layer scale (ls1, ls2) is multiplied into
// the weights that it scales. Throws Error that names the tensor if it is missing, has another shape, or is not in the
// model.
void read_tensors(const TensorFiles& files, ViT& model, ReadExperts experts);

// Reads pos_embed, for any number of patches, with or without a position of the class token, into the model's. Returns
// the number of patches in the file. Throws Error if they are not a square grid, or if the width differs.
int read_positions(const TensorFiles& files, const ViT& model, Tensor positions);

// For the name of a layer scale (blocks.N.ls1.gamma, ls2): the name of the layer whose rows it scales. Empty for any
// other name.
std::string scaled_by(const std::string& name);
// Multiplies the layer scale into that layer. The layer must have been read.
void fold_layer_scale(const TensorFiles& files, const std::string& name, const Parameters& parameters);

}  // namespace mvmoe
