#include "engine/panels.h"

#include <algorithm>

namespace mvmoe {
namespace {

// From [vector_floats, K] to [K, vector_floats].
void transpose(const float* from, float* to, int K) {
  for (int k = 0; k < K; ++k)
    for (int n = 0; n < vector_floats; ++n) to[k * vector_floats + n] = from[static_cast<std::ptrdiff_t>(n) * K + k];
}

}  // namespace

Panels::Panels(const Parameters& parameters, Threads& threads) : panels_(parameters.block_size()) {
  for (std::size_t i = 0; i < parameters.list().size(); ++i) {
    const auto id = static_cast<ParameterId>(i);
    const Parameter& p = parameters[id];
    const int K = p.shape.axes() == 4 ? static_cast<int>(p.shape.size()) / p.shape[0]
                                      : p.shape.back();  // a convolution [N, 3, P, P], experts [E, N, K]
    const auto panel = static_cast<std::size_t>(vector_floats * K);
    if (p.decay && p.shape.size() % panel == 0 && !parameters.is_elsewhere(id))
      pieces_.push_back({parameters.value(id).data(), p.shape.size(), panel, K, p.offset});
  }
  std::sort(pieces_.begin(), pieces_.end(), [](const Piece& a, const Piece& b) {
    return a.begin < b.begin;
  });  // the list's order differs: parameters that are split over ranks stand last
  for (const Piece& piece : pieces_)
    threads.share(static_cast<int>(piece.size / piece.panel), [&](int i, int) {
      const std::size_t at = static_cast<std::size_t>(i) * piece.panel;
      transpose(piece.begin + at, panels_.data() + piece.offset + at, piece.depth);
    });
}

const float* Panels::of(Tensor weight) const {
  const float* begin = weight.data();
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), begin,
                                      [](const float* place, const Piece& piece) { return place < piece.begin; });
  if (after == pieces_.begin()) return nullptr;
  const Piece& piece = *(after - 1);
  const auto at = static_cast<std::size_t>(begin - piece.begin);
  if (at + weight.size() > piece.size || at % piece.panel != 0 || weight.size() % piece.panel != 0) return nullptr;
  return panels_.data() + piece.offset + at;
}

}  // namespace mvmoe
