#include "train/superclass/confusion.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "train/evaluate/keep_on.h"

namespace mvmoe {
namespace {

constexpr int lanes_at_a_time = 128;  // bounds the memory for the probabilities

void softmax(std::span<const float> logits, std::span<double> probabilities) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (std::size_t c = 0; c < logits.size(); ++c) sum += probabilities[c] = std::exp(logits[c] - largest);
  for (double& p : probabilities) p /= sum;
}

}  // namespace

bool nothing_is_confused(const Confusion& confusion) {
  const int C = static_cast<int>(confusion.classes.size());
  for (int row = 0; row < C; ++row)
    for (int column = 0; column < C; ++column)
      if (row != column && confusion.matrix[row][column] > 0) return false;
  return true;
}

MeasuredConfusion measure_confusion(const ViT& model, const ImageSet& set, const Preprocessing& preprocessing,
                                    ConfusionKind kind, Lanes& lanes, const std::function<bool(int)>& keep_on) {
  const int C = model.config().classes, at_a_time = lanes_at_a_time * lanes.config().lane_size;
  MeasuredConfusion out{.matrix = {C, C}, .images = set.size()};
  DoubleMatrix probabilities(std::min(at_a_time, set.size()), C);               // [n, C]
  std::vector<double> predicted(static_cast<std::size_t>(probabilities.rows));  // [n]
  const Panels panels(model.parameters(), lanes.threads());
  int correct = 0;
  KeepOn goes_on(keep_on);
  for (int first = 0; first < set.size(); first += at_a_time) {
    const int count = std::min(at_a_time, set.size() - first);
    const Share share = lanes.share_of(count);
    std::fill(probabilities.values.begin(), probabilities.values.end(), 0.0);
    std::fill(predicted.begin(), predicted.end(), 0.0);
    lanes.infer(share.images, &panels, [&](Context& c, Lane lane) {
      if (!goes_on()) return;
      lane.first += share.first;
      const Tensor images =
          network_inputs(c, set, first + lane.first, lane.images, model.config().image, preprocessing);
      const Tensor all_logits = model.forward(c, images).logits.value();  // [b, C]
      for (int i = 0; i < lane.images; ++i) {
        const int image = lane.first + i;
        const std::span<const float> logits(all_logits.row(i), static_cast<std::size_t>(C));
        if (!std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); }))
          fail("the network gives held-out image ", first + image, " a logit that is not finite");
        predicted[image] = static_cast<double>(std::max_element(logits.begin(), logits.end()) - logits.begin());
        softmax(logits, probabilities[image]);
      }
      goes_on.add(lane.images);
    });
    if (!(out.complete = lanes.comm().sum(goes_on.stopped() ? 1.0 : 0.0) == 0)) return out;
    lanes.comm().sum(std::span<double>(probabilities.values));  // an image's row is 0 on all ranks but one
    lanes.comm().sum(std::span<double>(predicted));
    for (int i = 0; i < count; ++i) {
      const int label = set.labels[first + i], guess = static_cast<int>(predicted[i]);
      correct += guess == label;
      if (kind == ConfusionKind::hard) out.matrix.at(label, guess) += 1;
      else
        for (int c = 0; c < C; ++c) out.matrix.at(label, c) += probabilities.at(i, c);
    }
  }
  out.accuracy = 100.0 * correct / std::max(1, out.images);
  return out;
}

}  // namespace mvmoe
