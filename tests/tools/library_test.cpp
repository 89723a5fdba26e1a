// The C interface (tools/library/mvmoe.h) against train/evaluate/predict.h, and against what nobody should do: null
// pointers, images and weights of every kind of damage, and eight threads in one model. Wrong but plausible, and what
// shows it: experts and gates swapped, or of another image (a sparse network, several images); a context that two
// threads share (their answers bit by bit); one error text for all threads; an exception that gets out (the test
// program ends); a size that overflows before it is checked; the caller's OpenMP left at one thread.
#include <gtest/gtest.h>
#include <omp.h>

#include <atomic>
#include <cmath>
#include <limits>
#include <thread>

#include "engine/files.h"
#include "engine/processor.h"
#include "tests/tools/library_helpers.h"
#include "train/data/decode.h"
#include "train/data/encode.h"
#include "train/evaluate/predict.h"

namespace mvmoe::library {
namespace {

namespace fs = std::filesystem;

// Everything the interface says of `said` is what train/evaluate/predict.h says of the file.
void expect_the_same(const Model& model, const Said& said, const LoadedModel& loaded, const std::string& file) {
  ASSERT_TRUE(said) << file << ": " << mvmoe_error();
  Lanes lanes(loaded.model->parameters(), {.threads = 1, .lane_size = 1}, Kernels::fast);
  const Panels panels(loaded.model->parameters(), lanes.threads());
  const Prediction expected = predict(*loaded.model, {file}, loaded.description.preprocessing, lanes, &panels)[0];
  const int classes = mvmoe_classes(model.get());
  ASSERT_EQ(static_cast<std::size_t>(classes), expected.logits.size());
  EXPECT_EQ(logits_of(said, classes), expected.logits);

  std::vector<int> labels(9, -1);
  std::vector<float> values(9);
  const std::vector<ClassProbability> top = most_probable(expected.logits, 4);
  ASSERT_EQ(mvmoe_top(said.get(), 4, labels.data(), values.data()), 4);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(labels[i], top[i].label);
    EXPECT_EQ(values[i], top[i].probability);
  }
  EXPECT_EQ(labels[4], -1) << "written beyond count";
  const ModelDescription& d = loaded.description;
  EXPECT_EQ(mvmoe_superclass(said.get()),
            d.superclass_of.empty() ? MVMOE_NONE : d.superclass_of[static_cast<std::size_t>(top[0].label)]);

  labels.assign(9, -1);
  ASSERT_EQ(mvmoe_experts(said.get(), 9, labels.data(), values.data()), static_cast<int>(expected.experts.size()));
  ASSERT_EQ(mvmoe_experts(said.get(), 0, nullptr, nullptr), static_cast<int>(expected.experts.size()));
  for (std::size_t i = 0; i < expected.experts.size(); ++i) {
    EXPECT_EQ(labels[i], expected.experts[i].index);
    EXPECT_EQ(values[i], expected.experts[i].gate);
  }
}

TEST(Library, SaysWhatPredictSays) {
  TemporaryFolder folder;
  const std::vector<fs::path> networks{
      golden_weights,
      write_network(folder / "dense.safetensors", {}),
      write_network(folder / "superclass.safetensors", {.experts = 3, .layers = 1, .routing = Routing::superclass}),
      write_network(folder / "image.safetensors", {.experts = 4, .layers = 2, .top_k = 2, .routing = Routing::image}),
      write_network(folder / "token.safetensors", {.experts = 3, .layers = 2, .top_k = 2, .routing = Routing::token}),
  };
  for (const fs::path& path : networks) {
    SCOPED_TRACE(path);
    const Model model = load(path);
    ASSERT_TRUE(model) << mvmoe_error();
    const LoadedModel loaded = load_model(path);
    for (const std::string& file :
         {photo, std::string("tests/golden/images/grey.png"), std::string("tests/golden/images/progressive.jpg")}) {
      expect_the_same(model, ask(model, file), loaded, file);
      const std::vector<std::uint8_t> bytes = read_file(file);
      expect_the_same(model, Said(mvmoe_predict_encoded(model.get(), bytes.data(), bytes.size())), loaded, file);
      const Image image = decode_image(bytes);
      expect_the_same(model, Said(mvmoe_predict_rgb(model.get(), image.rgb.data(), image.width, image.height)), loaded,
                      file);
    }
    for (int i = 0; i < mvmoe_classes(model.get()); ++i)
      EXPECT_EQ(mvmoe_class_name(model.get(), i), loaded.description.classes[static_cast<std::size_t>(i)]);
  }
}

TEST(Library, APredictionOutlivesItsModel) {
  Model model = load(golden_weights);
  const Said said = ask(model, photo);
  ASSERT_TRUE(said) << mvmoe_error();
  const std::vector<float> logits = logits_of(said, 5);
  model.reset();
  EXPECT_EQ(logits_of(said, 5), logits);
  int label;
  float probability;
  EXPECT_EQ(mvmoe_top(said.get(), 1, &label, &probability), 1);
}

#define EXPECT_ERROR(call, failed, text) \
  EXPECT_EQ(call, failed);               \
  EXPECT_STREQ(mvmoe_error(), text)

class LibraryArguments : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(said) << mvmoe_error(); }

  const Model model = load(golden_weights);
  const Said said = ask(model, photo);
  int label = 0;
  float value = 0;
  const std::uint8_t byte = 0;
};

