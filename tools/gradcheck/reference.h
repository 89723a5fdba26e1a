// tools/gradcheck/reference.h: every operation once more, as its definition, in double precision.
//
// This is what the engine is judged by, so nothing of ops/ and none of the engine's kernels is in it: plain loops,
// the C library's exp, erfc and log, no saved values, no gradients. Gradients are finite differences of these.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "engine/tensor.h"
#include "models/config.h"

namespace mvmoe::reference {

// Doubles with a shape; row-major, as a Tensor, but it owns its memory.
struct Array {
  Shape shape;
  std::vector<double> values;

  Array() = default;
  explicit Array(Shape s) : shape(s), values(s.size()) {}
  explicit Array(Tensor t) : shape(t.shape()), values(t.data(), t.data() + t.size()) {}
  bool empty() const { return values.empty(); }
  double* row(int r) { return values.data() + static_cast<std::ptrdiff_t>(r) * shape.back(); }
  const double* row(int r) const { return values.data() + static_cast<std::ptrdiff_t>(r) * shape.back(); }
};

using Arrays = std::vector<Array>;

Array linear(const Array& x, const Array& weight, const Array& bias);  // [.., K], [N, K], [N] or none; gives [.., N]
Array layer_norm(const Array& x, const Array& gamma, const Array& beta, double eps);
Array gelu(const Array& x);
Array attention(const Array& qkv, int heads);                 // [b, T, 3D]; gives [b, T, D]
Array attention(const Array& q, const Array& kv, int heads);  // [b, Tq, D], [b, T, 2D]; gives [b, Tq, D]
Array patch_embed(const Array& images, const Array& weight, const Array& bias);  // [b, 3, S, S]; gives [b, N, D]
Array embed_tokens(const Array& patches, const Array& class_token,
                   const Array& positions);                                         // class token [1, 1, D] or none
Array select_token(const Array& x, int token);                                      // [b, T, D]; gives [b, 1, D]
Array mean_tokens(const Array& x, int first);                                       // [b, T, D]; gives [b, 1, D]
Array residual(const Array& x, const Array& branch, const Array& factors);          // factors [b], or none: all 1
Array cross_entropy(const Array& logits, const Array& targets);                     // gives [1], the sum over images
Array distillation(const Array& logits, const Array& teacher, double temperature);  // the same

// The whole network of models/, parameters under timm's names, drop path off. Gives the logits [b, classes].
Array vit(const ModelConfig& config, const std::map<std::string, Array>& parameters, const Array& images);

}  // namespace mvmoe::reference
