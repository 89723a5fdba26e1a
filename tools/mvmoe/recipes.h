// tools/mvmoe/recipes.h: --recipe: a name for a set of flags.
#pragma once
#include "tools/mvmoe/flags.h"

namespace mvmoe {

extern const std::vector<std::string> recipe_names;  // "none" among them, which sets nothing

// Sets every flag of the recipe that was not given, as if it had been: so it wins over --config, and must agree with a
// run that is resumed.
void apply_recipe(Flags& flags, const std::string& name);
// The same for a command that has only the flags of augmentation.
void apply_augmentation_of_recipe(Flags& flags, const std::string& name);

}  // namespace mvmoe
