// Weights that timm wrote, read here: logits equal to timm's (tools/golden/timm_files.py), and what is refused. Wrong
// but plausible, and what shows it: the norm before a pooling it must follow; the class token in the mean; a class
// token's position where there is none; layer scale left out, or on columns; positions read without resampling; heads
// guessed.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/ops/op_test.h"
#include "train/files/load_model.h"
#include "train/files/start.h"
#include "train/files/timm.h"
#include "train/files/weights.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

const fs::path golden_timm = "tests/golden/timm";

void expect_timms_logits(const std::string& name, int image, const std::string& file = "model.safetensors",
                         double tolerance = 1e-5) {
  const Golden golden(golden_timm / "expected.safetensors");
  Bench bench;
  const LoadedModel loaded = load_model(golden_timm / name / file, {.heads = {},
                                                                    .image = image,
                                                                    .pool = {},
                                                                    .mean = {},
                                                                    .std = {},
                                                                    .crop_pct = {},
                                                                    .interpolation = {},
                                                                    .classes = {}});
  Context context(loaded.model->parameters());
  context.begin({}, nullptr);
  const Tensor logits =
      loaded.model->forward(context, golden.read(bench, "images." + std::to_string(image))).logits.value();
  expect_close(logits, golden.read(bench, name + ".logits"), tolerance, name);
  EXPECT_EQ(loaded.description.classes, (std::vector<std::string>{"cat", "dog", "newt", "owl", "yak"})) << name;
}

TEST(Timm, ClassToken) { expect_timms_logits("token", 12); }
TEST(Timm, NoQkvBias) { expect_timms_logits("no_qkv_bias", 12); }
TEST(Timm, NormAfterAveragePoolingInBf16) { expect_timms_logits("avg_fc_norm", 12); }
TEST(Timm, NormBeforeAveragePoolingInFp16) { expect_timms_logits("avg_norm", 12); }
TEST(Timm, NoClassToken) { expect_timms_logits("avg_no_class_token", 12); }
TEST(Timm, LayerScaleAndAClassTokenWithoutPosition) { expect_timms_logits("layer_scale", 12); }
TEST(Timm, LargerImages) { expect_timms_logits("larger", 20); }
TEST(Timm, SmallerImagesWithoutClassToken) { expect_timms_logits("smaller", 16); }
TEST(Timm, Shards) { expect_timms_logits("sharded", 12, "model.safetensors.index.json"); }

std::vector<std::pair<std::string, std::string>> all_files() {  // name, file
  std::vector<std::pair<std::string, std::string>> files;
  for (const char* name :
       {"token", "no_qkv_bias", "avg_fc_norm", "avg_norm", "avg_no_class_token", "larger", "smaller", "layer_scale"})
    files.push_back({name, "model.safetensors"});
  files.push_back({"sharded", "model.safetensors.index.json"});
  return files;
}

// timm's file, read and written here, and read again: every number to the bit, and the same network.
TEST(Timm, ARoundTripKeepsEveryBit) {
  TemporaryFolder folder;
  for (const auto& [name, file] : all_files()) {
    if (name == "layer_scale") continue;  // multiplied into the weights that it scales
    const LoadedModel loaded = load_model(golden_timm / name / file);
    save_weights(folder / name, *loaded.model, loaded.description);
    const LoadedModel again = load_model(folder / name);
    const TensorFiles theirs(golden_timm / name / file), ours(folder / name);
    ASSERT_EQ(ours.entries().size(), theirs.entries().size()) << name;
    for (const auto* entry : theirs.entries()) {
      Bench bench;
      const Tensor must_be = bench.zeros(entry->shape), is = bench.zeros(entry->shape);
      theirs.read(entry->name, must_be);
      ours.read(entry->name, is);
      ASSERT_EQ(std::memcmp(is.data(), must_be.data(), is.size() * sizeof(float)), 0) << name << ", " << entry->name;
    }
    const ModelConfig &a = loaded.model->config(), &b = again.model->config();
    EXPECT_EQ(nlohmann::json(a), nlohmann::json(b)) << name;
    EXPECT_EQ(again.description.classes, loaded.description.classes) << name;
    EXPECT_EQ(again.description.preprocessing.mean, loaded.description.preprocessing.mean) << name;
    EXPECT_EQ(again.description.preprocessing.crop_pct, loaded.description.preprocessing.crop_pct) << name;
  }
}

