// models/config.h: what a network is, in numbers. Everything else about it follows.
#pragma once
#include <array>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace mvmoe {

enum class Pool { cls, mean };  // what the head reads: the class token, or the mean of the patch tokens

struct ModelConfig {
  int depth = 12;
  int width = 192;       // D
  int heads = 3;         // H; D / H dimensions a head
  int patch = 16;        // P, pixels
  int image = 224;       // S, pixels
  int classes = 1000;
  float mlp_ratio = 4;   // hidden width of the MLP over D
  Pool pool = Pool::cls;
  bool qkv_bias = true;
  float drop_path = 0;   // of the last branch; rises linearly from 0 over the blocks

  int patches() const { return (image / patch) * (image / patch); }  // N
  int tokens() const { return patches() + 1; }                       // T
  int hidden() const { return static_cast<int>(static_cast<float>(width) * mlp_ratio + 0.5f); }
  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

// Throws UsageError that names the flag: a patch that does not divide the image, heads that do not divide the width,
// anything not positive.
void check(const ModelConfig& config);

// Depth, width and heads of `vit-<depth>x<width>` or of a known name (vit-tiny, vit-small, vit-base, deit-*). Throws
// UsageError with the nearest known name.
ModelConfig model_named(const std::string& name);

// Heads for a width where none are given: width / 64, or the next larger divisor of the width.
int default_heads(int width);

void to_json(nlohmann::json& json, const ModelConfig& config);
void from_json(const nlohmann::json& json, ModelConfig& config);

}  // namespace mvmoe
