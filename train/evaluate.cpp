#include "train/evaluate.h"

#include <chrono>
#include <cmath>
#include <mutex>

#include "train/loader.h"

namespace mvmoe {
namespace {

struct Score {
  int rank = 0;     // classes before the true one
  double loss = 0;
};

Score score(const float* logits, int classes, int label) {
  const float own = logits[label];
  Score s;
  double sum = 0, largest = own;
  for (int c = 0; c < classes; ++c) {
    largest = std::max<double>(largest, logits[c]);
    if (c != label && (logits[c] > own || (logits[c] == own && c < label) || std::isnan(own))) ++s.rank;
  }
  for (int c = 0; c < classes; ++c) sum += std::exp(logits[c] - largest);
  s.loss = largest + std::log(sum) - own;
  return s;
}

}  // namespace

Evaluation evaluate(const ViT& model, const ImageSet& set, const Normalisation& normalisation, Lanes& lanes,
                    const std::function<bool(int images)>& keep_on) {
  const auto start = std::chrono::steady_clock::now();
  const int S = set.side;
  std::vector<Score> scores(static_cast<std::size_t>(set.size()));
  std::mutex asking;
  std::atomic<int> done{0};
  bool stopped = false;
  const auto told_to_stop = [&] {
    const std::lock_guard lock(asking);
    return stopped = stopped || !keep_on(done);
  };
  lanes.infer(set.size(), [&](Context& c, Lane lane) {
    if (keep_on && told_to_stop()) return;
    const Tensor images = c.arena.take({lane.images, 3, S, S});
    for (int i = 0; i < lane.images; ++i)
      normalise(set.image(lane.first + i), set.channels, S, normalisation.mean, normalisation.std, images.outer_slice(i, 1).data());
    const Tensor logits = model.forward(c, images).logits.value();  // [b, classes]
    for (int i = 0; i < lane.images; ++i) {
      const auto image = static_cast<std::size_t>(lane.first + i);
      scores[image] = score(logits.row(i), logits.width(), set.labels[image]);
    }
    done += lane.images;
  });

  Evaluation e{.images = set.size(), .complete = !stopped};
  for (const Score& s : scores) {
    e.top1 += s.rank < 1;
    e.top5 += s.rank < 5;
    e.loss += s.loss;
  }
  const double images = std::max(1, e.images);
  e.top1 *= 100 / images;
  e.top5 *= 100 / images;
  e.loss /= images;
  e.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return e;
}

}  // namespace mvmoe
