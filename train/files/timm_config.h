// train/files/timm_config.h: what timm's config.json, beside a weights file, says of the network that the tensors do
// not say.
#pragma once
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/config.h"
#include "train/augment/taps.h"

namespace mvmoe {

// What it does not say is empty. timm writes it beside model.safetensors (save_for_hf, push_to_hf_hub); older ones hold
// what now stands in pretrained_cfg at their top.
struct TimmConfig {
  std::string shown;                // the file's name as it may be printed; empty: there is no file
  std::string architecture;         // timm's name
  std::optional<int> heads, image;  // image: pixels a side
  std::optional<Pool> pool;
  std::optional<std::array<float, 3>> mean, std;
  std::optional<float> crop_pct;
  std::optional<Interpolation> interpolation;
  std::vector<std::string> classes;  // label_names in label order, each with its description where there is one
};

// The config.json in the file's folder; of no file, or of another program's, nothing is said. Throws Error that names
// it and the entry: for what is no JSON, of a wrong kind or out of range, and for what would make another network of
// the same tensors (another activation or crop) or one that is not a dense ViT with square images.
TimmConfig timm_config_beside(const std::filesystem::path& weights);

// Heads of the ViTs and DeiTs that timm names by size (vit_tiny_patch16_224, deit3_base_patch16_384, ..); nothing for
// others.
std::optional<int> heads_of_architecture(const std::string& architecture);

}  // namespace mvmoe
