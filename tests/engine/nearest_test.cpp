#include "engine/nearest.h"

#include <vector>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

const std::vector<std::string> known{"epochs", "eps", "batch-size", "lr", "lr-base", "seed", "cifar10", "cifar100"};

TEST(Nearest, FindsOneEditOfEachKind) {
  EXPECT_EQ(nearest("epoch", known), "epochs");           // left out
  EXPECT_EQ(nearest("epochss", known), "epochs");         // inserted
  EXPECT_EQ(nearest("batch_size", known), "batch-size");  // replaced
  EXPECT_EQ(nearest("sede", known), "seed");              // swapped
  EXPECT_EQ(nearest("cifar1000", known), "cifar100");
  EXPECT_EQ(nearest("cifar1", known), "cifar10");
  EXPECT_EQ(nearest("lr-base", known), "lr-base");
}

TEST(Nearest, OfEqualsTheFirst) {
  EXPECT_EQ(nearest("abc", std::vector<std::string>{"abd", "abe"}), "abd");
  EXPECT_EQ(nearest("abc", std::vector<std::string>{"abe", "abd"}), "abe");
}

TEST(Nearest, GivesNothingWhereNothingIsNear) {
  EXPECT_EQ(nearest("imagenet", known), "");
  EXPECT_EQ(nearest("", known), "");
  EXPECT_EQ(nearest("x", std::vector<std::string>{"y"}), "") << "a word of which no letter is right is no suggestion";
  EXPECT_EQ(nearest("seed", std::vector<std::string>{}), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), known), "");
}

}  // namespace
}  // namespace mvmoe
