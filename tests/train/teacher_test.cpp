// A student that is trained towards a teacher's answers. Wrong but plausible, and what shows it: the teacher given the
// student's colours or side, resampled without care for shrinking, classes in the teacher's own order, the answers of
// another lane's images or of the first part (several lanes, parts and experts elsewhere), a weight on one side only, a
// loss that is a lane's mean, weights of the student read in the teacher's place, a teacher that learns.
#include "train/step/teacher.h"
#include "train/files/load_model.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "tests/engine/helpers.h"
#include "tests/ops/op_test.h"
#include "tests/train/small_run.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

constexpr const char* golden_path = "tests/golden/distillation.safetensors";

TEST(TaskLoss, AgreesWithPyTorch) {
  const Golden golden(golden_path);
  for (const bool hard : {false, true}) {
    Bench b;
    const Tensor taught = golden.read(b, "teacher");
    if (hard)
      for (int i = 0; i < 4; ++i) {
        float* row = taught.row(i);
        const auto largest = std::max_element(row, row + 9) - row;
        for (int c = 0; c < 9; ++c) row[c] = c == largest;
      }
    const DistillationConfig config{
        .weight = 0.3f, .temperature = 3, .targets = hard ? TeacherTargets::hard : TeacherTargets::soft};
    const Var logits = b.leaf(golden.read(b, "logits"));
    const TaskLoss loss = task_loss(b.c, logits, golden.read(b, "targets"), taught, config);
    const std::string name = hard ? "total.hard" : "total.soft";
    const float must_be = golden.read(b, name)[0];
    EXPECT_NEAR(loss.loss.item(), must_be, 1e-5f * must_be) << name;
    EXPECT_NEAR(loss.loss.item(), 0.7f * loss.task + 0.3f * loss.distillation, 1e-5f * must_be) << name;
    b.c.tape.backward(loss.loss, 1);
    expect_close(logits.grad(), golden.read(b, "d" + name), 1e-5, name);
  }
}

// A teacher of another patch, width, side and colours than small_model()'s, with opinions.
LoadedModel larger_teacher(int side = 12, const MoeConfig& moe = {}) {
  LoadedModel loaded;
  ModelConfig config = small_model();
  config.depth = 3, config.width = 24, config.heads = 3, config.patch = 2, config.image = side, config.moe = moe;
  config.pool = Pool::mean;
  loaded.model = std::make_unique<ViT>(config);
  loaded.model->initialise(17);
  for (const Parameter& p : loaded.model->parameters().list())
    if (p.name == "head.weight" || p.name == "patch_embed.proj.weight")
      for (std::size_t i = 0; i < p.shape.size(); ++i) loaded.model->parameters().weights()[p.offset + i] *= 30;
  loaded.description.model = config;
  loaded.description.classes = {"a", "b", "c"};
  loaded.description.preprocessing = {.mean = {0.4f, 0.5f, 0.6f}, .std = {0.2f, 0.25f, 0.3f}};
  return loaded;
}

const Preprocessing students{.mean = {0.5f, 0.45f, 0.3f}, .std = {0.25f, 0.3f, 0.2f}};

// Images of a student: normal numbers, around a brightness of each colour that differs.
struct Images {
  explicit Images(int count, int side = 8) : memory(static_cast<std::size_t>(count * 3 * side * side)) {
    tensor = Tensor(memory.data(), {count, 3, side, side});
    gradcheck::draw(5, 0, gradcheck::Draw::normal, tensor);
    Random brightness(5, Place::test);
    for (int plane = 0; plane < 3 * count; ++plane) {
      const float more = 3 * brightness.normal();
      for (int i = 0; i < side * side; ++i) memory[static_cast<std::size_t>(plane * side * side + i)] += more;
    }
  }
  Block memory;
  Tensor tensor;
};

// What a pixel of the other side is made of, by definition: a triangle, wider where the image shrinks.
std::vector<double> triangle(int from, int to, int at) {
  const double stretch = std::max(1.0, static_cast<double>(from) / to), centre = (at + 0.5) * from / to - 0.5;
  std::vector<double> weights;
  double sum = 0;
  for (int i = 0; i < from; ++i) sum += weights.emplace_back(std::max(0.0, 1 - std::abs(i - centre) / stretch));
  for (double& w : weights) w /= sum;
  return weights;
}

