#include "tools/gradcheck/reference.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace mvmoe::reference {
namespace {

Shape with_width(const Shape& shape, int width) {
  int axes[Shape::max_axes];
  for (int i = 0; i < shape.axes(); ++i) axes[i] = i + 1 < shape.axes() ? shape[i] : width;
  return Shape::from(axes, shape.axes());
}

// Columns first .. first + count of every row.
Array columns(const Array& x, int first, int count) {
  Array y(with_width(x.shape, count));
  for (int r = 0; r < x.shape.rows(); ++r) std::copy_n(x.row(r) + first, count, y.row(r));
  return y;
}

}  // namespace

Array linear(const Array& x, const Array& weight, const Array& bias) {
  const int K = weight.shape[1], N = weight.shape[0];
  Array y(with_width(x.shape, N));
  for (int r = 0; r < x.shape.rows(); ++r)
    for (int n = 0; n < N; ++n) {
      double sum = bias.empty() ? 0 : bias.row(0)[n];
      for (int k = 0; k < K; ++k) sum += x.row(r)[k] * weight.row(n)[k];
      y.row(r)[n] = sum;
    }
  return y;
}

Array layer_norm(const Array& x, const Array& gamma, const Array& beta, double eps) {
  const int D = x.shape.back();
  Array y(x.shape);
  for (int r = 0; r < x.shape.rows(); ++r) {
    double mean = 0, variance = 0;
    for (int i = 0; i < D; ++i) mean += x.row(r)[i] / D;
    for (int i = 0; i < D; ++i) variance += (x.row(r)[i] - mean) * (x.row(r)[i] - mean) / D;
    for (int i = 0; i < D; ++i)
      y.row(r)[i] = gamma.row(0)[i] * (x.row(r)[i] - mean) / std::sqrt(variance + eps) + beta.row(0)[i];
  }
  return y;
}

// Phi(x) = erfc(-x / sqrt 2) / 2: erfc keeps its digits in the left tail, where 1 + erf would lose them.
Array gelu(const Array& x) {
  Array y(x.shape);
  for (std::size_t i = 0; i < x.values.size(); ++i)
    y.values[i] = x.values[i] * 0.5 * std::erfc(-x.values[i] / std::numbers::sqrt2);
  return y;
}

Array attention(const Array& qkv, int heads) {
  const int D = qkv.shape.back() / 3;
  return attention(columns(qkv, 0, D), columns(qkv, D, 2 * D), heads);
}

Array attention(const Array& q, const Array& kv, int heads) {
  const int b = q.shape[0], Tq = q.shape[1], T = kv.shape[1], D = q.shape[2], d = D / heads;
  Array y(q.shape);
  std::vector<double> p(static_cast<std::size_t>(T));  // one query's probabilities
  for (int i = 0; i < b; ++i)
    for (int h = 0; h < heads; ++h)
      for (int t = 0; t < Tq; ++t) {
        const double* query = q.row(i * Tq + t) + h * d;
        const auto key = [&](int j) { return kv.row(i * T + j) + h * d; };
        const auto value = [&](int j) { return kv.row(i * T + j) + D + h * d; };
        double largest = -INFINITY, sum = 0;
        for (int j = 0; j < T; ++j) {
          double score = 0;
          for (int e = 0; e < d; ++e) score += query[e] * key(j)[e];
          p.data()[j] = score / std::sqrt(d);
          largest = std::max(largest, p.data()[j]);
        }
        for (double& pj : p) sum += pj = std::exp(pj - largest);
        for (int j = 0; j < T; ++j)
          for (int e = 0; e < d; ++e) y.row(i * Tq + t)[h * d + e] += p.data()[j] / sum * value(j)[e];
      }
  return y;
}

// The convolution as its definition, a sum over channel, line and column of the patch; nothing is unfolded.
Array patch_embed(const Array& images, const Array& weight, const Array& bias) {
  const int b = images.shape[0], channels = images.shape[1], S = images.shape[2], P = weight.shape[2],
            D = weight.shape[0], side = S / P;
  Array y({b, side * side, D});
  for (int i = 0; i < b; ++i)
    for (int patch = 0; patch < side * side; ++patch)
      for (int n = 0; n < D; ++n) {
        double sum = bias.row(0)[n];
        for (int c = 0; c < channels; ++c)
          for (int line = 0; line < P; ++line)
            for (int column = 0; column < P; ++column)
              sum += weight.row((n * channels + c) * P + line)[column] *
                     images.row((i * channels + c) * S + patch / side * P + line)[patch % side * P + column];
        y.row(i * side * side + patch)[n] = sum;
      }
  return y;
}

