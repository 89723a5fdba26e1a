// A step and an evaluation whose experts live elsewhere, in three phases or with a visit in each sparse block, on one
// rank, which has all experts, against the step in one. Several ranks: tests/cli/expert_parallel.sh. Wrong but
// plausible, and what shows it: a gate's gradient that does not come back (the router's weights), tokens' gradients of
// another image (every trunk weight), the mean taken twice or never, drop path keyed by the place among those that
// arrived (drop path on), answers to another lane's items or to another block's (visits), a total that keeps the last
// step's tail (several steps), a file whose experts stand in the order of their ranks (whole tensors).
#include "train/experts/expert_parallel.h"
#include "train/files/load_model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "train/checkpoint.h"
#include "train/evaluate/evaluate.h"

namespace mvmoe {
namespace {

struct SpreadCase {
  const char* name;
  MoeConfig moe;
  bool mixed = false;
  Pool pool = Pool::cls;
  int parts = 1;
  bool taught = false;
};

const std::vector<SpreadCase> cases{
    {"superclass", {.experts = 3, .layers = 1, .routing = Routing::superclass}},
    {"superclass, all blocks sparse, mixed, the head reads the mean",
     {.experts = 3, .layers = 3, .routing = Routing::superclass},
     true,
     Pool::mean},
    {"importance and load",
     {.experts = 3, .layers = 2, .routing = Routing::image, .balance = Balance::importance_load, .router_noise = 0.3f}},
    {"switch, gates of 1, a shared expert",
     {.experts = 4,
      .layers = 2,
      .routing = Routing::image,
      .balance = Balance::switch_loss,
      .renormalise_gates = true,
      .shared_experts = 1}},
    {"two experts an image",
     {.experts = 3,
      .layers = 2,
      .top_k = 2,
      .routing = Routing::image,
      .balance = Balance::importance_load,
      .router_noise = 0.3f,
      .shared_experts = 1}},
    {"two experts an image, in parts, mixed, the head reads the mean",
     {.experts = 4, .layers = 2, .top_k = 2, .routing = Routing::image, .renormalise_gates = true},
     true,
     Pool::mean,
     2},
    {"tokens",
     {.experts = 3,
      .layers = 2,
      .routing = Routing::token,
      .balance = Balance::importance_load,
      .router_noise = 0.3f,
      .capacity = 1}},
    {"tokens, all blocks sparse, the head reads the mean",
     {.experts = 4, .layers = 3, .top_k = 2, .routing = Routing::token, .balance = Balance::bias, .shared_experts = 1},
     false,
     Pool::mean},
    {"tokens, chosen by experts, in parts",
     {.experts = 3, .layers = 1, .routing = Routing::token, .balance = Balance::expert_choice},
     false,
     Pool::cls,
     2},
    {"superclass, in parts, with a teacher",
     {.experts = 3, .layers = 1, .routing = Routing::superclass},
     false,
     Pool::cls,
     2,
     true},
    {"tokens with a teacher", {.experts = 3, .layers = 2, .routing = Routing::token}, true, Pool::cls, 1, true},
    {"bias, in parts",
     {.experts = 3, .layers = 2, .routing = Routing::image, .balance = Balance::bias},
     false,
     Pool::cls,
     2},
};

// A network with all its experts, spread over one rank or not.
struct SpreadRun {
  SpreadRun(const SpreadCase& spread_case, bool spread, int threads = 2)
      : config(model_of(spread_case)),
        placement(spread ? place_experts(std::vector<double>(static_cast<std::size_t>(config.moe.experts), 1), 1)
                         : Placement{}),
        model(config, {}, spread ? config.moe.experts : 0),
        trainer(start(model), step_of(spread_case, threads), nullptr, placement) {
    if (!spread_case.taught) return;
    LoadedModel loaded{std::make_unique<ViT>(small_model()), {}};
    loaded.model->initialise(5);
    loaded.description.preprocessing = {.mean = {0.4f, 0.5f, 0.6f}, .std = {0.05f, 0.05f, 0.05f}};
    const Preprocessing students = small_loader(1).preprocessing;
    teacher.emplace(std::move(loaded), std::vector<int>{2, 0, 1}, 8, students, trainer.lanes.threads());
    trainer.teacher = &*teacher;
  }

  static ModelConfig model_of(const SpreadCase& c) {
    ModelConfig config = small_model();
    config.depth = 3, config.width = 48, config.drop_path = 0.3f, config.moe = c.moe, config.pool = c.pool;
    return config;
  }
  static StepConfig step_of(const SpreadCase& c, int threads) {
    StepConfig step;
    step.optimizer = Optimizer::sgd;  // AdamW would make a full step of a gradient that is rounding noise
    step.schedule.rate = 0.1f;
    step.clip = 1, step.ema = 0.9f;
    step.distillation = {.weight = 0.6f, .temperature = 2};
    step.routing = {.superclass_of = {}, .balance_weight = 0.1f, .z_weight = 0.01f};
    if (c.moe.routing == Routing::superclass) step.routing.superclass_of = {2, 0, 1};
    step.lanes = {.threads = threads, .lane_size = 4, .gradient_blocks = 5};
    return step;
  }
  static ViT& start(ViT& model) {
    model.initialise(3);
    for (const Parameter& p : model.parameters().list())  // a router of some opinion, so that every expert has images
      if (p.name == "router.weight")
        for (std::size_t i = 0; i < p.shape.size(); ++i) model.parameters().weights()[p.offset + i] *= 40;
    return model;
  }

