// The config.json of a run that is resumed with a few flags of its own.
#include "tests/fuzz/input.h"
#include "tools/mvmoe/flags.h"
#include "tools/mvmoe/train_options.h"

namespace mvmoe::fuzz {

void config(Input input) {
  const TemporaryFolder folder;
  put_file(folder / "config.json", input);
  TrainOptions options;
  Flags flags("train", "");
  declare_run(flags, options);
  declare_recipe(flags, options);
  declare_start(flags, options);
  declare_manner(flags, options);
  flags.parse({"--out", "run", "--resume", "--data", "folder:here", "--epochs", "3", "--mean", "auto", "--superclasses",
               "here.json"});
  expect_answer([&] { agree_with_folder(flags, recipe_flags, folder / "config.json"); });
}

}  // namespace mvmoe::fuzz
