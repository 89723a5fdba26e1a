// Why a sparse network did not win is read off four losses and the router. What could be wrong and still look right:
// dense and sparse swapped, training and test swapped, a router blamed that is right, a fall counted over the wrong
// epochs.
#include "tools/pipeline/verdict.h"

#include <gtest/gtest.h>

namespace mvmoe {
namespace {

std::vector<std::string> kinds(const Evidence& evidence) {
  std::vector<std::string> out;
  for (const Reason& reason : verdict(evidence)) out.push_back(reason.kind);
  return out;
}

using Kinds = std::vector<std::string>;

TEST(Verdict, TwoStandardErrorsWin) {
  EXPECT_EQ(kinds({.gain = 1.3, .gain_error = 0.6, .dense = {2, 2, {}}, .moe = {1, 1, {}}}), Kinds{"won"});
  EXPECT_EQ(kinds({.gain = 1.1, .gain_error = 0.6, .dense = {2, 2, {}}, .moe = {1, 1, {}}}), Kinds{"noise"});
}

TEST(Verdict, LowerInTrainingAndHigherInTheTestIsTooLittleData) {
  const Evidence evidence{.gain = -1, .gain_error = 0.4, .dense = {1.5, 2.1, {}}, .moe = {1.2, 2.2, {}}, .experts = 10};
  EXPECT_EQ(kinds(evidence), Kinds{"too-little-data"});
  const std::string text = verdict(evidence)[0].text;
  EXPECT_NE(text.find("loss 1.200 against the dense network's 1.500"), std::string::npos) << text;
  EXPECT_NE(text.find("(2.200 against the dense network's 2.100)"), std::string::npos) << text;
  EXPECT_NE(text.find("10 experts"), std::string::npos) << text;
}

TEST(Verdict, HigherInTrainingIsTooFewSteps) {
  EXPECT_EQ(kinds({.gain = -1, .gain_error = 0.4, .dense = {1.5, 2.1, {}}, .moe = {1.6, 2.2, {}}}),
            Kinds{"too-few-steps"});
  EXPECT_EQ(kinds({.gain = -1, .gain_error = 0.4, .dense = {1.5, 2.1, {}}, .moe = {1.499, 2.2, {}}}), Kinds{"noise"});
}

TEST(Verdict, ARouterIsNamedWhereRightOnesWouldGiveAPoint) {
  Evidence evidence{.gain = 3, .gain_error = 0.4, .moe_top1 = 60, .router_accuracy = 80, .oracle_top1 = 61.5};
  EXPECT_EQ(kinds(evidence), (Kinds{"won", "router"}));
  EXPECT_NE(verdict(evidence)[1].text.find("20.0 %"), std::string::npos);
  EXPECT_NE(verdict(evidence)[1].text.find("61.50 %, 1.50 points more"), std::string::npos);
  evidence.oracle_top1 = 60.9;
  EXPECT_EQ(kinds(evidence), Kinds{"won"});
}

TEST(Verdict, ALossThatStillFallsIsSaid) {
  Evidence evidence{.gain = 3, .gain_error = 0.4, .dense = {2, 2, 0.031}, .moe = {2, 2, 0.062}};
  EXPECT_EQ(kinds(evidence), (Kinds{"won", "still-falling"}));
  EXPECT_NE(verdict(evidence)[1].text.find("6.2 %"), std::string::npos);
  EXPECT_NE(verdict(evidence)[1].text.find("by 3.1 %"), std::string::npos);
  evidence.moe.fall = 0.04;
  EXPECT_EQ(kinds(evidence), Kinds{"won"});
}

TEST(Verdict, TheLastQuarterIsCountedFromItsFirstEpochsBeginning) {
  EXPECT_FALSE(fall_in_last_quarter({3, 2, 1}));
  EXPECT_DOUBLE_EQ(*fall_in_last_quarter({9, 8, 4, 3}), 0.25);
  EXPECT_DOUBLE_EQ(*fall_in_last_quarter({9, 9, 9, 9, 9, 4, 3, 2}), 0.5);
}

}  // namespace
}  // namespace mvmoe
