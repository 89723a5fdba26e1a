// Timelines of a tape. Wrong but plausible, and what shows it: a backward under the name of the operation before it in
// the walk; gaps between events; an operation without gradients that is left out; a tape that still writes when told to
// stop.
#include "engine/timeline.h"

#include <cstring>

#include "engine/tape.h"
#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

struct TimelineTest : testing::Test {
  Arena arena;
  Tape tape{arena};
  Timeline timeline;
  std::vector<float> x{1, -2, 3}, dx = std::vector<float>(3, 0), dy{1, 1, 1};

  // An operation that does nothing, from [3] to [3].
  Var op(const char* name, std::initializer_list<Var> inputs) {
    const Var y = tape.output({3});
    tape.record(name, inputs, y, [in = *inputs.begin()] {
      if (in.wants_grad()) in.grad()[0] += 1;
    });
    return y;
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const Event& event : timeline.events())
      all.push_back(std::string(event.phase == Phase::forward    ? "f "
                                : event.phase == Phase::backward ? "b "
                                                                 : "") +
                    event.name);
    return all;
  }
};

TEST_F(TimelineTest, OperationsForwardAndBackwardInTheOrderInWhichTheyRan) {
  const Var leaf = tape.leaf(Tensor(x.data(), {3}), Tensor(dx.data(), {3})),
            constant = tape.constant(Tensor(x.data(), {3}));
  tape.set_timeline(&timeline);
  timeline.skip();
  const Var a = op("a", {leaf});
  op("unused", {leaf});
  op("constant", {constant});
  tape.backward(op("b", {a, constant}), Tensor(dy.data(), {3}));
  EXPECT_EQ(names(), (std::vector<std::string>{"f a", "f unused", "f constant", "f b", "seed", "b b", "b a"}));
  for (std::size_t i = 1; i < timeline.events().size(); ++i) {
    EXPECT_EQ(timeline.events()[i].start, timeline.events()[i - 1].end) << i;
    EXPECT_LE(timeline.events()[i].start, timeline.events()[i].end) << i;
  }
  const Event& backward_of_b = timeline.events()[5];
  EXPECT_EQ(backward_of_b.operands, (std::array<Shape, 3>{Shape{3}, Shape{3}, Shape{}}));
  EXPECT_EQ(backward_of_b.result, Shape{3});
}

TEST_F(TimelineTest, NothingIsWrittenWithoutOne) {
  const Var leaf = tape.leaf(Tensor(x.data(), {3}), Tensor(dx.data(), {3}));
  tape.set_timeline(&timeline);
  const Var a = op("a", {leaf});
  tape.set_timeline(nullptr);
  tape.backward(op("b", {a}), Tensor(dy.data(), {3}));
  EXPECT_EQ(names(), std::vector<std::string>{"f a"});
}

TEST_F(TimelineTest, ABackwardWhoseForwardWasNotTimedIsNoEvent) {
  const Var a = op("a", {tape.leaf(Tensor(x.data(), {3}), Tensor(dx.data(), {3}))});
  tape.set_timeline(&timeline);
  tape.backward(op("b", {a}), Tensor(dy.data(), {3}));
  EXPECT_EQ(names(), (std::vector<std::string>{"f b", "seed", "b b"}));
}

TEST_F(TimelineTest, MoreOperandsThanAnEventHoldsAreNamed) {
  const Var c = tape.constant(Tensor(x.data(), {3}));
  tape.set_timeline(&timeline);
  EXPECT_EQ(message_of([&] { op("four", {c, c, c, c}); }), "four: has 4 operands, a timeline keeps the shapes of 3");
}

}  // namespace
}  // namespace mvmoe
