#include "models/block.h"

#include "ops/attention.h"
#include "ops/drop_path.h"
#include "ops/gelu.h"
#include "ops/layer_norm.h"
#include "ops/linear.h"
#include "ops/residual.h"
#include "ops/tokens.h"

namespace mvmoe {

LinearParameters add_linear(Parameters& parameters, const std::string& name, int in, int out, bool with_bias) {
  LinearParameters p;
  p.weight = parameters.add(name + ".weight", {out, in}, {Init::Kind::normal, 0.02f}, true);
  if (with_bias) p.bias = parameters.add(name + ".bias", {out}, {});
  return p;
}

NormParameters add_norm(Parameters& parameters, const std::string& name, int width) {
  const ParameterId gamma = parameters.add(name + ".weight", {width}, {Init::Kind::ones});
  return {gamma, parameters.add(name + ".bias", {width}, {})};
}

Var linear(Context& c, Var x, const LinearParameters& p) {
  return linear(c, x, c.parameter(p.weight), p.bias < 0 ? Var{} : c.parameter(p.bias));
}

Var layer_norm(Context& c, Var x, const NormParameters& p) { return layer_norm(c, x, c.parameter(p.gamma), c.parameter(p.beta)); }

TransformerBlock::TransformerBlock(Parameters& parameters, const ModelConfig& config, int index)
    : index_(index), width_(config.width), heads_(config.heads),
      drop_path_(config.depth > 1 ? config.drop_path * static_cast<float>(index) / static_cast<float>(config.depth - 1) : 0) {
  const std::string name = "blocks." + std::to_string(index);
  const int D = config.width;
  norm1_ = add_norm(parameters, name + ".norm1", D);
  qkv_ = add_linear(parameters, name + ".attn.qkv", D, 3 * D, config.qkv_bias);
  proj_ = add_linear(parameters, name + ".attn.proj", D, D);
  norm2_ = add_norm(parameters, name + ".norm2", D);
  fc1_ = add_linear(parameters, name + ".mlp.fc1", D, config.hidden());
  fc2_ = add_linear(parameters, name + ".mlp.fc2", config.hidden(), D);
}

Var TransformerBlock::attend(Context& c, Var normed, Reads reads) const {
  if (reads == Reads::every_token) return attention(c, linear(c, normed, qkv_), heads_);
  // The same weights in two pieces: the query's rows for one token, the keys' and values' rows for all.
  const auto piece = [&](Var x, int first, int count) {
    return linear(c, x, c.parameter(qkv_.weight, first, count), qkv_.bias < 0 ? Var{} : c.parameter(qkv_.bias, first, count));
  };
  return attention(c, piece(select_token(c, normed, 0), 0, width_), piece(normed, width_, 2 * width_), heads_);
}

Var TransformerBlock::forward(Context& c, Var x, Reads reads) const {
  const int images = x.shape()[0];
  const Var attended = linear(c, attend(c, layer_norm(c, x, norm1_), reads), proj_);
  if (reads == Reads::class_token) x = select_token(c, x, 0);
  x = residual(c, x, attended, drop_path_factors(c, images, drop_path_, 2 * index_));
  const Var mlp = linear(c, gelu(c, linear(c, layer_norm(c, x, norm2_), fc1_)), fc2_);
  return residual(c, x, mlp, drop_path_factors(c, images, drop_path_, 2 * index_ + 1));
}

}  // namespace mvmoe
