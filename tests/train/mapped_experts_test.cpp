// Experts that stay in their file until an image goes to them (ReadExperts::when_used). Wrong but plausible, and what
// shows it: another tensor's place in the file, or a place off by the header (the same bits as read whole); all pages
// touched by a checksum, a copy or the block of weights (the resident size); a file that is cut only noticed by a
// SIGBUS.
#include <gtest/gtest.h>

#include <fstream>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "train/evaluate/predict.h"
#include "train/files/load_model.h"
#include "train/files/weights.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

const std::string photo = "tests/golden/images/colour.jpg";

// Weights at random; 3 classes, so that no tensor behind the head begins on a multiple of 64 bytes.
ModelConfig network(int width, int experts, Routing routing) {
  MoeConfig moe{.experts = experts, .layers = 2, .top_k = 1, .routing = routing};
  return {.depth = 2, .width = width, .heads = 1, .patch = 8, .image = 16, .classes = 3, .moe = moe};
}

fs::path write_network(const fs::path& path, const ModelConfig& config) {
  ViT model(config);
  model.initialise(5);
  save_weights(path, model,
               {.model = config,
                .classes = {"a", "b", "c"},
                .preprocessing = {.mean = {0.4f, 0.5f, 0.6f}, .std = {0.2f, 0.3f, 0.25f}},
                .superclass_of = {}});
  return path;
}

Prediction ask(const LoadedModel& loaded) {
  Lanes lanes(loaded.model->parameters(), {.threads = 1, .lane_size = 1}, Kernels::fast);
  return predict(*loaded.model, {photo}, loaded.description.preprocessing, lanes)[0];
}

int elsewhere(const LoadedModel& loaded) {
  const Parameters& p = loaded.model->parameters();
  int count = 0;
  for (int id = 0; id < static_cast<int>(p.list().size()); ++id) count += p.is_elsewhere(id);
  return count;
}

TEST(MappedExperts, SayTheSameToTheLastBit) {
  TemporaryFolder folder;
  for (const Routing routing : {Routing::superclass, Routing::image, Routing::token}) {
    const fs::path path = write_network(folder / "w.safetensors", network(24, 5, routing));
    const LoadedModel whole = load_model(path), mapped = load_model(path, {}, ReadExperts::when_used);
    EXPECT_EQ(elsewhere(whole), 0);
    EXPECT_EQ(elsewhere(mapped), 8) << "two layers, two weights and biases each";
    const Prediction expected = ask(whole), said = ask(mapped);
    ASSERT_EQ(expected.error, "");
    EXPECT_EQ(said.logits, expected.logits);
    EXPECT_EQ(said.experts.size(), expected.experts.size());
  }
}

TEST(MappedExperts, TheBlockOfAllWeightsIsRefused) {
  TemporaryFolder folder;
  const LoadedModel mapped =
      load_model(write_network(folder / "w.safetensors", network(24, 2, Routing::image)), {}, ReadExperts::when_used);
  EXPECT_EQ(message_of([&] { save_weights(folder / "copy.safetensors", *mapped.model, mapped.description); }),
            "parameters: blocks.0.mlp.experts.fc1.weight is not in the block of all weights: it is read from its file "
            "when it is used");
  EXPECT_EQ(elsewhere(load_model("tests/golden/timm/token/model.safetensors", {}, ReadExperts::when_used)), 0)
      << "a dense network has none";
}

// A space more in the header, and every tensor lies on an odd byte: no float is read there.
TEST(MappedExperts, WhatLiesOnNoMultipleOfFourIsRead) {
  TemporaryFolder folder;
  const fs::path path = write_network(folder / "w.safetensors", network(24, 2, Routing::image));
  std::vector<std::uint8_t> bytes = read_file(path);
  const std::size_t header = bytes[0] + 256u * bytes[1];
  bytes[0] = static_cast<std::uint8_t>(header + 1);
  bytes[1] = static_cast<std::uint8_t>((header + 1) >> 8);
  bytes.insert(bytes.begin() + 8 + static_cast<std::ptrdiff_t>(header), ' ');
  put_file(folder / "odd.safetensors", bytes);
  const LoadedModel odd = load_model(folder / "odd.safetensors", {}, ReadExperts::when_used);
  EXPECT_EQ(elsewhere(odd), 0);
  EXPECT_EQ(ask(odd).logits, ask(load_model(path)).logits);
}

