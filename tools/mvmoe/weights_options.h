// tools/mvmoe/weights_options.h: --weights, and what may be said of weights from elsewhere.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "tools/mvmoe/flags.h"
#include "train/files/load_model.h"

namespace mvmoe {

struct WeightsOptions {
  std::string weights;
  int heads = 0, image_size = 0;                 // 0: as the file says
  std::string pool, interpolation, class_names;  // empty: as the file says; class_names: a file
  std::vector<float> mean, std;
  std::optional<float> crop_pct;

  void declare(Flags& flags);                   // --weights
  void declare_what_may_be_said(Flags& flags);  // the rest, under a heading of its own
  LoadedModel load(ReadExperts experts = ReadExperts::all)
      const;  // as load_model does; throws Error that names the file of class names too
};

}  // namespace mvmoe