// --init-from a file of timm's: the network that begins is the one in the file, whatever its form.
TEST(Timm, ANetworkThatBeginsFromItsFilesIsTimms) {
  const Golden golden(golden_timm / "expected.safetensors");
  for (const auto& [name, file] : all_files()) {
    Bench bench;
    const int image = name == "larger" ? 20 : name == "smaller" ? 16 : 12;
    ModelConfig config = load_model(golden_timm / name / file).description.model;
    config.image = image;
    const ViT model(config);
    const Started started = start_from(golden_timm / name / file, model);
    EXPECT_TRUE(started.fresh.empty() && started.unused.empty()) << name;
    const std::vector<std::string> notes =
        name == "larger"        ? std::vector<std::string>{"positions of 9 patches resampled for 25"}
        : name == "smaller"     ? std::vector<std::string>{"positions of 36 patches resampled for 16"}
        : name == "layer_scale" ? std::vector<std::string>{"layer scale multiplied into the weights it scales"}
                                : std::vector<std::string>{};
    EXPECT_EQ(started.notes, notes) << name;
    Context context(model.parameters());
    context.begin({}, nullptr);
    expect_close(model.forward(context, golden.read(bench, "images." + std::to_string(image))).logits.value(),
                 golden.read(bench, name + ".logits"), 1e-5, name);
  }
}

TEST(Timm, WhatIsSaidToANetworkThatBeginsFromAFile) {
  const TimmConfig timms = said_of_start(golden_timm / "sharded/model.safetensors.index.json");
  EXPECT_EQ(timms.shown, "tests/golden/timm/sharded/config.json");
  EXPECT_EQ(timms.heads, 2);
  EXPECT_EQ(timms.mean, (std::array<float, 3>{0.5f, 0.5f, 0.5f}));
  EXPECT_EQ(timms.crop_pct, 0.95f);
  TemporaryFolder folder;
  LoadedModel loaded = load_model(golden_timm / "token/model.safetensors");
  loaded.description.preprocessing = {.mean = {0.1f, 0.2f, 0.3f},
                                      .std = {0.4f, 0.5f, 0.6f},
                                      .crop_pct = 0.8f,
                                      .interpolation = Interpolation::bilinear};
  save_weights(folder / "w", *loaded.model, loaded.description);
  put_file(folder / "config.json", std::string_view("{\"architecture\": \"vit_tiny_patch16_224\"}"));
  const TimmConfig ours = said_of_start(folder / "w");
  EXPECT_EQ(ours.shown, (folder / "w").string())
      << "what stands in the file itself comes before a config.json beside it";
  EXPECT_EQ(ours.heads, 2);
  EXPECT_EQ(ours.std, (std::array<float, 3>{0.4f, 0.5f, 0.6f}));
  EXPECT_EQ(ours.crop_pct, 0.8f);
  EXPECT_EQ(ours.interpolation, Interpolation::bilinear);
  fs::create_directory(folder / "bare");
  fs::copy_file(golden_timm / "token/model.safetensors", folder / "bare/w", fs::copy_options::overwrite_existing);
  const TimmConfig nobody = said_of_start(folder / "bare/w");
  EXPECT_TRUE(nobody.shown.empty() && !nobody.heads && !nobody.mean && !nobody.std && !nobody.crop_pct &&
              !nobody.interpolation);
}

TEST(Timm, WhatTheConfigurationSays) {
  const ModelDescription d = timm_description(TensorFiles(golden_timm / "avg_fc_norm/model.safetensors"), {});
  EXPECT_EQ(d.model.heads, 2);
  EXPECT_EQ(d.model.pool, Pool::mean);
  EXPECT_TRUE(d.model.fc_norm);
  EXPECT_EQ(d.model.image, 12);  // as the network was built, not the 160 of pretrained_cfg
  EXPECT_EQ(d.preprocessing.crop_pct, 0.95f);
  EXPECT_EQ(d.preprocessing.mean, (std::array<float, 3>{0.5f, 0.5f, 0.5f}));
  EXPECT_EQ(d.preprocessing.interpolation, Interpolation::bicubic);
}

