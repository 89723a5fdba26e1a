// tests/tools/library_helpers.h: the C interface with owners, and what its tests ask it about.
#pragma once
#include <algorithm>
#include <limits>
#include <memory>

#include "engine/random.h"
#include "tests/engine/helpers.h"
#include "tools/library/mvmoe.h"
#include "train/files/load_model.h"
#include "train/files/weights.h"

namespace mvmoe::library {

inline const std::filesystem::path golden_weights = "tests/golden/timm/token/model.safetensors";
inline const std::string photo = "tests/golden/images/colour.jpg";

struct FreeModel {
  void operator()(mvmoe_model* m) const { mvmoe_free(m); }
};
struct FreePrediction {
  void operator()(mvmoe_prediction* p) const { mvmoe_prediction_free(p); }
};
using Model = std::unique_ptr<mvmoe_model, FreeModel>;
using Said = std::unique_ptr<mvmoe_prediction, FreePrediction>;

inline Model load(const std::filesystem::path& path) { return Model(mvmoe_load(path.c_str())); }
inline Said ask(const Model& model, const std::string& file) {
  return Said(mvmoe_predict_file(model.get(), file.c_str()));
}

inline bool is_one_line(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= ' '; });
}

// Random bytes; of any size.
inline Image noise(int width, int height, std::uint64_t seed) {
  Image image{width, height, std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height))};
  Random random(seed, Place::test, 0, 0);
  for (std::uint8_t& byte : image.rgb) byte = static_cast<std::uint8_t>(random.below(256));
  return image;
}

// A small network at random weights, with a name for each class: dense where experts is 0.
inline std::filesystem::path write_network(const std::filesystem::path& path, MoeConfig moe, bool finite = true) {
  const ModelConfig config{.depth = 2, .width = 24, .heads = 2, .patch = 4, .image = 16, .classes = 7, .moe = moe};
  ViT model(config);
  model.initialise(3);
  if (!finite) model.parameters().weights()[0] = std::numeric_limits<float>::quiet_NaN();
  ModelDescription d{.model = config,
                     .classes = {"a", "b", "c", "d", "e", "f", "g"},
                     .preprocessing = {.mean = {0.4f, 0.5f, 0.6f}, .std = {0.2f, 0.3f, 0.25f}},
                     .superclass_of = {}};
  if (moe.routing == Routing::superclass && moe.experts > 0) d.superclass_of = {0, 1, 2, 0, 1, 2, 0};
  save_weights(path, model, d);
  return path;
}

inline std::vector<float> logits_of(const Said& said, int classes) {
  const float* logits = mvmoe_logits(said.get());
  return {logits, logits + classes};
}

}  // namespace mvmoe::library
