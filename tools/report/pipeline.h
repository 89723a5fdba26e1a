// tools/report/pipeline.h: a pipeline's folder as the report reads it, each file checked against the others.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tools/report/matrix.h"
#include "tools/report/training.h"
#include "train/data/dataset.h"

namespace mvmoe::report {

struct ModelFigures {
  double top1 = 0, top5 = 0;             // percent of the test images
  double macs = 0, executed_macs = 0;    // multiply-adds of one image
  double ms = 0;                         // of one image
  double params = 0, active_params = 0;  // numbers of weights
};

struct Misrouted {
  int index = 0, true_class = 0, expert = 0, predicted = 0;  // index: of the test image
  double probability = 0;                                    // the router's, of the expert it chose
};

// comparison.json, as `mvmoe pipeline` writes it. C classes, E experts.
struct Comparison {
  std::string data, model, routing, processor;
  std::string init_from;  // the file of weights that both networks began from; empty: none
  int epochs = 0, experts = 0, moe_layers = 0, top_k = 0;
  std::vector<std::string> classes;  // [C]
  std::vector<int> superclass_of;    // [C], 0 .. E-1
  ModelFigures dense, moe;
  std::optional<ModelFigures> control;  // the dense model after as many epochs more
  std::optional<double> router_accuracy, oracle_top1, random_router_top1, ari, nmi;
  double gain = 0, gain_error = 0;  // points of top-1, and a standard error of it
  std::vector<double> expert_load;  // [E], percent; empty where it was not measured
  Matrix expert_of_class;           // [C, E], numbers of test images; 0 x 0 where it was not measured
  std::vector<Misrouted> misrouted;
  std::vector<std::string> verdict;  // why it ended so, sentences; empty where an older version compared

  const ModelFigures& baseline() const { return control ? *control : dense; }
};

struct Pipeline {
  std::string name;
  Training dense, moe;
  std::optional<Training> control;
  Comparison comparison;
  std::vector<std::string> classes;       // names as bytes (comparison.json has broken UTF-8 replaced)
  Matrix confusion;                       // [C, C], each row in percent
  std::vector<double> eigenvalues;        // rising; may be empty
  std::string method;                     // of the division; may be empty
  std::vector<std::vector<int>> members;  // of each super-class, its classes
  std::vector<double> image_shares;  // [E]: of the test images, those of a super-class's classes, 0 to 1; empty where
                                     // they were not counted
  std::vector<int> order;            // [C]: all classes, by super-class
  std::optional<ImageSet> images;    // the test images, where they are still there
  std::string why_no_images;         // else the reason

  // Whether expert n is meant for super-class n; else the experts share the classes as the router learned to.
  bool guided() const { return comparison.routing == "superclass"; }
  double image_share(int superclass) const {
    return image_shares.empty() ? -1 : image_shares[static_cast<std::size_t>(superclass)];
  }
  int class_count() const { return static_cast<int>(classes.size()); }
  int superclass_of(int class_index) const { return comparison.superclass_of[static_cast<std::size_t>(class_index)]; }
  const std::string& class_name(int class_index) const { return classes[static_cast<std::size_t>(class_index)]; }
};

// Throws Error that names the file which is missing, damaged, or at odds with the others.
Pipeline read_pipeline(const std::filesystem::path& folder, const std::string& name);

// Whether the folder is a pipeline's (its parts may still be missing).
bool holds_pipeline(const std::filesystem::path& folder);

}  // namespace mvmoe::report