TEST(Timm, HeadsByNameWhereTimmNamesBySize) {
  EXPECT_EQ(heads_of_architecture("vit_tiny_patch16_224"), 3);
  EXPECT_EQ(heads_of_architecture("deit3_medium_patch16_224"), 8);
  EXPECT_EQ(heads_of_architecture("vit_base_patch16_384"), 12);
  EXPECT_FALSE(heads_of_architecture("vit_base_patch16_gap_224"));  // 16 of them
  EXPECT_FALSE(heads_of_architecture("test_vit"));
  EXPECT_FALSE(heads_of_architecture(std::string(100000, '1')));
}

// The weights of `token` with another configuration beside them, or none.
class TimmFolder : public testing::Test {
 protected:
  fs::path weights(const nlohmann::json& configuration = {}) {
    fs::copy_file(golden_timm / "token/model.safetensors", folder_ / "w.safetensors",
                  fs::copy_options::overwrite_existing);
    if (!configuration.is_null()) put_file(folder_ / "config.json", configuration.dump());
    return folder_ / "w.safetensors";
  }
  std::string configuration() const { return (folder_ / "config.json").string(); }
  TemporaryFolder folder_;
};

TEST_F(TimmFolder, WhatNobodySaysIsAnErrorThatNamesTheFlags) {
  const fs::path path = weights();
  EXPECT_EQ(message_of<UsageError>([&] { load_model(path); }),
            "--heads: must be given for " + path.string() +
                ", as no config.json of timm's beside it says it: --heads N, --pool cls|mean, --mean X, --std X, "
                "--crop-pct X, --interpolation bicubic|bilinear");
  SaidOfWeights said{.heads = 2,
                     .image = {},
                     .pool = Pool::cls,
                     .mean = {0.4f},
                     .std = {0.1f, 0.2f, 0.3f},
                     .crop_pct = 0.9f,
                     .interpolation = Interpolation::bilinear,
                     .classes = {}};
  const ModelDescription d = load_model(path, said).description;
  EXPECT_EQ(d.model.heads, 2);
  EXPECT_EQ(d.preprocessing.mean, (std::array<float, 3>{0.4f, 0.4f, 0.4f}));
  EXPECT_EQ(d.preprocessing.std, (std::array<float, 3>{0.1f, 0.2f, 0.3f}));
  EXPECT_FALSE(d.named);
  EXPECT_EQ(d.classes.back(), "4");
  said.heads = 5;
  EXPECT_EQ(message_of<UsageError>([&] { load_model(path, said); }), "--heads: 5 does not divide the width 24");
}

TEST_F(TimmFolder, OfAnotherProgramsConfigurationNothingIsTaken) {
  const fs::path path =
      weights({{"architectures", {"ViTForImageClassification"}}, {"num_heads", 2}, {"mean", {0.5, 0.5, 0.5}}});
  EXPECT_NE(message_of<UsageError>([&] { load_model(path); }).find("--heads: must be given"), std::string::npos);
}

TEST_F(TimmFolder, AConfigurationThatContradictsOrIsWrong) {
  nlohmann::json good;
  std::ifstream(golden_timm / "token/config.json") >> good;
  const auto with = [&](const char* pointer, const nlohmann::json& value) {
    nlohmann::json json = good;
    json[nlohmann::json::json_pointer(pointer)] = value;
    const fs::path path = weights(json);
    return message_of([&] { load_model(path); });
  };
  const std::string start = configuration() + ": ";
  EXPECT_EQ(with("/model_args/num_heads", 5),
            start + "says 5 heads, which do not divide the width 24 of " + (folder_ / "w.safetensors").string());
  EXPECT_EQ(with("/model_args/num_heads", "two"), start + "model_args.num_heads is \"two\": must be a whole number");
  EXPECT_EQ(with("/model_args/num_heads", 1e30), start + "model_args.num_heads is 1e+30: must be a whole number");
  EXPECT_EQ(with("/model_args/qk_norm", true), start + "model_args.qk_norm is true: such a network is not read");
  EXPECT_EQ(with("/model_args/act_layer", "gelu_tanh"),
            start + "model_args.act_layer is \"gelu_tanh\": such a network is not read");
  EXPECT_EQ(with("/model_args/reg_tokens", 4), start + "model_args.reg_tokens is 4: such a network is not read");
  EXPECT_EQ(with("/model_args/img_size", {12, 16}),
            start + "model_args.img_size is [12,16]: only square images are read");
  EXPECT_EQ(with("/architecture", "vit_base_patch16_siglip_gap_256"),
            start +
                "architecture is \"vit_base_patch16_siglip_gap_256\": its activation is not the exact GELU that is "
                "computed here");
  EXPECT_EQ(with("/global_pool", "map"), start + "global_pool is \"map\": must be token or avg");
  EXPECT_EQ(with("/label_names", {"cat", "dog"}),
            start + "names 2 classes, the head in " + (folder_ / "w.safetensors").string() + " has 5");
  EXPECT_EQ(with("/pretrained_cfg/crop_pct", 1.5),
            start + "pretrained_cfg.crop_pct is 1.5: must be above 0 and at most 1");
  EXPECT_EQ(with("/pretrained_cfg/crop_mode", "squash"),
            start + "pretrained_cfg.crop_mode is \"squash\": only the centre is cut out here");
  EXPECT_EQ(with("/pretrained_cfg/mean", {0.5, 0.5}),
            start + "pretrained_cfg.mean is [0.5,0.5]: must be three numbers, one a colour");
  EXPECT_EQ(with("/pretrained_cfg/interpolation", "nearest"),
            start + "pretrained_cfg.interpolation is \"nearest\": must be bicubic or bilinear");
  put_file(folder_ / "config.json", "{\"architecture\": ");
  EXPECT_NE(message_of([&] { load_model(folder_ / "w.safetensors"); }).find(start + "its text is not valid JSON"),
            std::string::npos);
}

