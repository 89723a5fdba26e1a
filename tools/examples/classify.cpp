// tools/examples/classify.cpp: loads a network and says what an image shows, by the C++ engine.
#include <cstdio>

#include "train/evaluate/predict.h"
#include "train/files/load_model.h"

int main(int argc, char** argv) try {
  if (argc != 3) return std::fprintf(stderr, "usage: classify WEIGHTS IMAGE\n"), 2;
  const mvmoe::LoadedModel network = mvmoe::load_model(argv[1]);
  mvmoe::Lanes lanes(network.model->parameters(), {.threads = 1, .lane_size = 1}, mvmoe::Kernels::fast);
  for (const mvmoe::Prediction& p :
       mvmoe::predict(*network.model, {argv[2]}, network.description.preprocessing, lanes)) {
    if (!p.error.empty()) throw std::runtime_error(p.error);
    for (const mvmoe::ClassProbability& one : mvmoe::most_probable(p.logits, 5))
      std::printf("%.6f %s\n", one.probability, network.description.classes[one.label].c_str());
  }
} catch (const std::exception& e) {
  std::fprintf(stderr, "classify: %s\n", e.what());
  return 1;
}
