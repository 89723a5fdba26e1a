// tools/mvmoe/summary.cpp: `mvmoe summary`.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "models/cost.h"
#include "tools/mvmoe/commands.h"
#include "tools/mvmoe/options.h"
#include "tools/report/html.h"
#include "train/losses/routing_losses.h"

namespace mvmoe {
namespace {

using report::grouped;

// Whether lanes meet, so that all their activations are in memory at once (with any weight of the balance loss above
// 0).
bool keeps_all_lanes(const MoeConfig& moe) {
  return balances_whole_batch(moe, {.superclass_of = {}, .balance_weight = 1});
}

// Bytes that a training step needs, found by taking one: one lane forward and backward on one thread.
double train_bytes(const ViT& model, const ModelConfig& config, const LaneConfig& lane_config, int batch) {
  const int images = std::min(batch, lane_config.lane_size);
  Context c(model.parameters());
  Block gradients(model.parameters().block_size());
  Block input(static_cast<std::size_t>(images) * 3 * static_cast<std::size_t>(config.image * config.image));
  c.begin({.training = true}, &gradients);
  const Var logits = model.forward(c, Tensor(input.data(), {images, 3, config.image, config.image})).logits;
  const Tensor dy = c.arena.take(logits.shape());
  dy.fill(1);
  c.tape.backward(logits, dy);
  const int all_lanes = Lanes::count(batch, lane_config.lane_size), threads = std::min(lane_config.threads, all_lanes);
  const double lanes = static_cast<double>(c.arena.capacity()) * (keeps_all_lanes(config.moe) ? all_lanes : threads);
  const double blocks = static_cast<double>(model.parameters().block_size()) * sizeof(float) *
                        (4 + threads);  // weights, m, v, sum, buffers
  const double batches = 3.0 * static_cast<double>(input.size()) / images * batch * sizeof(float);
  return lanes + blocks + batches;
}

}  // namespace

int summary_command(const Words& words) {
  ModelOptions options;
  ThreadOptions threads;
  int batch_size = 128;
  bool json = false;
  Flags flags("summary --model NAME --image-size S --classes N [flags]",
              "Parameters, multiply-adds and memory of a model, without training it.");
  flags.heading("Model");
  options.declare(flags);
  flags.heading("Running");
  flags.add("batch-size", batch_size, "images a step, for the memory of training", 1, 1'000'000);
  threads.declare(flags);
  flags.add("json", json, "results as one JSON object in the last line of stdout");
  if (!flags.parse(words)) return 0;

  require_experts(flags, options.moe, moe_flags);
  const ModelConfig config = options.resolve(0, 0);
  const ViT model(config);
  const Cost c = cost(config);
  const auto params = static_cast<std::int64_t>(model.parameters().count());
  const auto active = active_params(config, params);
  const double train_mb = train_bytes(model, config, threads.lanes(), batch_size) / (1 << 20);
  if (json) {
    print_json({{"params", params},
                {"active_params", active},
                {"macs", c.macs},
                {"executed_macs", c.executed_macs},
                {"train_mb", train_mb}});
    return 0;
  }
  for (const Parameter& p : model.parameters().list())
    std::printf("%-34s %-20s %14s\n", p.name.c_str(), p.shape.string().c_str(),
                grouped(static_cast<double>(p.shape.size())).c_str());
  std::printf("\n%s: depth %d, width %d, %d heads, patch %d, image %d, %d tokens, %d classes\n", options.model.c_str(),
              config.depth, config.width, config.heads, config.patch, config.image, config.tokens(), config.classes);
  if (config.moe.experts > 0)
    std::printf("%d experts in the last %d blocks, %d for each %s, %d shared; routing: %s\n", config.moe.experts,
                config.moe.layers, config.moe.top_k, config.moe.routing == Routing::token ? "token" : "image",
                config.moe.shared_experts, routing_name(config.moe.routing));
  std::printf("parameters               %16s\n", grouped(static_cast<double>(params)).c_str());
  std::printf("  active                 %16s   (%s)\n", grouped(static_cast<double>(active)).c_str(),
              config.moe.experts == 0                ? "all, for every image"
              : config.moe.routing == Routing::token ? "what one token passes; an image may touch all"
                                                     : "what one image passes");
  std::printf("multiply-adds an image   %16s   (all matrix products; two FLOPs each, as some count)\n",
              grouped(static_cast<double>(c.macs)).c_str());
  std::printf("  executed by mvmoe      %16s   (the last block only where its output is read)\n",
              grouped(static_cast<double>(c.executed_macs)).c_str());
  std::printf("memory of training       %12.0f MiB   (batch %d, %d threads, lanes of %d images)\n", train_mb,
              batch_size, threads.lanes().threads, threads.lane_size);
  if (keeps_all_lanes(config.moe))
    std::printf(
        "                                            (images are balanced over the whole batch: every lane's "
        "activations are kept)\n");
  return 0;
}

}  // namespace mvmoe