// Image i of `from` as the teacher should see it, the slow way.
void see(Tensor from, int i, const Preprocessing& own, Tensor to) {
  const int S = from.shape()[3], side = to.shape()[3];
  for (int colour = 0; colour < 3; ++colour)
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x) {
        const auto c = static_cast<std::size_t>(colour);
        const std::vector<double> rows = triangle(S, side, y), columns = triangle(S, side, x);
        double raw = 0;
        for (int v = 0; v < S; ++v)
          for (int u = 0; u < S; ++u) {
            const double z = from[static_cast<std::size_t>(((i * 3 + colour) * S + v) * S + u)];
            const double weight = rows[static_cast<std::size_t>(v)] * columns[static_cast<std::size_t>(u)];
            raw += weight * (z * students.std[c] + students.mean[c]);
          }
        const auto at = static_cast<std::size_t>((colour * side + y) * side + x);
        to[at] = static_cast<float>((raw - own.mean[c]) / own.std[c]);
      }
}

TEST(Teacher, SeesTheStudentsImagesInItsOwnWayAndAnswersInTheStudentsOrder) {
  for (const auto& [student_side, side] : {std::pair(8, 12), std::pair(8, 8), std::pair(12, 4), std::pair(8, 6)}) {
    const LoadedModel same = larger_teacher(side);
    ViT student(small_model());
    student.initialise(1);
    Lanes lanes(student.parameters(), {.threads = 2, .lane_size = 4}, Kernels::fast);
    const std::vector<int> label_of{2, 0, 1};
    const Teacher teacher(larger_teacher(side), label_of, student_side, students, lanes.threads());
    const Images images(11, student_side);
    const Block memory(11 * 3), hard_memory(11 * 3);
    const Tensor soft(memory.data(), {11, 3}), hard(hard_memory.data(), {11, 3});
    teacher.teach(lanes, images.tensor, TeacherTargets::soft, soft);
    teacher.teach(lanes, images.tensor, TeacherTargets::hard, hard);
    std::vector<bool> chosen(3);
    for (int i = 0; i < 11; ++i) {
      Context c(same.model->parameters());
      c.begin({}, nullptr);
      const Tensor input = c.arena.take({1, 3, side, side});
      see(images.tensor, i, same.description.preprocessing, input);
      const Tensor logits = same.model->forward(c, input).logits.value();
      const auto largest = std::max_element(soft.row(i), soft.row(i) + 3) - soft.row(i);
      chosen[static_cast<std::size_t>(largest)] = true;
      for (std::size_t k = 0; k < 3; ++k) {
        const float must_be = logits[static_cast<std::size_t>(label_of[k])];
        EXPECT_NEAR(soft.row(i)[k], must_be, 2e-5f * largest_of(logits)) << student_side << " to " << side << ", " << i;
        EXPECT_EQ(hard.row(i)[k], static_cast<std::ptrdiff_t>(k) == largest ? 1 : 0);
      }
    }
    EXPECT_GT(std::count(chosen.begin(), chosen.end(), true), 1) << "one class alone shows little";
  }
}

TEST(Teacher, OfItsOwnImagesSeesThemToTheBit) {
  const LoadedModel same = larger_teacher(8);
  ViT student(small_model());
  Lanes lanes(student.parameters(), {.threads = 1, .lane_size = 4}, Kernels::fast);
  const Teacher teacher(larger_teacher(8), {0, 1, 2}, 8, same.description.preprocessing, lanes.threads());
  const Images images(5);
  const Block memory(15);
  const Tensor taught(memory.data(), {5, 3});
  teacher.teach(lanes, images.tensor, TeacherTargets::soft, taught);
  Lanes own(same.model->parameters(), {.threads = 1, .lane_size = 4}, Kernels::fast);
  const Panels panels(same.model->parameters(), own.threads());
  own.infer(5, &panels, [&](Context& c, Lane lane) {
    const Tensor logits = same.model->forward(c, images.tensor.outer_slice(lane.first, lane.images)).logits.value();
    for (std::size_t i = 0; i < logits.size(); ++i) EXPECT_EQ(taught.row(lane.first)[i], logits[i]);
  });
}

TEST(Teacher, WhoseAnswerIsNoNumberIsNoHardTarget) {
  LoadedModel broken = larger_teacher();
  const Parameter* bias = broken.model->parameters().find("head.bias");
  broken.model->parameters().weights()[bias->offset + 1] = NAN;
  ViT student(small_model());
  Lanes lanes(student.parameters(), {.threads = 1, .lane_size = 4}, Kernels::fast);
  const Teacher teacher(std::move(broken), {0, 1, 2}, 8, students, lanes.threads());
  const Images images(2);
  const Block memory(6);
  const Tensor taught(memory.data(), {2, 3});
  teacher.teach(lanes, images.tensor, TeacherTargets::hard, taught);
  EXPECT_TRUE(all_nan(taught));
}

