#include "train/files/start.h"

#include <set>
#include <string_view>

#include "engine/error.h"
#include "engine/files.h"
#include "train/files/load_model.h"
#include "train/files/timm.h"
#include "train/files/weights.h"

namespace mvmoe {
namespace {

// blocks.N.mlp.experts.fc1.weight is made of blocks.N.mlp.fc1.weight.
constexpr std::string_view stacked = "experts.";

// Copies of one expert's tensor for all of them: [E, out, in] from [out, in], [E, out] from [out].
void read_for_each_expert(const TensorFiles& files, const std::string& name, Tensor value) {
  const Shape& shape = value.shape();
  const Shape one = shape.axes() == 3 ? Shape{shape[1], shape[2]} : Shape{shape[1]};
  for (int e = 0; e < shape[0]; ++e) files.read(name, {value.outer_slice(e, 1).data(), one});
}

// The tensors that a dense and a sparse network do not have in common. All others must be in both.
bool may_differ(const std::string& name) {
  return name.find(".mlp.") != std::string::npos || name.starts_with("router.");
}

// True if the shapes [classes, D] or [classes] differ only in the number of classes.
bool is_another_head(const std::string& name, const Shape& there, const Shape& here) {
  return name.starts_with("head.") && there.axes() == here.axes() && there[0] != here[0] &&
         (here.axes() == 1 || there[1] == here[1]);
}

// True if the shapes [1, tokens, D] differ only in the number of tokens.
bool are_other_positions(const std::string& name, const Shape& there, const Shape& here) {
  return name == "pos_embed" && there.axes() == 3 && there[0] == 1 && there[1] != here[1] && there[2] == here[2];
}

Started start(const std::filesystem::path& path, const ViT& model, bool from_dense) {
  const TensorFiles files(path);
  std::set<std::string> unused;
  for (const auto* entry : files.entries()) unused.insert(entry->name);
  Started started;
  for (const NamedTensor& tensor : named_tensors(model.parameters(), model.parameters().weights())) {
    std::string source = tensor.name;
    const std::size_t at = from_dense ? source.find(stacked) : std::string::npos;
    if (at != std::string::npos) source.erase(at, stacked.size());
    const SafetensorsFile::Entry* entry = files.find(source);
    if (!entry) {
      started.fresh.push_back(tensor.name);
      continue;
    }
    const Shape &there = entry->shape, &here = tensor.value.shape();
    if (is_another_head(source, there, here)) {
      if (here.axes() == 2)
        started.notes.push_back("the head starts anew, for " + std::to_string(here[0]) + " classes instead of " +
                                std::to_string(there[0]));
      unused.erase(source);
      continue;
    }
    if (are_other_positions(source, there, here)) {
      const int patches = read_positions(files, model, tensor.value);
      if (patches != model.config().patches())
        started.notes.push_back("positions of " + std::to_string(patches) + " patches resampled for " +
                                std::to_string(model.config().patches()));
    } else if (source == tensor.name) files.read(source, tensor.value);
    else read_for_each_expert(files, source, tensor.value);
    started.read.push_back(tensor.name);
    unused.erase(source);
  }
  bool scaled = false;
  for (const auto* entry : files.entries())
    if (const std::string layer = scaled_by(entry->name);
        !layer.empty() && model.parameters().find(layer + ".weight")) {
      fold_layer_scale(files, entry->name, model.parameters());
      unused.erase(entry->name);
      scaled = true;
    }
  if (scaled) started.notes.push_back("layer scale multiplied into the weights it scales");
  started.unused.assign(unused.begin(), unused.end());
  for (const std::string& name : started.fresh)
    if (!may_differ(name))
      fail(files.shown(), ": has no tensor ", name, ", which this model has: it is another network's");
  for (const std::string& name : started.unused)
    if (!may_differ(name))
      fail(files.shown(), ": has the tensor ", printable(name),
           ", which this model does not have: it is another network's");
  return started;
}

}  // namespace

TimmConfig said_of_start(const std::filesystem::path& path) {
  const std::optional<ModelDescription> d = description_in(path);
  if (!d) return timm_config_beside(path);
  const Preprocessing& p = d->preprocessing;
  return {.shown = printable(path.string()),
          .architecture = {},
          .heads = d->model.heads,
          .image = {},
          .pool = {},
          .mean = p.mean,
          .std = p.std,
          .crop_pct = p.crop_pct,
          .interpolation = p.interpolation,
          .classes = {}};
}

Started start_from(const std::filesystem::path& path, const ViT& model) { return start(path, model, false); }

Started upcycle(const std::filesystem::path& path, const ViT& model) {
  const Started started = start(path, model, true);
  for (const std::string& name : started.fresh)
    if (name.find(stacked) != std::string::npos)
      fail(printable(path.string()), ": is no dense network's: it has nothing to make ", name, " of");
  for (const NamedTensor& tensor : named_tensors(model.parameters(), model.parameters().weights()))
    if (tensor.name.find("mlp.shared.fc2.") != std::string::npos) tensor.value.fill(0);
  return started;
}

}  // namespace mvmoe