Array embed_tokens(const Array& patches, const Array& class_token, const Array& positions) {
  const int b = patches.shape[0], N = patches.shape[1], D = patches.shape[2],
            before = class_token.values.empty() ? 0 : 1;
  Array y({b, N + before, D});
  for (int i = 0; i < b; ++i)
    for (int t = 0; t < N + before; ++t)
      for (int e = 0; e < D; ++e)
        y.row(i * (N + before) + t)[e] =
            (t < before ? class_token.row(0)[e] : patches.row(i * N + t - before)[e]) + positions.row(t)[e];
  return y;
}

Array select_token(const Array& x, int token) {
  const int b = x.shape[0], T = x.shape[1], D = x.shape[2];
  Array y({b, 1, D});
  for (int i = 0; i < b; ++i) std::copy_n(x.row(i * T + token), D, y.row(i));
  return y;
}

Array mean_tokens(const Array& x, int first) {
  const int b = x.shape[0], T = x.shape[1], D = x.shape[2];
  Array y({b, 1, D});
  for (int i = 0; i < b; ++i)
    for (int t = first; t < T; ++t)
      for (int e = 0; e < D; ++e) y.row(i)[e] += x.row(i * T + t)[e] / (T - first);
  return y;
}

Array residual(const Array& x, const Array& branch, const Array& factors) {
  Array y(x.shape);
  const std::size_t n = x.values.size() / static_cast<std::size_t>(x.shape[0]);  // numbers of an image
  for (std::size_t i = 0; i < y.values.size(); ++i)
    y.values[i] = x.values[i] + (factors.empty() ? 1 : factors.values[i / n]) * branch.values[i];
  return y;
}

Array cross_entropy(const Array& logits, const Array& targets) {
  Array loss({1});
  for (int r = 0; r < logits.shape.rows(); ++r) {
    const double* z = logits.row(r);
    const double largest = *std::max_element(z, z + logits.shape.back());
    double sum = 0;
    for (int c = 0; c < logits.shape.back(); ++c) sum += std::exp(z[c] - largest);
    for (int c = 0; c < logits.shape.back(); ++c)
      loss.values[0] -= targets.row(r)[c] * (z[c] - largest - std::log(sum));
  }
  return loss;
}

// T^2 times the Kullback-Leibler divergence of the student's softened distribution from the teacher's.
Array distillation(const Array& logits, const Array& teacher, double temperature) {
  Array loss({1});
  const int C = logits.shape.back();
  const auto log_softmax = [&](const double* z) {
    std::vector<double> out(z, z + C);
    const double largest = *std::max_element(z, z + C);
    double sum = 0;
    for (double& x : out) sum += std::exp(x = (x - largest) / temperature);
    for (double& x : out) x -= std::log(sum);
    return out;
  };
  for (int r = 0; r < logits.shape.rows(); ++r) {
    const std::vector<double> q = log_softmax(logits.row(r)), p = log_softmax(teacher.row(r));
    for (std::size_t c = 0; c < p.size(); ++c)
      loss.values[0] += temperature * temperature * std::exp(p[c]) * (p[c] - q[c]);
  }
  return loss;
}

Array vit(const ModelConfig& config, const std::map<std::string, Array>& parameters, const Array& images) {
  const auto p = [&](const std::string& name) -> const Array& { return parameters.at(name); };
  const auto dense = [&](const Array& x, const std::string& name) {
    return linear(x, p(name + ".weight"), p(name + ".bias"));
  };
  const auto norm = [&](const Array& x, const std::string& name) {
    return layer_norm(x, p(name + ".weight"), p(name + ".bias"), 1e-6);
  };
  Array x = embed_tokens(patch_embed(images, p("patch_embed.proj.weight"), p("patch_embed.proj.bias")),
                         config.class_token ? p("cls_token") : Array{}, p("pos_embed"));
  for (int i = 0; i < config.depth; ++i) {
    const std::string block = "blocks." + std::to_string(i);
    const Array qkv = dense(norm(x, block + ".norm1"), block + ".attn.qkv");
    x = residual(x, dense(attention(qkv, config.heads), block + ".attn.proj"), {});
    x = residual(x, dense(gelu(dense(norm(x, block + ".norm2"), block + ".mlp.fc1")), block + ".mlp.fc2"), {});
  }
  if (!config.fc_norm) x = norm(x, "norm");
  Array pooled = config.pool == Pool::cls ? select_token(x, 0) : mean_tokens(x, config.class_token ? 1 : 0);
  if (config.fc_norm) pooled = norm(pooled, "fc_norm");
  pooled.shape = {images.shape[0], config.width};
  return dense(pooled, "head");
}

}  // namespace mvmoe::reference