// Some steps of a student, with a teacher or without.
struct Taught {
  Taught(
      const DistillationConfig& distillation, bool with_teacher, const MoeConfig& moe = {}, int threads = 2,
      int parts = 1, const std::function<LoadedModel()>& of = [] { return larger_teacher(); })
      : parts(parts), images(small_images(60)), loader(images, loader_of(parts)) {
    ModelConfig config = small_model();
    config.drop_path = 0.3f, config.moe = moe;
    model = std::make_unique<ViT>(config);
    model->initialise(3);
    StepConfig step;
    step.optimizer = Optimizer::sgd;  // AdamW would make a full step of a gradient that is rounding noise
    step.schedule.rate = 0.1f;
    step.clip = 1;
    step.distillation = distillation;
    step.routing = {.superclass_of = {}, .balance_weight = parts == 1 ? 0.1f : 0, .z_weight = 0.01f};
    if (moe.experts > 0 && moe.routing == Routing::superclass) step.routing.superclass_of = {2, 0, 1};
    step.lanes = {.threads = threads, .lane_size = 4, .gradient_blocks = 5};
    trainer = std::make_unique<Trainer>(*model, step);
    if (!with_teacher) return;
    teacher.emplace(of(), std::vector<int>{1, 2, 0}, 8, small_loader(1).preprocessing, trainer->lanes.threads());
    trainer->teacher = &*teacher;
  }
  static LoaderConfig loader_of(int parts) {
    LoaderConfig config = small_loader(parts == 1 ? 29 : 24 / parts);  // the last lane is smaller
    config.lane_size = 4, config.label_smoothing = 0.1f;
    if (parts == 1) config.mixing = {.mixup_alpha = 0.8f, .cutmix_alpha = 1};
    return config;
  }
  StepResult step() {
    return train_step(*trainer, parts, [&]() -> const Batch& { return loader.next(); });
  }
  std::vector<float> gradient() const { return numbers(trainer->gradients.total()); }
  std::vector<float> weights() const { return numbers(model->parameters().weights()); }

  int parts;
  ImageSet images;
  Loader loader;
  std::unique_ptr<ViT> model;
  std::unique_ptr<Trainer> trainer;
  std::optional<Teacher> teacher;
};

const std::vector<std::pair<const char*, MoeConfig>> networks{
    {"dense", {}},
    {"superclass", {.experts = 3, .layers = 1}},
    {"lanes meet",
     {.experts = 3, .layers = 1, .routing = Routing::image, .balance = Balance::importance_load, .router_noise = 0.3f}},
    {"tokens",
     {.experts = 3, .layers = 2, .top_k = 2, .routing = Routing::token, .balance = Balance::bias, .capacity = 1}},
};

void expect_near(const std::vector<float>& is, const std::vector<float>& must_be, float tolerance, const char* name) {
  float largest = 0;
  for (const float x : must_be) largest = std::max(largest, std::abs(x));
  ASSERT_GT(largest, 1e-3f) << name;
  for (std::size_t i = 0; i < is.size(); ++i) ASSERT_NEAR(is[i], must_be[i], tolerance * largest) << name << " " << i;
}

TEST(Distilled, OfNoWeightIsTheStepWithoutATeacherToTheBit) {
  for (const auto& [name, moe] : networks)
    for (const TeacherTargets targets : {TeacherTargets::soft, TeacherTargets::hard}) {
      Taught with({.weight = 0, .targets = targets}, true, moe), without({}, false, moe);
      for (int s = 0; s < 3; ++s) {
        const StepResult is = with.step(), must_be = without.step();
        EXPECT_EQ(is.loss, must_be.loss) << name;
        EXPECT_GT(is.distillation, 0.01) << name;
        EXPECT_EQ(must_be.distillation, 0) << name;
      }
      EXPECT_EQ(with.weights(), without.weights()) << name;
    }
}

