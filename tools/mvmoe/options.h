// tools/mvmoe/options.h: the flags that several subcommands share, and how they become configurations.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "models/config.h"
#include "tools/mvmoe/flags.h"
#include "train/loop.h"

namespace mvmoe {

// What --data may be, for --help.
extern const std::string data_kinds;

// --model, --patch and what else makes a network. 0 or empty: chosen from the rest.
struct MoeOptions {
  int experts = 0, layers = 2, top_k = 1, shared_experts = 0;
  std::string routing = "superclass", router_input = "mean", balance = "none";
  bool router_noise = false, batch_priority = false, renormalise_gates = false, no_router_bias = false,
       equal_experts = false;
  std::optional<float> capacity, eval_capacity;

  void declare(Flags& flags);
  MoeConfig resolve() const;
};

struct ModelOptions {
  std::string model = "vit-tiny";
  int patch = 0, heads = 0, image_size = 0, classes = 0;
  float mlp_ratio = 4, drop_path = 0;
  std::string pool = "cls";
  bool no_qkv_bias = false;
  MoeOptions moe;

  void declare(Flags& flags);
  // `image` and `classes` are the data set's; 0 where there is none: then --image-size and --classes are needed.
  ModelConfig resolve(int image, int classes) const;
};

// The flags of MoeOptions that say nothing without --experts, by name.
extern const std::vector<std::string> moe_flags;
// Throws UsageError if one of `names` was given where there are no experts.
void require_experts(const Flags& flags, const MoeOptions& moe, const std::vector<std::string>& names);

// --threads, --lane-size and the like: how the work is spread. The number of threads changes no result; the others
// change the order of sums, and so the last bits. Where tokens are routed, a lane is also the group in which they are
// balanced and compete for capacity: there its size is part of the method.
struct ThreadOptions {
  int threads = 0;  // 0: the cores this process may use
  int lane_size = 8;
  int gradient_blocks = 16;
  std::string kernels = "fast", precision = "fp32";
  int ranks_sharing = 1;  // ranks that may use the same cores: by default each takes its part

  void declare(Flags& flags);
  void declare_for_inference(Flags& flags);  // without --gradient-blocks
  LaneConfig lanes() const;
  // The same without gradients: a dense network's are smaller where an image has many tokens, unless --lane-size is
  // given.
  LaneConfig lanes_for_inference(const Flags& flags, const ModelConfig& config) const;
  // "fp32" or "bf16": what auto comes to here. Throws UsageError where bf16 is asked of kernels that this machine
  // cannot run.
  std::string precision_to_use() const;
  Kernels kernels_to_run() const;  // throws as precision_to_use does
};

// On stderr, where training on batches of `images` has fewer lanes or gradient blocks than threads: the others are
// idle.
void say_idle_threads(const LaneConfig& lanes, int images);

// The flags of commands that run in several ranks.
struct RankOptions {
  int timeout = 60;  // seconds
  std::string gradient_compression = "none";
  void declare(Flags& flags);
  void declare_for_training(Flags& flags);
};

// What the user should hear about the data, on stderr: what was passed over; which images could not be read since the
// last call, and what follows from that.
void say_notes(const DataSet& data);
void say_damaged(const ImageSet& set, const char* consequence = stand_in_consequence);

// The last line of stdout for --json: keys in the order given; a value that is not finite becomes null.
void print_json(const nlohmann::ordered_json& json);

}  // namespace mvmoe
