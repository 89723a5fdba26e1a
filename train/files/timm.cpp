#include "train/files/timm.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/files.h"
#include "models/experts.h"
#include "train/files/positions.h"

namespace mvmoe {
namespace {

const Shape& shape_of(const TensorFiles& files, const std::string& name, int axes, const char* otherwise) {
  const SafetensorsFile::Entry* entry = files.find(name);
  if (!entry) fail(files.shown(), ": has no tensor ", name, ": ", otherwise);
  if (entry->shape.axes() != axes)
    fail(files.shown(), ": tensor ", name, " has the shape ", entry->shape, ", must have ", axes, " axes");
  return entry->shape;
}

constexpr const char* no_vit = "it is no ViT of timm's, and has no description by mvmoe";

// Side of the square grid of patches with so many positions, which may include one for a class token.
int grid_of(const TensorFiles& files, const Shape& positions) {
  for (const int before : {0, 1}) {
    const int patches = positions[1] - before, side = static_cast<int>(std::lround(std::sqrt(std::max(0, patches))));
    if (side > 0 && side * side == patches) return side;
  }
  fail(files.shown(), ": tensor pos_embed has the shape ", positions, ", which is no square of patches");
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

TimmNetwork timm_network(const TensorFiles& files) {
  TimmNetwork network{{}, timm_config_beside(files.path())};
  ModelConfig& m = network.model;
  const Shape& patch = shape_of(files, "patch_embed.proj.weight", 4, no_vit);
  if (patch[1] != 3 || patch[2] != patch[3])
    fail(files.shown(), ": tensor patch_embed.proj.weight is ", patch,
         ", must be [D, 3, P, P]: images of three colours, square patches");
  m.width = patch[0];
  m.patch = patch[2];
  for (m.depth = 0; m.depth < max_depth && files.find("blocks." + std::to_string(m.depth) + ".norm1.weight");)
    ++m.depth;
  m.mlp_ratio =
      static_cast<float>(shape_of(files, "blocks.0.mlp.fc1.weight", 2, no_vit)[0]) / static_cast<float>(m.width);
  m.classes = shape_of(files, "head.weight", 2, "a network without a head tells no classes")[0];
  m.qkv_bias = files.find("blocks.0.attn.qkv.bias");
  m.class_token = files.find("cls_token");
  m.fc_norm = files.find("fc_norm.weight");
  const TimmConfig& said = network.configuration;
  m.image = said.image.value_or(grid_of(files, shape_of(files, "pos_embed", 3, no_vit)) * m.patch);
  m.heads = said.heads.value_or(1);
  m.pool = said.pool.value_or(m.class_token ? Pool::cls : Pool::mean);
  if (m.width % m.heads != 0)
    fail(said.shown, ": says ", m.heads, " heads, which do not divide the width ", m.width, " of ", files.shown());
  if (!m.class_token && m.pool == Pool::cls)
    fail(said.shown, ": global_pool is token, and ", files.shown(), " has no class token");
  if (!said.classes.empty() && said.classes.size() != static_cast<std::size_t>(m.classes))
    fail(said.shown, ": names ", said.classes.size(), " classes, the head in ", files.shown(), " has ", m.classes);
  return network;
}

ModelDescription timm_description(const TensorFiles& files, const SaidOfWeights& said) {
  TimmNetwork network = timm_network(files);
  const TimmConfig& c = network.configuration;
  ModelConfig& m = network.model;
  std::vector<std::string> missing;
  const auto need = [&](bool known, const char* flag) {
    if (!known) missing.push_back(flag);
  };
  need(c.heads || said.heads, "--heads N");
  need(c.pool || said.pool || !m.class_token, "--pool cls|mean");
  need(c.mean || !said.mean.empty(), "--mean X");
  need(c.std || !said.std.empty(), "--std X");
  need(c.crop_pct || said.crop_pct, "--crop-pct X");
  need(c.interpolation || said.interpolation, "--interpolation bicubic|bilinear");
  if (!missing.empty())
    fail_usage(missing[0].substr(0, missing[0].find(' ')), ": must be given for ", files.shown(),
               ", as no config.json of timm's beside it says it: ", joined(missing));
  if (!c.heads) m.heads = *said.heads;
  if (!c.pool && said.pool) m.pool = *said.pool;
  ModelDescription d{
      .model = m, .classes = c.classes, .named = !c.classes.empty(), .preprocessing = {}, .superclass_of = {}};
  for (int label = 0; label < m.classes && !d.named; ++label) d.classes.push_back(std::to_string(label));
  d.preprocessing = {
      .mean = c.mean.value_or(std::array<float, 3>{}),
      .std = c.std.value_or(std::array<float, 3>{}),
      .crop_pct = c.crop_pct.value_or(1),
      .interpolation = c.interpolation.value_or(Interpolation::bicubic)};  // flags of the user replace these
  return d;
}

int read_positions(const TensorFiles& files, const ViT& model, Tensor positions) {
  const Shape there = shape_of(files, "pos_embed", 3, no_vit);
  const int D = model.config().width, grid = grid_of(files, there), patches = grid * grid, N = model.config().patches();
  if (there[0] != 1 || there[2] != D)
    fail(files.shown(), ": tensor pos_embed is ", there, ", must be [1, tokens, ", D, "]");
  const Block from_memory(static_cast<std::size_t>((1 + patches) * D)),
      to_memory(static_cast<std::size_t>((1 + N) * D));  // zero at first
  const Tensor from(from_memory.data(), {1, 1 + patches, D}), to(to_memory.data(), {1, 1 + N, D});
  const int before = there[1] - patches;  // 1: the class token has a position
  files.read("pos_embed", Tensor(from.row(1 - before), there));
  resample_positions(from, to);
  std::copy_n(to.row(1 - model.config().first_patch()), positions.size(), positions.data());
  return patches;
}

std::string scaled_by(const std::string& name) {
  for (const auto& [scale, layer] : {std::pair{".ls1.gamma", ".attn.proj"}, std::pair{".ls2.gamma", ".mlp.fc2"}})
    if (name.starts_with("blocks.") && name.ends_with(scale))
      return name.substr(0, name.size() - std::string(scale).size()) + layer;
  return {};
}

// x + gamma * (W y + b) is x + (gamma W) y + gamma b.
void fold_layer_scale(const TensorFiles& files, const std::string& name, const Parameters& parameters) {
  const auto value_of = [&](const std::string& parameter) {
    const Parameter& p = *parameters.find(parameter);
    return Tensor(parameters.weights().data() + p.offset, p.shape);
  };
  const Tensor weight = value_of(scaled_by(name) + ".weight"), bias = value_of(scaled_by(name) + ".bias");
  const int D = weight.rows();
  const Block memory(static_cast<std::size_t>(D));
  const Tensor gamma(memory.data(), {D});
  files.read(name, gamma);
  for (int r = 0; r < D; ++r) {
    for (int i = 0; i < weight.width(); ++i) weight.row(r)[i] *= gamma[static_cast<std::size_t>(r)];
    bias[static_cast<std::size_t>(r)] *= gamma[static_cast<std::size_t>(r)];
  }
}

void read_tensors(const TensorFiles& files, ViT& model, ReadExperts experts) {
  Parameters& parameters = model.parameters();
  const Block& weights = parameters.weights();
  for (const auto* entry : files.entries())
    if (const std::string scaled = scaled_by(entry->name);
        !parameters.find(entry->name) && (scaled.empty() || !parameters.find(scaled + ".weight")))
      fail(files.shown(), ": has the tensor ", printable(entry->name), " ", entry->shape,
           ", which this model does not have");
  for (std::size_t i = 0; i < parameters.list().size(); ++i) {
    const auto id = static_cast<ParameterId>(i);
    const std::string& name = parameters[id].name;
    const Tensor value = parameters.piece(weights, id);
    std::optional<MappedTensor> mapped;
    if (experts == ReadExperts::when_used && is_of_experts(name)) mapped = files.map(name, value.shape());
    if (mapped) parameters.place_elsewhere(id, mapped->value, mapped->owner);
    else if (name == "pos_embed") read_positions(files, model, value);
    else files.read(name, value);
  }
  for (const auto* entry : files.entries())
    if (!scaled_by(entry->name).empty()) fold_layer_scale(files, entry->name, parameters);
}

}  // namespace mvmoe
