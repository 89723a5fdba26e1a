// The state.json of a checkpoint, beside the weights and moments of a small network.
#include "tests/fuzz/input.h"
#include "tests/train/small_run.h"
#include "train/checkpoint.h"

namespace mvmoe::fuzz {
namespace {

struct Run {
  Run() : model(small_model()), trainer((model.initialise(2), model), StepConfig{}) {
    save_checkpoint(folder.path(), trainer,
                    {.model = small_model(), .classes = {"a", "b", "c"}, .preprocessing = {}, .superclass_of = {}}, {},
                    1);
  }
  TemporaryFolder folder;
  ViT model;
  Trainer trainer;
};

}  // namespace

void progress(Input input) {
  static Run run;  // once: it takes longer than all that follows
  put_file(run.folder / "checkpoints" / "step-0" / "state.json", input);
  expect_answer([] { load_checkpoint(run.folder.path(), run.trainer); });
}

}  // namespace mvmoe::fuzz
