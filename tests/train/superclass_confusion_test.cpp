// The confusion matrix: against a plain loop, the same for any thread count, and its file with any class names.
// Wrong but plausible, and what shows it: rows and columns exchanged, an image's label read without the part's offset
// (several parts of 128 lanes), sums in the order threads finish (bits), digits lost in the file, "a,b" split in two.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "train/evaluate/evaluate.h"
#include "train/superclass/confusion_csv.h"

namespace mvmoe {
namespace {

const Preprocessing preprocessing{{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}};

// A network whose predictions differ from image to image.
std::unique_ptr<ViT> network(int classes) {
  auto model = std::make_unique<ViT>(small_model(classes));
  model->initialise(3);
  for (std::size_t i = 0; i < model->parameters().list().size(); ++i) {
    const Tensor value = model->parameters().value(static_cast<ParameterId>(i));
    for (std::size_t j = 0; j < value.size(); ++j) value[j] += 0.3f * Random(5, Place::test, i, j).normal();
  }
  return model;
}

MeasuredConfusion measure(const ViT& model, const ImageSet& set, ConfusionKind kind, int threads, int lane_size) {
  Lanes lanes(model.parameters(), {.threads = threads, .lane_size = lane_size}, Kernels::fast);
  return measure_confusion(model, set, preprocessing, kind, lanes);
}

TEST(Confusion, IsThePlainLoopsAndEvaluates) {
  const int C = 5;  // no divisor of 128
  const auto model = network(C);
  const ImageSet set = small_images(301, C);  // three parts of 128 images in lanes of 1, the last with an odd rest
  DoubleMatrix soft(C, C), hard(C, C);
  Context c(model->parameters(), Kernels::plain);
  for (int i = 0; i < set.size(); ++i) {
    c.begin({}, nullptr);
    const Tensor image = c.arena.take({1, 3, 8, 8});
    for (int p = 0; p < 3 * 8 * 8; ++p) image[static_cast<std::size_t>(p)] = (set.image(i)[p] / 255.0f - 0.5f) / 0.25f;
    const Tensor logits = model->forward(c, image).logits.value();
    double sum = 0;
    int best = 0;
    for (int k = 0; k < C; ++k) sum += std::exp(static_cast<double>(logits[k]));
    for (int k = 0; k < C; ++k) soft.at(set.labels[i], k) += std::exp(static_cast<double>(logits[k])) / sum;
    for (int k = 1; k < C; ++k)
      if (logits[k] > logits[best]) best = k;
    hard.at(set.labels[i], best) += 1;
  }
  const MeasuredConfusion is_soft = measure(*model, set, ConfusionKind::soft, 2, 1),
                          is_hard = measure(*model, set, ConfusionKind::hard, 2, 1);
  for (int t = 0; t < C; ++t)
    for (int p = 0; p < C; ++p) EXPECT_NEAR(is_soft.matrix.at(t, p), soft.at(t, p), 1e-4) << t << ' ' << p;
  EXPECT_EQ(is_hard.matrix.values, hard.values);
  for (const int x : {1, 2, 3}) EXPECT_GT(hard.at(0, x) + hard.at(x, 0), 0) << "a case without confusion shows nothing";
  EXPECT_EQ(is_soft.images, 301);

  Lanes lanes(model->parameters(), {.threads = 1}, Kernels::fast);
  EXPECT_DOUBLE_EQ(is_soft.accuracy, evaluate(*model, set, preprocessing, lanes).top1);
  EXPECT_EQ(is_soft.accuracy, is_hard.accuracy);
}

TEST(Confusion, SameBitsForAnyThreadCount) {
  const auto model = network(4);
  const ImageSet set = small_images(1500, 4);  // lanes of 8: a full part and a rest
  const MeasuredConfusion one = measure(*model, set, ConfusionKind::soft, 1, 8);
  for (const int threads : {2, 3, 7})
    EXPECT_EQ(measure(*model, set, ConfusionKind::soft, threads, 8).matrix.values, one.matrix.values);
}

TEST(Confusion, StopsWhenItIsTold) {
  const auto model = network(4);
  const ImageSet set = small_images(50, 4);
  Lanes lanes(model->parameters(), {.threads = 1, .lane_size = 8}, Kernels::fast);
  std::vector<int> asked;
  const auto until = [&](int most) {
    asked.clear();
    return measure_confusion(*model, set, preprocessing, ConfusionKind::soft, lanes,
                             [&](int done) { return asked.push_back(done), done < most; });
  };
  EXPECT_TRUE(until(50).complete);
  EXPECT_EQ(asked, (std::vector<int>{0, 8, 16, 24, 32, 40, 48}));
  EXPECT_FALSE(until(16).complete);
  EXPECT_EQ(asked, (std::vector<int>{0, 8, 16})) << "and no more is asked";
}

TEST(Confusion, OfEqualLogitsTheLowerClass) {
  const ViT model(small_model(3));  // not initialised: all weights are 0, and so are all logits
  const MeasuredConfusion hard = measure(model, small_images(6), ConfusionKind::hard, 1, 8);
  EXPECT_EQ(hard.matrix.values, (std::vector<double>{2, 0, 0, 2, 0, 0, 2, 0, 0}));
  EXPECT_NEAR(hard.accuracy, 100.0 / 3, 1e-12);
}

TEST(Confusion, RefusesLogitsThatAreNotFinite) {
  const auto model = network(3);
  const Parameter* bias = model->parameters().find("head.bias");
  model->parameters().value(static_cast<ParameterId>(bias - model->parameters().list().data()))[1] =
      std::numeric_limits<float>::infinity();
  EXPECT_EQ(message_of([&] { measure(*model, small_images(3), ConfusionKind::soft, 1, 8); }),
            "the network gives held-out image 0 a logit that is not finite");
}

// Names and numbers as awkward as they may be.
const std::vector<std::string> awkward_names{"plain",
                                             "a,b",
                                             "say \"no\"",
                                             "two\nlines",
                                             "\r\n",
                                             " space ",
                                             "",
                                             "\x1b[31m<b>&amp;",
                                             "\xc3\xa9t\xc3\xa9",
                                             "\"",
                                             std::string("nul\0nul", 7),
                                             "\r"};

Confusion awkward() {
  const int C = static_cast<int>(awkward_names.size());
  Confusion confusion{.classes = awkward_names, .matrix = {C, C}};
  for (std::size_t i = 0; i < confusion.matrix.values.size(); ++i)
    confusion.matrix.values[i] = std::exp(10 * Random(4, Place::test, 0, i).normal());
  confusion.matrix.values[0] = 0;
  confusion.matrix.values[1] = std::numeric_limits<double>::denorm_min();
  confusion.matrix.values[2] = std::numeric_limits<double>::max();
  confusion.matrix.values[3] = 1.0 / 3;
  return confusion;
}

TEST(ConfusionCsv, ReadsBackWhatItWrote) {
  const TemporaryFolder folder;
  write_confusion(folder / "c.csv", awkward());
  const Confusion read = read_confusion(folder / "c.csv");
  EXPECT_EQ(read.classes, awkward_names);
  EXPECT_EQ(read.matrix.values, awkward().matrix.values);
  EXPECT_EQ(folder.entries(), 1);
}

TEST(ConfusionCsv, IsTheTextOfRfc4180) {
  const TemporaryFolder folder;
  write_confusion(folder / "c.csv", {.classes = {"cat", "a,b", "\"q\""}, .matrix = awkward().matrix});
  const auto bytes = read_file(folder / "c.csv");
  const std::string text(bytes.begin(), bytes.end());
  EXPECT_EQ(text.substr(0, text.find('\n')), "class,cat,\"a,b\",\"\"\"q\"\"\"");
  EXPECT_NE(text.find("\n\"\"\"q\"\"\","), std::string::npos);
}

TEST(ConfusionCsv, BrokenUtf8IsReplaced) {
  const TemporaryFolder folder;
  DoubleMatrix two(2, 2);
  write_confusion(folder / "c.csv", {.classes = {"a\xff", "b"}, .matrix = two});
  EXPECT_EQ(read_confusion(folder / "c.csv").classes[0], "a\xef\xbf\xbd");
  EXPECT_EQ(message_of([&] {
              write_confusion(folder / "c.csv", {.classes = {"a\xff", "a\xfe"}, .matrix = two});
            }),
            folder.string() + "/c.csv: two classes are named 'a\\xfe', must be told apart by name");
}

TEST(ConfusionCsv, ReadsWhatSpreadsheetsWrite) {
  const TemporaryFolder folder;
  write_file(folder / "c.csv", std::string_view("\xef\xbb\xbf;anything,\"a\",b\r\na,1,2e0\r\n\"b\",0.5,4\r\n\r\n"));
  const Confusion read = read_confusion(folder / "c.csv");
  EXPECT_EQ(read.classes, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read.matrix.values, (std::vector<double>{1, 2, 0.5, 4}));
}

TEST(ConfusionCsv, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto complaint = [&](std::string_view text) {
    write_file(folder / "c.csv", text);
    const std::string all = message_of([&] { read_confusion(folder / "c.csv"); }), file = folder.string() + "/c.csv: ";
    return all.starts_with(file) ? all.substr(file.size()) : all;
  };
  EXPECT_EQ(complaint(""), "is empty, must be a confusion matrix as mvmoe confusion writes it");
  EXPECT_EQ(complaint("\n\r\n"), "is empty, must be a confusion matrix as mvmoe confusion writes it");
  EXPECT_EQ(complaint("class\n"), "its header names no classes");
  EXPECT_EQ(complaint("class,a,b,a\n"), "columns 1 and 3 are both named 'a'");
  EXPECT_EQ(complaint("class,a,b\n"), "the row of 'a' is missing");
  EXPECT_EQ(complaint("class,a,b\na,1,2\n"), "the row of 'b' is missing");
  EXPECT_EQ(complaint("class,a,b\na,1,2\nx,1,2\n"), "row 2 is named 'x', which is no column");
  EXPECT_EQ(complaint("class,a,b\na,1,2\na,1,2\n"), "row 2 is 'a' again, as row 1");
  EXPECT_EQ(complaint("class,a,b\nb,1,2\na,1,2\n"),
            "row 1 is 'b', must be 'a': rows stand in the header's order, and none is missing");
  EXPECT_EQ(complaint("class,a,b\na,1,2\nb,1,2\nb,1,2\n"), "row 3 is 'b' again, as row 2");
  EXPECT_EQ(complaint("class,a,b\na,1,2\nb,1,2\nc,1,2\n"), "row 3 is named 'c', which is no column");
  EXPECT_EQ(complaint("class,a,b\na,1,-2\nb,1,2\n"), "row 1 (a), column 2 (b): -2 is negative");
  for (const std::string number : {"nan", "inf", "-inf", "1e999", "-nan"})
    EXPECT_EQ(complaint("class,a,b\na,1,2\nb," + number + ",2\n"),
              "row 2 (b), column 1 (a): " + number + " is not finite");
  for (const std::string number : {"", "x", "1x", " 1", "0x10", "1;2", "--1"})
    EXPECT_EQ(complaint("class,a,b\na,1,2\nb," + number + ",2\n"),
              "row 2 (b), column 1 (a): '" + number + "' is not a number");
  EXPECT_EQ(complaint("class,a,b\na,1\nb,1,2\n"), "row 1 (a) has 1 entries, must have 2");
  EXPECT_EQ(complaint("class,a,b\na\nb,1,2\n"), "row 1 (a) has 0 entries, must have 2");
  EXPECT_EQ(complaint("class,a,b\na,1,2,3\nb,1,2\n"), "row 1 (a) has more than 2 entries");
  EXPECT_EQ(complaint("class,a,b\n\na,1,2\nb,1,2\n"), "row 1 is named '', which is no column");
  EXPECT_EQ(complaint("class,\"a,b\n1,2"), "the quote before 'a,b\\x0a1,2' is never closed");
  EXPECT_EQ(complaint("class,\"a\"b,c\n"), "behind the quoted name 'a' must be a comma or the line's end");
  std::string many = "class";
  for (int i = 0; i <= 10'000; ++i) many += "," + std::to_string(i);
  EXPECT_EQ(complaint(many), "names more than 10000 classes");
}

}  // namespace
}  // namespace mvmoe