TEST_F(LibraryArguments, NullPointersAreErrors) {
  EXPECT_ERROR(mvmoe_load(nullptr), nullptr, "mvmoe_load: path is a null pointer");
  EXPECT_ERROR(mvmoe_classes(nullptr), -1, "mvmoe_classes: model is a null pointer");
  EXPECT_ERROR(mvmoe_class_name(nullptr, 0), nullptr, "mvmoe_class_name: model is a null pointer");
  EXPECT_ERROR(mvmoe_predict_file(nullptr, "x"), nullptr, "mvmoe_predict_file: model is a null pointer");
  EXPECT_ERROR(mvmoe_predict_file(model.get(), nullptr), nullptr, "mvmoe_predict_file: path is a null pointer");
  EXPECT_ERROR(mvmoe_predict_encoded(nullptr, &byte, 1), nullptr, "mvmoe_predict_encoded: model is a null pointer");
  EXPECT_ERROR(mvmoe_predict_encoded(model.get(), nullptr, 1), nullptr,
               "mvmoe_predict_encoded: bytes is a null pointer");
  EXPECT_ERROR(mvmoe_predict_rgb(nullptr, &byte, 1, 1), nullptr, "mvmoe_predict_rgb: model is a null pointer");
  EXPECT_ERROR(mvmoe_predict_rgb(model.get(), nullptr, 1, 1), nullptr, "mvmoe_predict_rgb: pixels is a null pointer");
  EXPECT_ERROR(mvmoe_top(nullptr, 1, &label, &value), -1, "mvmoe_top: prediction is a null pointer");
  EXPECT_ERROR(mvmoe_top(said.get(), 1, nullptr, &value), -1, "mvmoe_top: labels is a null pointer");
  EXPECT_ERROR(mvmoe_top(said.get(), 1, &label, nullptr), -1, "mvmoe_top: probabilities is a null pointer");
  EXPECT_ERROR(mvmoe_logits(nullptr), nullptr, "mvmoe_logits: prediction is a null pointer");
  EXPECT_ERROR(mvmoe_superclass(nullptr), -1, "mvmoe_superclass: prediction is a null pointer");
  EXPECT_ERROR(mvmoe_experts(nullptr, 0, nullptr, nullptr), -1, "mvmoe_experts: prediction is a null pointer");
  EXPECT_ERROR(mvmoe_experts(said.get(), 1, nullptr, &value), -1,
               "mvmoe_experts: experts is a null pointer, with count 1");
  EXPECT_ERROR(mvmoe_experts(said.get(), 1, &label, nullptr), -1,
               "mvmoe_experts: gates is a null pointer, with count 1");
  mvmoe_free(nullptr);
  mvmoe_prediction_free(nullptr);
}

TEST_F(LibraryArguments, NumbersOutOfRangeAreErrors) {
  EXPECT_ERROR(mvmoe_class_name(model.get(), -1), nullptr, "mvmoe_class_name: label is -1, must be 0 to 4");
  EXPECT_ERROR(mvmoe_class_name(model.get(), 5), nullptr, "mvmoe_class_name: label is 5, must be 0 to 4");
  EXPECT_ERROR(mvmoe_top(said.get(), 0, &label, &value), -1, "mvmoe_top: count is 0, must be at least 1");
  EXPECT_ERROR(mvmoe_top(said.get(), -7, &label, &value), -1, "mvmoe_top: count is -7, must be at least 1");
  EXPECT_ERROR(mvmoe_experts(said.get(), -1, &label, &value), -1, "mvmoe_experts: count is -1, must be 0 or more");
  EXPECT_ERROR(mvmoe_predict_rgb(model.get(), &byte, 0, 5), nullptr,
               "mvmoe_predict_rgb: the image is 0 x 5 pixels, must be at least 1 x 1");
  EXPECT_ERROR(mvmoe_predict_rgb(model.get(), &byte, 5, -1), nullptr,
               "mvmoe_predict_rgb: the image is 5 x -1 pixels, must be at least 1 x 1");
  EXPECT_ERROR(mvmoe_predict_rgb(model.get(), &byte, 65536, 65536), nullptr,
               "mvmoe_predict_rgb: the image is 65536 x 65536 pixels, must be at most 100 million");
  EXPECT_ERROR(mvmoe_predict_encoded(model.get(), &byte, 0), nullptr, "mvmoe_predict_encoded: the image is empty");
  EXPECT_ERROR(mvmoe_predict_encoded(model.get(), &byte, std::numeric_limits<std::size_t>::max()), nullptr,
               "mvmoe_predict_encoded: the image has 18446744073709551615 bytes, must have at most 67108864");
  std::vector<int> labels(1000);
  std::vector<float> values(1000);
  EXPECT_EQ(mvmoe_top(said.get(), std::numeric_limits<int>::max(), labels.data(), values.data()), 5)
      << "fewer classes than asked for";
}

