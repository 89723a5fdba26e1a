#include "tools/gradcheck/sparse_reference.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

namespace mvmoe::reference {
namespace {

Array scalar(double value) {
  Array a({1});
  a.values[0] = value;
  return a;
}

}  // namespace

Array softmax(const Array& z) {
  Array p(z.shape);
  for (int r = 0; r < z.shape.rows(); ++r) {
    double sum = 0;
    for (int c = 0; c < z.shape.back(); ++c) sum += p.row(r)[c] = std::exp(z.row(r)[c]);
    for (int c = 0; c < z.shape.back(); ++c) p.row(r)[c] /= sum;
  }
  return p;
}

Array gate(const Array& p, const Pairs& pairs, bool renormalise) {
  Array g({static_cast<int>(pairs.size())});
  for (std::size_t a = 0; a < pairs.size(); ++a) {
    double sum = 0;
    for (const auto& [item, expert] : pairs) sum += item == pairs[a].first ? p.row(item)[expert] : 0;
    g.values[a] = p.row(pairs[a].first)[pairs[a].second] / (renormalise ? sum : 1);
  }
  return g;
}

Array dispatch(const Array& x, const Pairs& pairs, int items) {
  const int rows = x.shape.rows() / items, D = x.shape.back();
  Array xs({static_cast<int>(pairs.size()) * rows, D});
  for (std::size_t a = 0; a < pairs.size(); ++a)
    for (int r = 0; r < rows; ++r)
      std::copy_n(x.row(pairs[a].first * rows + r), D, xs.row(static_cast<int>(a) * rows + r));
  return xs;
}

Array combine(const Array& ys, const Array& gates, const Pairs& pairs, const Shape& like) {
  Array y(like);
  const int rows = ys.shape.rows() / static_cast<int>(pairs.size()), D = like.back();
  for (std::size_t a = 0; a < pairs.size(); ++a)
    for (int r = 0; r < rows; ++r)
      for (int d = 0; d < D; ++d)
        y.row(pairs[a].first * rows + r)[d] += gates.values[a] * ys.row(static_cast<int>(a) * rows + r)[d];
  return y;
}

Array grouped_linear(const Array& x, const Array& weight, const Array& bias, const Pairs& pairs) {
  const int N = weight.shape[1], K = weight.shape[2], rows = x.shape.rows() / static_cast<int>(pairs.size());
  Array y({x.shape.rows(), N});
  for (int r = 0; r < x.shape.rows(); ++r) {
    const int e = pairs[static_cast<std::size_t>(r / rows)].second;
    for (int n = 0; n < N; ++n) {
      y.row(r)[n] = bias.row(e)[n];
      for (int k = 0; k < K; ++k) y.row(r)[n] += x.row(r)[k] * weight.row(e * N + n)[k];
    }
  }
  return y;
}

Array sum_of_rows(const Array& p) {
  Array s({p.shape.back()});
  for (int r = 0; r < p.shape.rows(); ++r)
    for (int e = 0; e < p.shape.back(); ++e) s.values[static_cast<std::size_t>(e)] += p.row(r)[e];
  return s;
}

Array load_sum(const Array& z, const Array& noise, int k, double sigma) {
  const int E = z.shape.back();
  Array s({E});
  for (int r = 0; r < z.shape.rows(); ++r) {
    std::vector<double> noisy;
    for (int e = 0; e < E; ++e) noisy.push_back(z.row(r)[e] + noise.row(r)[e]);
    std::nth_element(noisy.begin(), noisy.begin() + k - 1, noisy.end(), std::greater<>());
    const double threshold = noisy[static_cast<std::size_t>(k) - 1];
    for (int e = 0; e < E; ++e)
      s.values[static_cast<std::size_t>(e)] +=
          0.5 * std::erfc(-(z.row(r)[e] - threshold) / sigma / std::numbers::sqrt2);
  }
  return s;
}

Array cv_squared(const Array& s) {
  double mean = 0, variance = 0;
  for (const double x : s.values) mean += x / static_cast<double>(s.values.size());
  for (const double x : s.values) variance += (x - mean) * (x - mean) / static_cast<double>(s.values.size());
  return scalar(variance / (mean * mean));
}

Array switch_loss(const Array& p) {
  const int n = p.shape.rows(), E = p.shape.back();
  double sum = 0;
  for (int e = 0; e < E; ++e) {
    double share = 0, mean = 0;
    for (int i = 0; i < n; ++i) {
      share += std::max_element(p.row(i), p.row(i) + E) == p.row(i) + e ? 1.0 / n : 0;
      mean += p.row(i)[e] / n;
    }
    sum += share * mean;
  }
  return scalar(E * sum);
}

Array z_loss(const Array& z) {
  double sum = 0;
  for (int i = 0; i < z.shape.rows(); ++i) {
    double exps = 0;
    for (int e = 0; e < z.shape.back(); ++e) exps += std::exp(z.row(i)[e]);
    sum += std::pow(std::log(exps), 2) / z.shape.rows();
  }
  return scalar(sum);
}

}  // namespace mvmoe::reference