// The routers' losses stand beside both: they are in both ends, and so in what lies between.
TEST(Distilled, TheGradientLiesBetweenThatOfTheLabelsAndThatOfTheTeacher) {
  for (const auto& [name, moe] : networks)
    for (const TeacherTargets targets : {TeacherTargets::soft, TeacherTargets::hard}) {
      Taught labels({.weight = 0, .targets = targets}, true, moe);
      Taught between({.weight = 0.3f, .temperature = 2, .targets = targets}, true, moe);
      Taught teacher({.weight = 1, .temperature = 2, .targets = targets}, true, moe);
      labels.step(), between.step(), teacher.step();
      std::vector<float> must_be = labels.gradient();
      const std::vector<float> all = teacher.gradient();
      float apart = 0;
      for (std::size_t i = 0; i < must_be.size(); ++i) {
        apart = std::max(apart, std::abs(all[i] - must_be[i]));
        must_be[i] = 0.7f * must_be[i] + 0.3f * all[i];
      }
      EXPECT_GT(apart, 0.1f) << name;
      expect_near(between.gradient(), must_be, 1e-5f, name);
    }
}

// Hard targets alone are a batch whose labels are the teacher's choices; the loss towards soft ones is the
// definition's.
TEST(Distilled, AStepIsTheDefinition) {
  for (const auto& [name, moe] : networks) {
    Taught soft({.weight = 1, .temperature = 2}, true, moe), plain({}, false, moe);
    Taught hard({.weight = 1, .targets = TeacherTargets::hard}, true, moe);
    const Batch& batch = plain.loader.next();
    const int B = batch.size();
    const Block memory(static_cast<std::size_t>(2 * B * 3));
    const Tensor answers(memory.data(), {B, 3}), logits(memory.data() + B * 3, {B, 3});
    soft.teacher->teach(plain.trainer->lanes, batch.images, TeacherTargets::soft, answers);
    const Block choices(static_cast<std::size_t>(B * 3));
    Batch relabelled = batch;
    relabelled.targets = Tensor(choices.data(), {B, 3});
    for (int i = 0; i < B; ++i) {
      const float* row = answers.row(i);
      relabelled.targets.row(i)[std::max_element(row, row + 3) - row] = 1;
    }

    const StepResult towards = hard.step(), must_be = train_step(*plain.trainer, relabelled);
    EXPECT_EQ(towards.distillation, must_be.loss) << name;
    expect_near(hard.gradient(), plain.gradient(), 1e-6f, name);

    // The student's logits of that step, as its lanes draw: forward again, with the weights of before.
    Taught again({}, false, moe);
    const StepKey key{.training = true, .seed = 0, .step = 0};
    again.trainer->gradients.begin();
    again.trainer->lanes.forward(B, key, again.trainer->gradients, [&](Context& c, Lane lane) {
      const Tensor z = again.model->forward(c, batch.images.outer_slice(lane.first, lane.images)).logits.value();
      std::copy_n(z.data(), z.size(), logits.row(lane.first));
    });
    const StepResult is = soft.step();
    const reference::Array z(logits), u(answers);
    const double definition = reference::distillation(z, u, 2).values[0] / B;
    EXPECT_NEAR(is.distillation, definition, 1e-5 * definition) << name;
  }
}

TEST(Distilled, TowardsItselfHasNoGradient) {
  const auto itself = [] {
    LoadedModel loaded{std::make_unique<ViT>(small_model()), {}};
    loaded.model->initialise(3);
    loaded.description.preprocessing = small_loader(1).preprocessing;
    return loaded;
  };
  const LoadedModel student = itself();
  StepConfig config;
  config.distillation = {.weight = 1, .temperature = 3};
  Trainer trainer(*student.model, config);
  const Teacher teacher(itself(), {0, 1, 2}, 8, small_loader(1).preprocessing, trainer.lanes.threads());
  trainer.teacher = &teacher;
  const ImageSet images = small_images(60);
  Loader loader(images, small_loader(29));
  const StepResult step = train_step(trainer, loader.next());
  EXPECT_NEAR(step.distillation, 0, 1e-9);
  EXPECT_LT(step.gradient_norm, 1e-5);
  EXPECT_GT(step.loss, 0.5);
}

TEST(Distilled, TheSameBitsForAnyNumberOfThreads) {
  for (const auto& [name, moe] : networks) {
    std::vector<float> expected;
    for (const int threads : {1, 2, 3, 9}) {  // of 8 lanes: with more threads, they do a lane together
      Taught run({.weight = 0.5f, .temperature = 2}, true, moe, threads);
      for (int s = 0; s < 3; ++s) run.step();
      if (expected.empty()) expected = run.weights();
      EXPECT_EQ(run.weights(), expected) << name << ", " << threads << " threads";
    }
  }
}

