// models/config.h: the numbers that define a network. Everything else about it follows from them.
#pragma once
#include <array>
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace mvmoe {

enum class Pool { cls, mean };  // what the head reads: the class token, or the mean of the patch tokens

// The sparse part: in the last `layers` blocks E experts stand where a dense block has one MLP.
enum class Routing {
  superclass,  // per image, one router for the network, guided towards the image's super-class (Mobile V-MoE)
  image,       // per image, one router, learned
  token,       // per token, a router in each block (V-MoE)
};
enum class Balance { none, importance_load, switch_loss, bias, expert_choice };

struct MoeConfig {
  int experts = 0;  // E; 0: a dense network
  int layers = 2;   // L
  int top_k = 1;    // k
  Routing routing = Routing::superclass;
  Pool router_input = Pool::mean;  // per image: what the router reads of the tokens that enter the first MoE block
  Balance balance = Balance::none;
  float router_noise = 0;          // standard deviation on the logits in training
  float capacity = 0;              // C: an expert takes at most ceil(k n C / E) of a lane's n tokens; 0: no limit
  float eval_capacity = 0;         // the same at evaluation
  bool batch_priority = false;     // experts take tokens in falling order of their largest gates
  bool renormalise_gates = false;  // the chosen gates sum to 1
  int shared_experts = 0;          // experts that always run, beside the chosen ones
  bool router_bias = true;         // b in z = W x + b
  bool equal_start = false;        // an initialised network's experts are copies of the first
  friend bool operator==(const MoeConfig&, const MoeConfig&) = default;
};

constexpr int max_depth = 256;  // blocks

struct ModelConfig {
  int depth = 12;
  int width = 192;  // D
  int heads = 3;    // H; D / H dimensions a head
  int patch = 16;   // P, pixels
  int image = 224;  // S, pixels
  int classes = 1000;
  float mlp_ratio = 4;  // hidden width of the MLP over D
  Pool pool = Pool::cls;
  bool qkv_bias = true;
  bool class_token = true;  // false: patches alone, and the head reads their mean
  bool fc_norm = false;     // the last norm follows the pooling instead of preceding it (timm's name)
  float drop_path = 0;      // rate of the last block; rises linearly from 0 over the blocks
  MoeConfig moe;

  int patches() const { return (image / patch) * (image / patch); }  // N
  int first_patch() const { return class_token ? 1 : 0; }            // index of the first patch among the tokens
  int tokens() const { return patches() + first_patch(); }           // T
  int hidden() const { return static_cast<int>(static_cast<float>(width) * mlp_ratio + 0.5f); }
  bool sparse(int block) const { return moe.experts > 0 && block >= depth - moe.layers; }
  friend bool operator==(const ModelConfig&, const ModelConfig&) = default;
};

// Names as on the command line. The second of each throws UsageError that names the flag and the nearest name.
const char* pool_name(Pool p);
Pool pool_named(const std::string& name);
const char* routing_name(Routing r);
Routing routing_named(const std::string& name);
const char* balance_name(Balance b);
Balance balance_named(const std::string& name);

// Throws UsageError that names the flag: a patch that does not divide the image, heads that do not divide the width,
// anything not positive.
void check(const ModelConfig& config);

// Depth, width and heads of `vit-<depth>x<width>` or of a known name (vit-tiny, vit-small, vit-base, deit-*). Throws
// UsageError with the nearest known name.
ModelConfig model_named(const std::string& name);

// Heads for a width where none are given: width / 64, or the next larger divisor of the width.
int default_heads(int width);

void to_json(nlohmann::json& json, const MoeConfig& config);
void from_json(const nlohmann::json& json, MoeConfig& config);
void to_json(nlohmann::json& json, const ModelConfig& config);
void from_json(const nlohmann::json& json, ModelConfig& config);

}  // namespace mvmoe
