#include "tools/mvmoe/hints.h"

#include <algorithm>

#include "engine/nearest.h"

namespace mvmoe {
namespace {

// What timm, PyTorch's examples, make and others call it.
struct Alias {
  const char* word;
  const char* flag;
  const char* instead = nullptr;  // where it is not quite the same thing
};
constexpr const char* accumulate =
    "--accumulate N takes the --batch-size images of a step in N parts, where timm multiplies its batch size by N";
constexpr const char* schedule =
    "the rate falls by a cosine after a linear warm-up: --lr, --min-lr, --warmup-epochs, --warmup-lr";
constexpr Alias aliases[] = {
    {"b", "batch-size"},
    {"bs", "batch-size"},
    {"batch", "batch-size"},
    {"wd", "weight-decay"},
    {"j", "workers"},
    {"num-workers", "workers"},
    {"o", "out"},
    {"output", "out"},
    {"output-dir", "out"},
    {"d", "data"},
    {"dataset", "data"},
    {"data-dir", "data"},
    {"data-path", "data"},
    {"m", "model"},
    {"arch", "model"},
    {"learning-rate", "lr"},
    {"img-size", "image-size"},
    {"num-classes", "classes"},
    {"smoothing", "label-smoothing"},
    {"clip-grad", "clip"},
    {"checkpoint", "weights"},
    {"force", "overwrite"},
    {"val-split", "holdout"},
    {"pretrained", "init-from"},
    {"t", "threads"},
    {"opt", "optimizer"},
    {"optim", "optimizer"},
    {"model-ema", "ema"},
    {"model-ema-decay", "ema"},
    {"patience", "early-stop"},
    {"grad-accum-steps", "accumulate", accumulate},
    {"teacher-path", "teacher"},
    {"teacher-model", "teacher"},
    {"distillation-alpha", "teacher-weight"},
    {"distillation-tau", "teacher-temperature"},
    {"distillation-type", "teacher-targets"},
    {"sched", "min-lr", schedule},
    {"scheduler", "min-lr", schedule},
    {"lr-scheduler", "min-lr", schedule},
};

std::string did_you_mean(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i)
    list += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + ("--" + names[i]);
  return names.empty() ? "" : ": did you mean " + list + "?";
}

}  // namespace

std::string hint_for(const std::string& word, const std::vector<std::string>& names) {
  std::string name = word.substr(std::min(word.size(), word.find_first_not_of('-')));
  std::replace(name.begin(), name.end(), '_', '-');
  for (const Alias& alias : aliases)
    if (name == alias.word && std::find(names.begin(), names.end(), alias.flag) != names.end())
      return alias.instead ? std::string(": ") + alias.instead : did_you_mean({alias.flag});
  std::vector<std::string> longer;
  for (const std::string& known : names)
    if (!name.empty() && known.starts_with(name)) longer.push_back(known);
  if (!longer.empty() && longer.size() <= 3) return did_you_mean(longer);
  const std::string near = nearest(name, names);
  return near.empty() ? "" : did_you_mean({near});
}

}  // namespace mvmoe
