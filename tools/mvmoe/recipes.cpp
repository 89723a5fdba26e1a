#include "tools/mvmoe/recipes.h"

#include <nlohmann/json.hpp>

#include "tools/mvmoe/augment_options.h"

namespace mvmoe {
namespace {

using Json = nlohmann::json;

// What each recipe sets, by flag, as text. A flag is in both or in neither, so that one recipe leaves nothing of
// another.
const Json recipes{
    {"none", Json::object()},
    // Ours, for small data and short runs.
    {"light",
     {{"optimizer", "adamw"},
      {"epochs", "20"},
      {"batch-size", "128"},
      {"lr", "0.001"},
      {"lr-base", "0"},
      {"min-lr", "1e-5"},
      {"warmup-epochs", "2"},
      {"warmup-lr", "1e-6"},
      {"weight-decay", "0.05"},
      {"clip", "1"},
      {"label-smoothing", "0.1"},
      {"drop-path", "0"},
      {"ema", "0"},
      {"rand-augment", "none"},
      {"color-jitter", "0"},
      {"random-erasing", "0"},
      {"repeated-augment", "1"},
      {"mixup", "0"},
      {"cutmix", "0"},
      {"mixup-prob", "1"},
      {"mixup-switch-prob", "0.5"}}},
    // DeiT (arXiv 2012.12877, table 9, and its code): the rate is 5e-4 at a batch of 512 and grows with it.
    {"deit",
     {{"optimizer", "adamw"},
      {"epochs", "300"},
      {"batch-size", "1024"},
      {"lr", "5e-4"},
      {"lr-base", "5e-4"},
      {"min-lr", "1e-5"},
      {"warmup-epochs", "5"},
      {"warmup-lr", "1e-6"},
      {"weight-decay", "0.05"},
      {"clip", "0"},
      {"label-smoothing", "0.1"},
      {"drop-path", "0.1"},
      {"ema", "0.99996"},
      {"rand-augment", "rand-m9-mstd0.5-inc1"},
      {"color-jitter", "0"},
      {"random-erasing", "0.25"},
      {"repeated-augment", "3"},
      {"mixup", "0.8"},
      {"cutmix", "1"},
      {"mixup-prob", "1"},
      {"mixup-switch-prob", "0.5"}}}};

}  // namespace

const std::vector<std::string> recipe_names{"none", "light", "deit"};

void apply_recipe(Flags& flags, const std::string& name) {
  Json recipe = recipes.at(name);
  if (flags.given("lr") && recipe.contains("lr-base")) recipe["lr-base"] = "0";  // else --lr would be given in vain
  flags.set_missing(recipe, "--recipe " + name, true);
}

void apply_augmentation_of_recipe(Flags& flags, const std::string& name) {
  const Json& recipe = recipes.at(name);
  Json part = Json::object();
  for (const std::string& flag : augment_flags)
    if (recipe.contains(flag)) part[flag] = recipe[flag];
  flags.set_missing(part, "--recipe " + name, true);
}

}  // namespace mvmoe
