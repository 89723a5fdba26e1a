// The loss towards a teacher. Wrong but plausible, and what shows it: T^2 left out or taken once (T is not 1), the
// other direction of the divergence, the teacher's entropy left out (the loss of a student that is the teacher), a mean
// for the sum, the loss's own gradient ignored (dy is not 1), huge logits, 0 log 0, a NaN that the largest swallows;
// = for +=.
#include "ops/distillation.h"

#include "tests/ops/op_test.h"

namespace mvmoe {
namespace {

constexpr const char* golden_path = "tests/golden/distillation.safetensors";

class DistillationTest : public OpTest {};
INSTANTIATE_TEST_SUITE_P(Table, DistillationTest, testing::ValuesIn(gradcheck::cases_of("distillation")), case_name);
TEST_P(DistillationTest, ForwardAndGradientsMatchTheDefinition) { expect_matches_the_definition(); }

// soft.T [4] is one number an image; ours is their sum, and each image's own when it is alone.
TEST(Distillation, AgreesWithPyTorch) {
  const Golden golden(golden_path);
  for (const float temperature : {0.5f, 1.0f, 3.0f}) {
    const std::string name = text("soft.", temperature);
    Bench b;
    const Tensor z = golden.read(b, "logits"), teacher = golden.read(b, "teacher"), losses = golden.read(b, name);
    const Var logits = b.leaf(z), loss = distillation(b.c, logits, teacher, temperature);
    float sum = 0;
    for (int i = 0; i < 4; ++i) {
      const Var alone = b.constant(z.outer_slice(i, 1));
      const float of_image = distillation(b.c, alone, teacher.outer_slice(i, 1), temperature).item();
      EXPECT_NEAR(of_image, losses.data()[i], 1e-5f * losses.data()[i]) << name << " " << i;
      sum += losses.data()[i];
    }
    EXPECT_NEAR(loss.item(), sum, 1e-5f * sum) << name;
    b.c.tape.backward(loss, 1);
    expect_close(logits.grad(), golden.read(b, "d" + name), 1e-5, name);
  }
}

TEST(Distillation, OfItsOwnTeacherIsNothingAndHasNoGradient) {
  for (const float temperature : {0.25f, 1.0f, 4.0f}) {
    Bench b;
    const Tensor z = b.random({3, 7});
    const Var logits = b.leaf(z), loss = distillation(b.c, logits, z, temperature);
    b.c.tape.backward(loss, 1);
    EXPECT_EQ(loss.item(), 0);
    for (std::size_t i = 0; i < logits.grad().size(); ++i) EXPECT_EQ(logits.grad()[i], 0);
  }
}

TEST(Distillation, HugeLogitsStayFinite) {
  Bench b;
  const Tensor teacher = b.tensor({2, 2}, {1e4f, -1e4f, 0, 0});
  const Var logits = b.leaf(b.tensor({2, 2}, {-1e4f, 1e4f, 1e4f, 1e4f}));
  const Var loss = distillation(b.c, logits, teacher, 2);
  b.c.tape.backward(loss, 1);
  EXPECT_FLOAT_EQ(loss.item(), 4 * 1e4f);
  const float must_be[] = {-2, 2, 0, 0};
  for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(logits.grad()[i], must_be[i], 1e-6) << i;
}

// A class that the teacher rules out by a logit of -inf costs nothing but the student's probability of it.
TEST(Distillation, AClassRuledOutByTheTeacherStaysFinite) {
  Bench b;
  const Var logits = b.leaf(b.tensor({1, 3}, {1, 1, 1}));
  const Var loss = distillation(b.c, logits, b.tensor({1, 3}, {2, -INFINITY, 2}), 1);
  b.c.tape.backward(loss, 1);
  EXPECT_FLOAT_EQ(loss.item(), std::log(1.5f));
  const float must_be[] = {1 / 3.0f - 0.5f, 1 / 3.0f, 1 / 3.0f - 0.5f};
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(logits.grad()[i], must_be[i], 1e-6) << i;
}

TEST(Distillation, NotANumberReachesTheLossAndItsRow) {
  for (const bool in_teacher : {false, true})
    for (const int at : {0, 3, 6}) {
      Bench b;
      const Tensor z = b.random({3, 7}), teacher = b.random({3, 7}, 1);
      (in_teacher ? teacher : z).row(1)[at] = NAN;
      const Var logits = b.leaf(z), loss = distillation(b.c, logits, teacher, 2);
      b.c.tape.backward(loss, 1);
      EXPECT_TRUE(std::isnan(loss.item()));
      EXPECT_TRUE(all_nan(logits.grad().outer_slice(1, 1)));
      EXPECT_TRUE(all_finite(logits.grad().outer_slice(0, 1)) && all_finite(logits.grad().outer_slice(2, 1)));
    }
}

TEST(Distillation, ErrorsNameShapesAndTemperature) {
  Bench b;
  EXPECT_EQ(message_of([&] {
              distillation(b.c, b.constant({4, 9}), b.zeros({4, 10}), 1);
            }),
            "distillation: teacher is [4, 10], logits is [4, 9]: teacher must be [4, 9]");
  EXPECT_EQ(message_of([&] {
              distillation(b.c, b.constant({4, 9}), b.zeros({4, 9}), 0);
            }),
            "distillation: the temperature is 0, must be above 0");
}

TEST(Distillation, NobodyWantsAGradientAndNothingIsRecorded) {
  Bench b;
  EXPECT_FALSE(distillation(b.c, b.constant({4, 9}), b.zeros({4, 9}), 1).wants_grad());
  EXPECT_EQ(b.c.tape.entries(), 0);
}

}  // namespace
}  // namespace mvmoe
