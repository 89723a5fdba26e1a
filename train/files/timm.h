// train/files/timm.h: a dense ViT or DeiT from timm's tensors: what they show of the network, what must be said
// besides, and how they are read.
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
  ModelConfig model;  // heads and pool are not to be seen in tensors: as the configuration says, where it does
  TimmConfig configuration;
};

// Throws Error that names the file and the tensor if it is no ViT with a head, or for images that are not of three
// colours.
TimmNetwork timm_network(const TensorFiles& files);

// The same with what the user says in the place of what is not known. Throws UsageError that names every flag that is
// missing.
ModelDescription timm_description(const TensorFiles& files, const SaidOfWeights& said);

// Experts may stay in the file, mapped, until an image goes to them (for whom that is: engine/mapped_file.h). Their
// checksums are not looked at then, and Parameters::weights throws.
enum class ReadExperts { all, when_used };

// Every tensor of the file into the model's parameter of the same name. Positions of another image size are resampled;
// where the class token has none (no_embed_class) it gets 0. Layer scale (ls1, ls2) is multiplied into the weights it
// scales. Throws Error that names the tensor: missing, of another shape, or the model has none of this name.
void read_tensors(const TensorFiles& files, ViT& model, ReadExperts experts);

// pos_embed of any number of patches, with a place for the class token or without, into the model's. Gives the number
// of patches in the file. Throws Error if they are no square, or of another width.
int read_positions(const TensorFiles& files, const ViT& model, Tensor positions);

// Of a layer scale (blocks.N.ls1.gamma, ls2): the name of the layer whose rows it scales; empty for any other name.
std::string scaled_by(const std::string& name);
// Multiplies it into that layer, which was read.
void fold_layer_scale(const TensorFiles& files, const std::string& name, const Parameters& parameters);

}  // namespace mvmoe
