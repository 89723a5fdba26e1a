// models/block.h: one pre-norm transformer block.
//   x <- x + attention(norm1(x))     x <- x + mlp(norm2(x))     source: ViT, arXiv 2010.11929, equations 2 and 3
#pragma once
#include <string>

#include "engine/context.h"
#include "models/config.h"

namespace mvmoe {

// A linear layer's parameters. bias is -1 where there is none.
struct LinearParameters {
  ParameterId weight = -1, bias = -1;
};

struct NormParameters {
  ParameterId gamma = -1, beta = -1;
};

LinearParameters add_linear(Parameters& parameters, const std::string& name, int in, int out, bool with_bias = true);
NormParameters add_norm(Parameters& parameters, const std::string& name, int width);
// The ops of the same names, with their parameters put on the tape.
Var linear(Context& c, Var x, const LinearParameters& p);
Var layer_norm(Context& c, Var x, const NormParameters& p);

// Which tokens of the block's output somebody reads.
enum class Reads { every_token, class_token };

class TransformerBlock {
 public:
  TransformerBlock(Parameters& parameters, const ModelConfig& config, int index);

  // x [b, T, D] to [b, T, D]; or to [b, 1, D] where only the class token is read: then queries, projection and MLP
  // are computed for that token alone, and no result that is read changes.
  Var forward(Context& c, Var x, Reads reads) const;

 private:
  Var attend(Context& c, Var normed, Reads reads) const;

  NormParameters norm1_, norm2_;
  LinearParameters qkv_, proj_, fc1_, fc2_;
  int index_, width_, heads_;
  float drop_path_;
};

}  // namespace mvmoe