TEST(MappedExperts, Damage) {
  TemporaryFolder folder;
  const fs::path path = write_network(folder / "w.safetensors", network(24, 2, Routing::image)),
                 damaged = folder / "damaged.safetensors";
  const std::vector<std::uint8_t> whole = read_file(path);
  const SafetensorsFile file(path);
  const std::size_t data = 8 + whole[0] + 256u * whole[1];
  const auto with_bit = [&](const std::string& name) {
    std::vector<std::uint8_t> bytes = whole;
    bytes[data + file.find(name)->begin + 2] ^= 1;
    put_file(damaged, bytes);
    return message_of([&] { load_model(damaged, {}, ReadExperts::when_used); });
  };
  EXPECT_NE(with_bit("head.weight").find("tensor 'head.weight' is damaged"), std::string::npos)
      << "what is read is compared with its checksum";
  EXPECT_EQ(with_bit("blocks.1.mlp.experts.fc2.weight"), "nothing was thrown") << "what may never be used is not";
  EXPECT_NE(message_of([&] { load_model(damaged); }).find("tensor 'blocks.1.mlp.experts.fc2.weight' is damaged"),
            std::string::npos);
  for (const std::size_t length : {whole.size() - 1, data + 100, data - 1, std::size_t{5}}) {
    put_file(damaged, std::span(whole).first(length));
    EXPECT_NE(message_of([&] { load_model(damaged, {}, ReadExperts::when_used); }), "nothing was thrown")
        << length << " bytes";
  }
}

std::size_t kilobytes(std::istream& lines, const std::string& key) {
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key)) return std::stoul(line.substr(key.size()));
  return 0;
}

// Bytes of the process in memory; and of the part of it that is a mapping of `path`.
std::size_t resident() {
  std::ifstream status("/proc/self/status");
  return kilobytes(status, "VmRSS:") << 10;
}
std::size_t resident(const fs::path& path) {
  std::ifstream maps("/proc/self/smaps");
  std::size_t bytes = 0;
  for (std::string line; std::getline(maps, line);)
    if (line.ends_with(path.string())) bytes += kilobytes(maps, "Rss:") << 10;
  return bytes;
}

TEST(MappedExperts, OnlyThoseThatAreUsedAreInMemory) {
  TemporaryFolder folder;
  const ModelConfig config = network(128, 64, Routing::image);
  const fs::path path = write_network(folder / "w.safetensors", config);
  const std::size_t file = fs::file_size(path), expert = file / 128;  // two layers of 64 are nearly all of the file
  ASSERT_GT(file, 60u << 20);
  if (resident() == 0) GTEST_SKIP() << "the system does not say what is in memory";
  const std::size_t before = resident();
  {
    const LoadedModel mapped = load_model(path, {}, ReadExperts::when_used);
    EXPECT_LT(resident(path), expert) << "nothing was asked yet";
    ASSERT_EQ(ask(mapped).experts.size(), 1u);
    EXPECT_GT(resident(path), expert) << "one expert in each of two layers";
    EXPECT_LT(resident(path), file / 4);  // with what the system maps around each of four weights and their biases
    EXPECT_LT(resident() - before, file / 2) << "with the working memory";
  }
  const LoadedModel whole = load_model(path);
  EXPECT_GT(resident() - before, file * 9 / 10) << "read whole it is all there: the measure can tell";
}

}  // namespace
}  // namespace mvmoe