TEST(Distilled, PartsGiveTheUpdateOfTheWhole) {
  for (const auto& [name, moe] : networks) {
    if (moe.routing == Routing::image) continue;  // noise is drawn alike, but balance is the part's
    const auto run_in = [&](int parts, const ImageSet& images) {
      Taught run({.weight = 0.5f, .temperature = 2}, true, moe, 2, 2);
      LoaderConfig config = small_loader(24 / parts);
      Loader loader(images, config);
      const StepResult result = train_step(*run.trainer, parts, [&]() -> const Batch& { return loader.next(); });
      return std::pair(result, run.gradient());
    };
    const ImageSet images = small_images(60);
    const auto [whole, gradient] = run_in(1, images);
    for (const int parts : {2, 3}) {
      const auto [result, is] = run_in(parts, images);
      EXPECT_NEAR(result.distillation, whole.distillation, 1e-6) << name;
      expect_near(is, gradient, 2e-6f, name);
    }
  }
}

TEST(Distilled, TheTeacherDoesNotLearnAndMayBeSparse) {
  for (const auto& [name, moe] : networks) {
    Taught run({.weight = 0.5f}, true, {}, 2, 1, [&] { return larger_teacher(12, moe); });
    const std::uint32_t before = run.teacher->crc32();
    for (int s = 0; s < 2; ++s) EXPECT_TRUE(run.step().finite);
    const LoadedModel same = larger_teacher(12, moe);
    const Teacher again(larger_teacher(12, moe), {1, 2, 0}, 8, students, run.trainer->lanes.threads());
    EXPECT_EQ(again.crc32(), before) << name;
  }
}

// Its file

ModelDescription knows(std::vector<std::string> classes, bool named = true) {
  ModelDescription d;
  d.classes = std::move(classes);
  d.named = named;
  return d;
}

TEST(TeacherFile, ClassesAreMatchedByName) {
  EXPECT_EQ(labels_of_teacher(knows({"a", "b", "c"}), "t", {"c", "a", "b"}), (std::vector<int>{2, 0, 1}));
  EXPECT_EQ(labels_of_teacher(knows({"0", "1", "2"}, false), "t", {"c", "a", "b"}), (std::vector<int>{0, 1, 2}));
  const std::vector<std::string> twice{"crane", "x", "crane"};  // told apart by their order
  EXPECT_EQ(labels_of_teacher(knows(twice), "t", twice), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(message_of<UsageError>([] {
              labels_of_teacher(knows({"a", "b"}), "t\n", {"a", "b", "c"});
            }),
            "--teacher: t\\x0a knows 2 classes, must know the student's 3");
  EXPECT_EQ(message_of<UsageError>([] {
              labels_of_teacher(knows({"a", "B", "c"}), "t", {"a", "b", "c"});
            }),
            "--teacher: t knows no class 'b', but 'B': must know the student's classes");
}

TEST(TeacherFile, OfTimmsIsReadWithTheConfigurationBesideIt) {
  const std::string file = "tests/golden/timm/token/model.safetensors";
  const LoadedModel loaded = load_teacher(file);
  EXPECT_EQ(labels_of_teacher(loaded.description, file, {"yak", "cat", "dog", "newt", "owl"}),
            (std::vector<int>{4, 0, 1, 2, 3}));
  const TemporaryFolder folder;
  fs::copy(file, folder / "model.safetensors");
  const std::string alone = (folder / "model.safetensors").string();
  EXPECT_EQ(message_of<UsageError>([&] { load_teacher(alone); }),
            "--teacher: " + alone +
                ": unknown is the number of heads, the pooling, mean, std: "
                "must be said by a config.json of timm's beside the file");
}

TEST(TeacherFile, AnotherNetworkOrOtherColoursHaveAnotherChecksum) {
  Threads threads(1);
  const auto crc_of = [&](const std::function<void(LoadedModel&)>& change) {
    LoadedModel loaded = larger_teacher();
    change(loaded);
    return Teacher(std::move(loaded), {0, 1, 2}, 8, students, threads).crc32();
  };
  const std::uint32_t own = crc_of([](LoadedModel&) {});
  EXPECT_EQ(crc_of([](LoadedModel&) {}), own);
  EXPECT_NE(crc_of([](LoadedModel& l) { l.model->parameters().weights()[5] += 1e-3f; }), own);
  EXPECT_NE(crc_of([](LoadedModel& l) { l.description.preprocessing.mean[1] += 1e-3f; }), own);
  EXPECT_NE(crc_of([](LoadedModel& l) { l.description.preprocessing.std[2] += 1e-3f; }), own);
}

}  // namespace
}  // namespace mvmoe
