// train/files/timm_config.h: reads timm's config.json beside a file of weights: what the tensors do not show.
#pragma once
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/config.h"
#include "train/augment/taps.h"

namespace mvmoe {

// Members are empty if the file does not say. timm writes the file beside model.safetensors (save_for_hf,
// push_to_hf_hub). In older files the entries of pretrained_cfg are at the top level.
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

// Reads the config.json in the folder of the weights. If there is none, or if another program wrote it, all members are
// empty. Throws Error that names the file and the entry if it is not JSON, if an entry has a wrong type or is out of
// range, if it describes another computation with the same tensors (another activation or crop), or if the network is
// not a dense ViT with square images.
TimmConfig timm_config_beside(const std::filesystem::path& weights);

// The number of heads for timm's names with a size (vit_tiny_patch16_224, deit3_base_patch16_384, ..); none for other
// names.
std::optional<int> heads_of_architecture(const std::string& architecture);

}  // namespace mvmoe