// Either a prediction of finite numbers, or an error in one line.
void expect_answer_or_error(const Said& said, const std::string& what) {
  if (!said) {
    EXPECT_TRUE(is_one_line(mvmoe_error())) << what << ": '" << mvmoe_error() << "'";
    return;
  }
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(std::isfinite(mvmoe_logits(said.get())[i])) << what;
}

TEST(Library, BadImages) {
  const Model model = load(golden_weights);
  ASSERT_TRUE(model) << mvmoe_error();
  int images = 0;
  for (const auto& entry : fs::directory_iterator("tests/fuzz/corpus/image")) {
    const std::vector<std::uint8_t> bytes = read_file(entry.path());
    const Said of_file = ask(model, entry.path().string()),
               of_bytes(mvmoe_predict_encoded(model.get(), bytes.data(), bytes.size()));
    expect_answer_or_error(of_file, entry.path());
    EXPECT_EQ(of_file == nullptr, of_bytes == nullptr) << entry.path();
    ++images;
  }
  EXPECT_GT(images, 20);
  const Image small = noise(9, 7, 1);
  for (const std::vector<std::uint8_t>& whole :
       {encode_jpeg(small, 90), encode_png(small.rgb.data(), small.width, small.height, 3)}) {
    for (std::size_t length = 0; length < whole.size(); ++length) {
      const std::vector<std::uint8_t> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
      // Of a vector without bytes the pointer is null.
      const Said said(mvmoe_predict_encoded(model.get(), cut.data(), cut.size()));
      EXPECT_FALSE(said) << length << " of " << whole.size() << " bytes";
      EXPECT_TRUE(is_one_line(mvmoe_error()));
    }
    for (std::size_t i = 0; i < whole.size(); ++i) {
      std::vector<std::uint8_t> changed = whole;
      changed[i] ^= static_cast<std::uint8_t>(1u << (i % 8));
      expect_answer_or_error(Said(mvmoe_predict_encoded(model.get(), changed.data(), changed.size())),
                             std::to_string(i));
    }
  }
  EXPECT_ERROR(mvmoe_predict_file(model.get(), "tests"), nullptr, "tests: Is a directory");
  EXPECT_ERROR(mvmoe_predict_file(model.get(), "a\n\x1b[2Jb"), nullptr, "a\\x0a\\x1b[2Jb: No such file or directory");
}

TEST(Library, DamagedWeights) {
  TemporaryFolder folder;
  const std::vector<std::uint8_t> whole =
      read_file(write_network(folder / "w.safetensors", {.experts = 2, .layers = 1, .routing = Routing::image}));
  const fs::path damaged = folder / "damaged.safetensors";
  const auto expect_model_or_error = [&](std::span<const std::uint8_t> bytes, const std::string& what) {
    put_file(damaged, bytes);
    const Model model = load(damaged);
    if (!model) {
      EXPECT_TRUE(is_one_line(mvmoe_error()) && std::string(mvmoe_error()).starts_with(damaged.string()))
          << what << ": " << mvmoe_error();
    }
    return model != nullptr;
  };
  const std::size_t data = 8 + whole[0] + 256u * whole[1];  // where the header ends
  ASSERT_LT(data, whole.size());
  for (std::size_t length = 0; length < whole.size(); length += length < data ? 97 : 5003)
    EXPECT_FALSE(expect_model_or_error(std::span(whole).first(length), "cut")) << length;
  for (std::size_t i = 0; i < data; i += 7) {
    std::vector<std::uint8_t> changed = whole;
    changed[i] ^= static_cast<std::uint8_t>(1u << (i % 8));
    expect_model_or_error(changed, "changed at " + std::to_string(i));
  }
  for (std::size_t i = data; i < whole.size(); i += 4999) {
    std::vector<std::uint8_t> changed = whole;
    changed[i] ^= 1;
    EXPECT_FALSE(expect_model_or_error(changed, "")) << "a bit of the weights, byte " << i;
  }
  EXPECT_TRUE(expect_model_or_error(whole, "whole"));
  EXPECT_ERROR(mvmoe_load("gone.safetensors"), nullptr, "gone.safetensors: No such file or directory");
  EXPECT_ERROR(mvmoe_load("tests"), nullptr, "tests: is not a regular file");
  fs::copy_file(golden_weights, folder / "alone.safetensors");
  EXPECT_FALSE(load(folder / "alone.safetensors"));
  EXPECT_TRUE(std::string(mvmoe_error()).find("no config.json") != std::string::npos) << mvmoe_error();
  for (const MoeConfig& moe : {MoeConfig{}, MoeConfig{.experts = 3, .layers = 1, .routing = Routing::superclass},
                               MoeConfig{.experts = 3, .layers = 2, .top_k = 2, .routing = Routing::image},
                               MoeConfig{.experts = 3, .layers = 2, .top_k = 2, .routing = Routing::token}}) {
    const Model nan = load(write_network(folder / "nan.safetensors", moe, false));
    ASSERT_TRUE(nan) << mvmoe_error();
    EXPECT_ERROR(mvmoe_predict_file(nan.get(), photo.c_str()), nullptr,
                 "the network gives no finite numbers for this image");
  }
}

