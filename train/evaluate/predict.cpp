#include "train/evaluate/predict.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <numeric>

#include "engine/error.h"
#include "engine/files.h"
#include "models/rollout.h"
#include "train/data/decode.h"

namespace mvmoe {
namespace {

// The weight of each expert for image `image` of a lane of `images`: the sum of its gates over all routers, divided by
// the number of items.
std::vector<UsedExpert> experts_of(const ModelOutput& out, int image, int images) {
  std::vector<UsedExpert> used;
  for (int r = 0; r < out.routers; ++r) {
    const Assignments& a = out.routed[r].assignments;
    const int items = a.items / images;  // of one image: 1, or its tokens
    for (int e = 0; e < a.experts; ++e)
      for (int i = a.begin[e]; i < a.begin[e + 1]; ++i) {
        if (a.item[i] / items != image) continue;
        const auto found =
            std::find_if(used.begin(), used.end(), [&](const UsedExpert& one) { return one.index == e; });
        UsedExpert& one = found != used.end() ? *found : used.emplace_back(UsedExpert{e, 0});
        one.gate += out.routed[r].gates.value()[static_cast<std::size_t>(i)] / static_cast<float>(items * out.routers);
      }
  }
  std::stable_sort(used.begin(), used.end(), [](const UsedExpert& a, const UsedExpert& b) { return a.gate > b.gate; });
  return used;
}

bool all_finite(const std::vector<float>& logits) {
  return std::all_of(logits.begin(), logits.end(), [](float x) { return std::isfinite(x); });
}

// Makes the network's input from an image of any size, to [3, S, S].
void put(const Image& image, int side, const Preprocessing& p, float* to) {
  normalise(centre_crop(image, side, p.crop_pct, p.interpolation), p.mean, p.std, to);
}

// The prediction for image `image` of a lane of `images`.
void take_answer(const ModelOutput& out, int image, int images, Prediction& p) {
  const Tensor logits = out.logits.value();  // [b, classes]
  p.logits.assign(logits.row(image), logits.row(image) + logits.width());
  p.experts = experts_of(out, image, images);
}

}  // namespace

std::vector<Prediction> predict(const ViT& model, const std::vector<std::string>& files,
                                const Preprocessing& preprocessing, Lanes& lanes, const Panels* panels, bool explain) {
  const int side = model.config().image;
  std::vector<Prediction> predictions(files.size());
  lanes.infer(static_cast<int>(files.size()), panels, [&](Context& c, Lane lane) {
    const Tensor images = c.arena.take({lane.images, 3, side, side});
    std::vector<Prediction*> read;  // the images that could be read, without gaps
    for (int i = 0; i < lane.images; ++i) {
      Prediction& p = predictions[static_cast<std::size_t>(lane.first + i)];
      p.file = files[static_cast<std::size_t>(lane.first + i)];
      try {
        const Image image = centre_crop(read_image(p.file), side, preprocessing.crop_pct, preprocessing.interpolation);
        if (explain) p.explanation.picture = image;
        normalise(image, preprocessing.mean, preprocessing.std,
                  images.outer_slice(static_cast<int>(read.size()), 1).data());
        read.push_back(&p);
      } catch (const Error& e) {
        p.error = e.what();
      }
    }
    if (read.empty()) return;
    const int b = static_cast<int>(read.size());
    AttentionMaps maps;  // [b][depth]
    const ModelOutput out = model.forward(c, images.outer_slice(0, b), {}, explain ? &maps : nullptr);
    for (int i = 0; i < b; ++i) {
      Prediction& p = *read[static_cast<std::size_t>(i)];
      take_answer(out, i, b, p);
      if (!all_finite(p.logits)) p.error = printable(p.file) + ": the network gives no finite numbers for it";
      else if (explain)
        p.explanation = explanation_of(
            p.explanation.picture,
            attention_rollout(maps[static_cast<std::size_t>(i)], model.config().pool, model.config().first_patch()));
    }
  });
  return predictions;
}

Prediction predict(const ViT& model, const Image& image, const Preprocessing& preprocessing, Context& c,
                   const Panels* panels) {
  const int side = model.config().image;
  c.begin({}, nullptr);
  c.panels = panels;
  const Tensor images = c.arena.take({1, 3, side, side});
  put(image, side, preprocessing, images.data());
  Prediction p;
  take_answer(model.forward(c, images), 0, 1, p);
  if (!all_finite(p.logits)) fail("the network gives no finite numbers for this image");
  return p;
}

std::vector<ClassProbability> most_probable(const std::vector<float>& logits, int count) {
  std::vector<int> labels(logits.size());
  std::iota(labels.begin(), labels.end(), 0);
  const auto more = [&](int a, int b) {
    const float x = logits[static_cast<std::size_t>(a)], y = logits[static_cast<std::size_t>(b)];
    return x != y ? x > y : a < b;
  };
  const auto kept = std::min<std::size_t>(logits.size(), static_cast<std::size_t>(count));
  std::partial_sort(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(kept), labels.end(), more);
  const double largest = logits[static_cast<std::size_t>(labels[0])];
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  std::vector<ClassProbability> top;
  for (std::size_t i = 0; i < kept; ++i)
    top.push_back(
        {labels[i], static_cast<float>(std::exp(logits[static_cast<std::size_t>(labels[i])] - largest) / sum)});
  return top;
}

}  // namespace mvmoe