  ModelConfig config;
  Placement placement;
  ViT model;
  Trainer trainer;
  std::optional<Teacher> teacher;
};

LoaderConfig loader_of(const SpreadCase& c) {
  LoaderConfig config = small_loader(c.parts == 1 ? 29 : 24 / c.parts);  // the last lane is smaller
  config.lane_size = 4;
  if (c.mixed) config.mixing = {.mixup_alpha = 0.8f, .cutmix_alpha = 1};
  config.label_smoothing = 0.1f;
  return config;
}

void expect_same_pieces(const SpreadRun& is, const Block& a, const SpreadRun& must_be, const Block& b, double tolerance,
                        const std::string& what) {
  for (std::size_t i = 0; i < is.model.parameters().list().size(); ++i) {
    const auto id = static_cast<ParameterId>(i);
    const Tensor x = is.model.parameters().piece(a, id), y = must_be.model.parameters().piece(b, id);
    ASSERT_EQ(x.shape(), y.shape());
    float largest = 1e-3f;
    for (std::size_t j = 0; j < y.size(); ++j) largest = std::max(largest, std::abs(y[j]));
    for (std::size_t j = 0; j < y.size(); ++j)
      ASSERT_NEAR(x[j], y[j], tolerance * largest) << what << ", " << is.model.parameters()[id].name << " " << j;
  }
}

TEST(ExpertParallel, ThePhasesAreTheStep) {
  for (const SpreadCase& c : cases) {
    SpreadRun spread(c, true), whole(c, false);
    const ImageSet images = small_images(60);
    Loader one(images, loader_of(c)), other(images, loader_of(c));
    std::vector<bool> chosen(static_cast<std::size_t>(c.moe.experts));
    for (int step = 0; step < 3; ++step) {
      const StepResult is = train_step(spread.trainer, c.parts, [&]() -> const Batch& { return one.next(); });
      const StepResult must_be = train_step(whole.trainer, c.parts, [&]() -> const Batch& { return other.next(); });
      EXPECT_NEAR(is.loss, must_be.loss, 1e-5 * must_be.loss) << c.name;
      EXPECT_NEAR(is.distillation, must_be.distillation, 1e-5 * must_be.distillation) << c.name;
      EXPECT_EQ(is.distillation > 0, c.taught) << c.name;
      EXPECT_NEAR(is.routing.guidance, must_be.routing.guidance, 1e-5) << c.name;
      EXPECT_NEAR(is.routing.balance, must_be.routing.balance, 1e-5) << c.name;
      EXPECT_NEAR(is.routing.z, must_be.routing.z, 1e-5 * (1 + must_be.routing.z)) << c.name;
      EXPECT_NEAR(is.gradient_norm, must_be.gradient_norm, 1e-5 * must_be.gradient_norm) << c.name;
      EXPECT_EQ(std::isnan(is.router_accuracy), std::isnan(must_be.router_accuracy));
      expect_same_pieces(spread, spread.trainer.gradients.total(), whole, whole.trainer.gradients.total(), 2e-5,
                         text(c.name, ", gradient of step ", step));
      for (const int e : spread.trainer.spread_experts.journey.expert) chosen[static_cast<std::size_t>(e)] = true;
    }
    expect_same_pieces(spread, spread.model.parameters().weights(), whole, whole.model.parameters().weights(), 1e-5,
                       text(c.name, ", weights"));
    expect_same_pieces(spread, spread.trainer.average, whole, whole.trainer.average, 1e-5, text(c.name, ", average"));
    if (travels_once(c.moe)) {
      EXPECT_GT(std::count(chosen.begin(), chosen.end(), true), 1) << c.name << ": one expert alone shows little";
    }
    for (const ExpertVisits::Visit& visit : spread.trainer.spread_experts.visits.visits)
      EXPECT_GT(visit.exchange.arrived(), 0) << c.name;
  }
}

TEST(ExpertParallel, TheSameBitsForAnyNumberOfThreads) {
  for (const SpreadCase& c : cases) {
    std::vector<float> expected;
    for (const int threads : {1, 2, 3}) {
      SpreadRun run(c, true, threads);
      const ImageSet images = small_images(60);
      Loader loader(images, loader_of(c));
      for (int step = 0; step < 3; ++step)
        train_step(run.trainer, c.parts, [&]() -> const Batch& { return loader.next(); });
      const auto weights = numbers(run.model.parameters().weights());
      if (expected.empty()) expected = weights;
      EXPECT_EQ(weights, expected) << c.name << ", " << threads << " threads";
    }
  }
}

TEST(ExpertParallel, EvaluationIsTheSameToTheLastBit) {
  for (const SpreadCase& c : cases) {
    SpreadRun spread(c, true), whole(c, false);
    const ImageSet images = small_images(150);  // more than one round of lanes
    const Preprocessing preprocessing{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};
    const std::vector<int> superclass_of = c.moe.experts == 3 ? std::vector<int>{2, 0, 1} : std::vector<int>{3, 0, 1};
    const Evaluation is = evaluate(spread.model, images, preprocessing, spread.trainer.lanes,
                                   {.superclass_of = superclass_of, .placement = &spread.placement});
    const Evaluation must_be =
        evaluate(whole.model, images, preprocessing, whole.trainer.lanes, {.superclass_of = superclass_of});
    EXPECT_EQ(is.top1, must_be.top1) << c.name;
    EXPECT_EQ(is.loss, must_be.loss) << c.name;
    EXPECT_EQ(is.router_accuracy, must_be.router_accuracy) << c.name;
    EXPECT_EQ(is.expert_load, must_be.expert_load) << c.name;
    for (std::size_t i = 0; i < is.results.size(); ++i) {
      EXPECT_EQ(is.results[i].predicted, must_be.results[i].predicted) << c.name << " " << i;
      EXPECT_EQ(is.results[i].loss, must_be.results[i].loss) << c.name << " " << i;
      EXPECT_EQ(is.results[i].expert, must_be.results[i].expert) << c.name << " " << i;
      EXPECT_EQ(is.results[i].gate, must_be.results[i].gate) << c.name << " " << i;
    }
    int asked = 0;
    const Evaluation stopped = evaluate(spread.model, images, preprocessing, spread.trainer.lanes,
                                        {.keep_on = [&](int) { return ++asked < 2; }, .placement = &spread.placement});
    EXPECT_FALSE(stopped.complete);
  }
}

// A checkpoint knows nothing of ranks: the same bytes, and read by either.
TEST(ExpertParallel, ACheckpointIsThatOfTheWhole) {
  const SpreadCase& c = cases[2];
  SpreadRun spread(c, true), whole(c, false);
  const ImageSet images = small_images(60);
  Loader loader(images, loader_of(c));
  train_step(spread.trainer, loader.next());
  whole.trainer.whole.distribute(&spread.model.parameters(), &spread.model.parameters().weights(),
                                 whole.model.parameters().weights());
  for (const auto& [from, to] :
       {std::pair(&spread.trainer.m, &whole.trainer.m), std::pair(&spread.trainer.average, &whole.trainer.average)})
    whole.trainer.whole.distribute(&spread.model.parameters(), from, *to);
  const ModelDescription description{.model = spread.config,
                                     .classes = {"a", "b", "c"},
                                     .preprocessing = {.mean = {0.5f, 0.5f, 0.5f}, .std = {0.25f, 0.25f, 0.25f}},
                                     .superclass_of = {}};
  const TemporaryFolder one, other;
  spread.trainer.whole.on_first(blocks_to_save(spread.trainer),
                                [&] { save_checkpoint(one.path(), spread.trainer, description, {.step = 1}, 1); });
  whole.trainer.whole.on_first(blocks_to_save(whole.trainer),
                               [&] { save_checkpoint(other.path(), whole.trainer, description, {.step = 1}, 1); });
  for (const char* name : {"weights.safetensors", "moments.safetensors", "ema.safetensors"})
    EXPECT_EQ(read_file(one.path() / "checkpoints/step-1" / name),
              read_file(other.path() / "checkpoints/step-1" / name))
        << name;
  SpreadRun again(c, true), loaded(c, false);
  std::optional<Resumed> resumed = load_checkpoint(one.path(), loaded.trainer);
  share_with_ranks(resumed, &loaded.trainer, again.trainer);
  EXPECT_EQ(again.trainer.step, 1u);
  EXPECT_EQ(numbers(again.model.parameters().weights()), numbers(spread.model.parameters().weights()));
  EXPECT_EQ(numbers(again.trainer.m), numbers(spread.trainer.m));
  EXPECT_EQ(numbers(again.trainer.average), numbers(spread.trainer.average));
}

TEST(ExpertParallel, ANetworkThatRoutesTokensDoesNotPart) {
  ModelConfig config = small_model();
  config.moe = {.experts = 2, .layers = 1, .routing = Routing::token};
  const ViT model(config);
  Context c(model.parameters());
  c.begin({}, nullptr);
  EXPECT_THROW(model.forward_trunk(c, c.arena.take({1, 3, 8, 8})), Error);
}

// A count travels as a float: one more than is exact would arrive as one less, and MPI would be told two sizes of one
// message.
TEST(ExpertParallel, MoreRecordsThanACountCanSayAreRefused) {
  Comm alone;
  Threads threads(1);
  Exchange exchange;
  EXPECT_EQ(
      message_of<Error>([&] { exchange.go(alone, threads, std::vector<int>((1 << 24) + 1), 1, [](int, float*) {}); }),
      "--expert-parallel: 16777217 records would travel to one rank at once, and 16777216 can: a larger --accumulate "
      "makes them fewer");
}

}  // namespace
}  // namespace mvmoe