TEST(Library, EightThreadsInOneModel) {
  TemporaryFolder folder;
  const Model model =
      load(write_network(folder / "w.safetensors", {.experts = 4, .layers = 1, .top_k = 2, .routing = Routing::token}));
  ASSERT_TRUE(model) << mvmoe_error();
  constexpr int threads = 8, images = 12;
  std::vector<Image> image;
  std::vector<std::vector<float>> expected;
  const auto answer = [&](int i) {
    return Said(mvmoe_predict_rgb(model.get(), image[static_cast<std::size_t>(i)].rgb.data(),
                                  image[static_cast<std::size_t>(i)].width, image[static_cast<std::size_t>(i)].height));
  };
  for (int i = 0; i < images; ++i) {
    image.push_back(noise(17 + i, 31 - i, static_cast<std::uint64_t>(i)));
    expected.push_back(logits_of(answer(i), 7));
  }
  EXPECT_NE(expected[0], expected[1]);
  std::atomic<int> ready{0};
  std::vector<std::thread> team;
  for (int t = 0; t < threads; ++t)
    team.emplace_back([&, t] {
      EXPECT_STREQ(mvmoe_error(), "");  // a thread's own
      ++ready;
      while (ready < threads) std::this_thread::yield();
      for (int round = 0; round < 3; ++round)
        for (int i = 0; i < images; ++i) {
          const int one = (i + t) % images;
          const Said said = answer(one);
          ASSERT_TRUE(said) << mvmoe_error();
          EXPECT_EQ(logits_of(said, 7), expected[static_cast<std::size_t>(one)]) << "image " << one;
          EXPECT_EQ(mvmoe_class_name(model.get(), 100 + t), nullptr);
          EXPECT_EQ(mvmoe_error(), "mvmoe_class_name: label is " + std::to_string(100 + t) + ", must be 0 to 6");
        }
    });
  for (std::thread& thread : team) thread.join();
}

TEST(Library, LeavesTheCallersOpenMPAlone) {
  const Model model = load(golden_weights);
  const int before = omp_get_max_threads();
  omp_set_num_threads(3);
  ask(model, photo);
  EXPECT_EQ(omp_get_max_threads(), 3);
  ask(model, "gone.jpg");
  EXPECT_EQ(omp_get_max_threads(), 3);
  omp_set_num_threads(before);
}

TEST(Processor, WhatIsMissingIsNamed) {
  EXPECT_EQ(mvmoe_missing_instructions({}), nullptr);
  EXPECT_EQ(mvmoe_missing_instructions(mvmoe_built_for), nullptr) << "and yet this runs";
  const auto named = [](const ProcessorNeeds& needs, bool here, const char* name) {
    const char* missing = mvmoe_missing_instructions(needs);
    EXPECT_STREQ(missing, here ? nullptr : name);
  };
  named({.avx = true}, __builtin_cpu_supports("avx"), "AVX");
  named({.avx2 = true}, __builtin_cpu_supports("avx2"), "AVX2");
  named({.fma = true}, __builtin_cpu_supports("fma"), "FMA");
  named({.bmi2 = true}, __builtin_cpu_supports("bmi2"), "BMI2");
  named({.avx512f = true}, __builtin_cpu_supports("avx512f"), "AVX512F");
  named({.avx512bw = true}, __builtin_cpu_supports("avx512bw"), "AVX512BW");
  named({.avx512dq = true}, __builtin_cpu_supports("avx512dq"), "AVX512DQ");
  named({.avx512vl = true}, __builtin_cpu_supports("avx512vl"), "AVX512VL");
  named({.avx512vnni = true}, __builtin_cpu_supports("avx512vnni"), "AVX512VNNI");
  named({.avx512bf16 = true}, __builtin_cpu_supports("avx512bf16"), "AVX512BF16");
}

}  // namespace
}  // namespace mvmoe::library
