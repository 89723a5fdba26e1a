#include "tools/mvmoe/options.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/cores.h"
#include "engine/error.h"
#include "engine/gemm_bf16.h"
#include "tools/mvmoe/machine.h"
#include "train/data/damaged.h"

namespace mvmoe {

const std::string data_kinds =
    "glyphs, cifar10:DIR, cifar100:DIR, mnist:DIR, folder:DIR, pack:FILE or fractals[:KEY=VALUE,..]";

const std::vector<std::string> moe_flags{
    "moe-layers",     "top-k",          "routing",       "router-input",   "balance",
    "router-noise",   "capacity",       "eval-capacity", "batch-priority", "renormalise-gates",
    "shared-experts", "no-router-bias", "equal-experts"};

void MoeOptions::declare(Flags& flags) {
  flags.heading("Experts");
  flags.add("experts", experts, "experts in each sparse block (0: a dense network)", 0, 4096);
  flags.add("moe-layers", layers, "sparse blocks, the last of the network", 1, 256);
  flags.add("top-k", top_k, "experts that an image or token is sent to", 1, 4096);
  flags.add_choice("routing", routing,
                   "what a router sends, and how it learns: images by super-class, images, or tokens",
                   {"superclass", "image", "token"});
  flags.add_choice("router-input", router_input,
                   "what an image's router reads: the mean of the patch tokens, or the class token", {"mean", "cls"});
  flags.add_choice("balance", balance, "what keeps experts equally loaded",
                   {"none", "importance-load", "switch", "bias", "expert-choice"});
  flags.add("router-noise", router_noise,
            "normal noise on the router's logits in training, with standard deviation 1/experts");
  flags.add("capacity", capacity,
            "an expert takes at most so many times its equal share of a lane's tokens in training", "none", 1e-6f,
            1e6f);
  flags.add("eval-capacity", eval_capacity, "the same at evaluation", "none", 1e-6f, 1e6f);
  flags.add("batch-priority", batch_priority,
            "capacity is filled in falling order of the tokens' largest gates, not in their order");
  flags.add("renormalise-gates", renormalise_gates, "the chosen experts' gates sum to 1");
  flags.add("shared-experts", shared_experts, "experts that always run, beside the chosen ones", 0, 64);
  flags.add("no-router-bias", no_router_bias, "routers without bias, as V-MoE's");
  flags.add(
      "equal-experts", equal_experts,
      "experts that start as copies of one another, not each at random; --upcycle makes them so of a trained MLP");
}

MoeConfig MoeOptions::resolve() const {
  if (experts == 0) return {};
  return {.experts = experts,
          .layers = layers,
          .top_k = top_k,
          .routing = routing_named(routing),
          .router_input = router_input == "cls" ? Pool::cls : Pool::mean,
          .balance = balance_named(balance),
          .router_noise = router_noise ? 1 / static_cast<float>(experts) : 0,
          .capacity = capacity.value_or(0),
          .eval_capacity = eval_capacity.value_or(0),
          .batch_priority = batch_priority,
          .renormalise_gates = renormalise_gates,
          .shared_experts = shared_experts,
          .router_bias = !no_router_bias,
          .equal_start = equal_experts};
}

void require_experts(const Flags& flags, const MoeOptions& moe, const std::vector<std::string>& names) {
  if (moe.experts > 0) return;
  for (const std::string& name : names)
    if (flags.given(name)) fail_usage("--", name, ": says nothing about a dense network: give --experts too");
}

void ModelOptions::declare(Flags& flags) {
  flags.add("model", model, "vit-<depth>x<width>, vit-tiny, vit-small, vit-base, deit-tiny, deit-small or deit-base",
            "NAME");
  flags.add("patch", patch, "side of a patch in pixels (0: 4 for images up to 64 pixels, else 16)", 0, 4096);
  flags.add("heads", heads, "attention heads (0: width/64, or the next divisor of the width)", 0, 16384);
  flags.add("mlp-ratio", mlp_ratio, "hidden width of the MLP over the width", 0, 64);
  flags.add_choice("pool", pool, "what the head reads", {"cls", "mean"});
  flags.add("no-qkv-bias", no_qkv_bias, "queries, keys and values without bias");
  flags.add("drop-path", drop_path, "stochastic depth: the last block's probability to be left out, 0 to below 1", 0,
            1);
  flags.add("image-size", image_size, "side of an image in pixels (0: the data set's; 224 where there is none)", 0,
            4096);
  flags.add("classes", classes, "number of classes (0: the data set's; 1000 where there is none)", 0, 1'000'000);
  moe.declare(flags);
}

ModelConfig ModelOptions::resolve(int image, int data_classes) const {
  ModelConfig config = model_named(model);
  if (image_size && image && image_size != image)
    fail_usage("--image-size: ", image_size, " is not the data set's ", image, ", and these images are not resized");
  if (classes && data_classes && classes != data_classes)
    fail_usage("--classes: ", classes, " is not the data set's ", data_classes);
  config.image = image ? image : image_size ? image_size : 224;
  config.classes = data_classes ? data_classes : classes ? classes : 1000;
  config.patch = patch ? patch : config.image <= 64 ? 4 : 16;
  if (heads) config.heads = heads;
  config.mlp_ratio = mlp_ratio;
  config.pool = pool == "cls" ? Pool::cls : Pool::mean;
  config.qkv_bias = !no_qkv_bias;
  config.drop_path = drop_path;
  config.moe = moe.resolve();
  check(config);
  return config;
}

void ThreadOptions::declare_for_inference(Flags& flags) {
  flags.add("threads", threads,
            "threads of this process (0: the cores that it may use; of ranks that share them, its part)", 0, 4096);
  flags.add("lane-size", lane_size,
            "images that one thread takes through the network at a time; where tokens are routed, the group that is "
            "balanced and that capacity counts in. A dense network that learns nothing takes fewer by default, where "
            "one has many tokens",
            1, 4096);
  flags.add_choice("kernels", kernels, "the fastest kernels, or the plain ones that a reader can follow",
                   {"fast", "plain"});
  flags.add_choice("precision", precision,
                   "what a product's inputs are rounded to; sums, norms, softmax and weights stay fp32. auto: bf16 "
                   "where the processor has it (AVX512-BF16)",
                   {"fp32", "bf16", "auto"});
}

void ThreadOptions::declare(Flags& flags) {
  declare_for_inference(flags);
  flags.add("gradient-blocks", gradient_blocks,
            "groups in which lanes' gradients are summed, at most: they bound the parallel speed-up", 1, 65536);
}

LaneConfig ThreadOptions::lanes() const {
  return {.threads = threads ? threads : std::max(1, available_cores() / ranks_sharing),
          .lane_size = lane_size,
          .gradient_blocks = gradient_blocks};
}

LaneConfig ThreadOptions::lanes_for_inference(const Flags& flags, const ModelConfig& config) const {
  LaneConfig result = lanes();
  // So that what lies between two operations stays in the cache. Where there are experts, a lane is also the group in
  // which they are given out.
  constexpr int tokens = 520;  // 8 images of 65, 2 of 197
  if (!flags.given("lane-size") && config.moe.experts == 0)
    result.lane_size = std::clamp(tokens / config.tokens(), 1, result.lane_size);
  return result;
}

void RankOptions::declare(Flags& flags) {
  flags.add(
      "comm-timeout", timeout,
      "of several ranks (mpirun, srun): seconds without a sign of life after which a rank is lost, and the job ends", 5,
      86400);
}

void RankOptions::declare_for_training(Flags& flags) {
  declare(flags);
  flags.add_choice(
      "gradient-compression", gradient_compression,
      "what gradients are rounded to where they are sent to other ranks: half the bytes, for slow networks",
      compression_names());
}

std::string ThreadOptions::precision_to_use() const {
  if (precision == "auto") return has_gemm_bf16() ? "bf16" : "fp32";
  if (precision == "bf16" && kernels == "fast" && !has_gemm_bf16())
    fail_usage("--precision: bf16 cannot run fast here: ", processor_name(),
               " lacks AVX512-BF16, or oneDNN may not use it: give fp32, or --kernels plain, which rounds as bf16 does "
               "on any processor");
  return precision;
}

Kernels ThreadOptions::kernels_to_run() const {
  const bool plain = kernels == "plain";
  if (precision_to_use() == "bf16") return plain ? Kernels::plain_bf16 : Kernels::fast_bf16;
  return plain ? Kernels::plain : Kernels::fast;
}

void say_idle_threads(const LaneConfig& lanes, int images) {
  const int blocks = std::min(Lanes::count(images, lanes.lane_size), lanes.gradient_blocks);
  if (lanes.threads > blocks)
    std::fprintf(stderr,
                 "mvmoe: %d threads, but a batch has %d gradient blocks: no more than %d threads help (--lane-size, "
                 "--gradient-blocks)\n",
                 lanes.threads, blocks, blocks);
}

void say_notes(const DataSet& data) {
  for (const std::string& note : data.notes) std::fprintf(stderr, "mvmoe: %s\n", note.c_str());
}

void say_damaged(const ImageSet& set, const char* consequence) {
  if (!set.damaged) return;
  const auto named = set.damaged->news(consequence);
  for (const std::string& line : named) std::fprintf(stderr, "mvmoe: warning: %s\n", line.c_str());
  if (const int all = set.damaged->grown(); all > static_cast<int>(named.size()))
    std::fprintf(stderr, "mvmoe: warning: %d images cannot be read: %s\n", all, consequence);
}

void print_json(const nlohmann::ordered_json& json) {
  std::printf("%s\n", json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

}  // namespace mvmoe