TEST_F(TimmFolder, FlagsMayChangeHowImagesAreMadeAndNotWhatTheNetworkIs) {
  const fs::path path = golden_timm / "token/model.safetensors";
  SaidOfWeights said;
  said.heads = 3;
  EXPECT_EQ(message_of<UsageError>([&] { load_model(path, said); }),
            "--heads: contradicts " + path.string() + ", whose network has 2");
  said = {};
  said.pool = Pool::mean;
  EXPECT_EQ(message_of<UsageError>([&] { load_model(path, said); }),
            "--pool: contradicts " + path.string() + ", whose network has cls");
  said = {};
  said.crop_pct = 1.0f;
  said.classes = {"a", "b", "c", "d", "e"};
  const ModelDescription d = load_model(path, said).description;
  EXPECT_EQ(d.preprocessing.crop_pct, 1);
  EXPECT_EQ(d.classes[4], "e");
  said.classes.pop_back();
  EXPECT_EQ(message_of<UsageError>([&] { load_model(path, said); }),
            "--class-names: 4 names, the network in " + path.string() + " has 5 classes");
}

// A network of these sizes under timm's names, with one tensor more or less.
TEST_F(TimmFolder, OtherNetworksTensorsAreNamed) {
  const auto written = [&](const std::string& without, const std::string& extra) {
    const SafetensorsFile file(golden_timm / "token/model.safetensors");
    Bench bench;
    std::vector<NamedTensor> tensors;
    for (const auto& entry : file.entries()) {
      if (entry.name == without) continue;
      tensors.push_back({entry.name, bench.zeros(entry.shape)});
      file.read(entry.name, tensors.back().value);
    }
    if (!extra.empty()) tensors.push_back({extra, bench.zeros({24})});
    write_safetensors(folder_ / "w.safetensors", tensors, {});
    fs::copy_file(golden_timm / "token/config.json", folder_ / "config.json", fs::copy_options::overwrite_existing);
    return message_of([&] { load_model(folder_ / "w.safetensors"); });
  };
  const std::string start = (folder_ / "w.safetensors").string() + ": ";
  EXPECT_EQ(written("", ""), "nothing was thrown");
  EXPECT_EQ(written("", "dist_token"), start + "has the tensor dist_token [24], which this model does not have");
  EXPECT_EQ(written("", "blocks.7.ls1.gamma"),
            start + "has the tensor blocks.7.ls1.gamma [24], which this model does not have");
  EXPECT_EQ(written("blocks.1.attn.proj.bias", ""), start + "has no tensor 'blocks.1.attn.proj.bias'");
  EXPECT_EQ(written("head.weight", ""), start + "has no tensor head.weight: a network without a head tells no classes");
  EXPECT_EQ(written("patch_embed.proj.weight", ""),
            start + "has no tensor patch_embed.proj.weight: it is no ViT of timm's, and has no description by mvmoe");
}

}  // namespace
}  // namespace mvmoe
