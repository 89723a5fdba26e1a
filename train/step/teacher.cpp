#include "train/step/teacher.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include "engine/error.h"
#include "engine/files.h"
#include "train/files/timm.h"
#include "train/superclass/class_names.h"

namespace mvmoe {
namespace {

// Throws if the file lacks something that no flag can give: --heads, --mean and the like are for the student.
void require_known(const std::string& file) {
  const TensorFiles files(file);
  const TimmNetwork network = timm_network(files);
  const TimmConfig& said = network.configuration;
  std::string missing;
  const auto need = [&](bool known, const char* what) {
    if (!known) missing += (missing.empty() ? "" : ", ") + std::string(what);
  };
  need(said.heads.has_value(), "the number of heads");
  need(said.pool.has_value() || !network.model.class_token, "the pooling");
  need(said.mean.has_value(), "mean");
  need(said.std.has_value(), "std");
  if (!missing.empty())
    fail_usage("--teacher: ", files.shown(), ": unknown is ", missing,
               ": must be said by a config.json of timm's beside the file");
}

std::uint32_t crc32_of_teacher(const LoadedModel& loaded) {
  const auto bytes = [](const float* x, std::size_t n) {
    return std::span<const std::uint8_t>(reinterpret_cast<const std::uint8_t*>(x), n * sizeof(float));
  };
  const ModelConfig& config = loaded.model->config();
  const Preprocessing& p = loaded.description.preprocessing;
  std::vector<float> rest;
  for (const int number : {config.heads, config.image, static_cast<int>(config.pool)})
    rest.push_back(static_cast<float>(number));
  rest.insert(rest.end(), p.mean.begin(), p.mean.end());
  rest.insert(rest.end(), p.std.begin(), p.std.end());
  const Block& weights = loaded.model->parameters().weights();
  return crc32_of(bytes(rest.data(), rest.size()), crc32_of(bytes(weights.data(), weights.size())));
}

// Resamples from [3, S, S] to [3, side, side], along the rows and then along the columns. row [S, side] is scratch.
void resample(Tensor from, const Taps& taps, const float* scale, const float* shift, Tensor row, Tensor to) {
  const int S = row.shape()[0], side = row.shape()[1];
  const auto mean_of = [&](int place, const auto& value) {
    const auto i = static_cast<std::size_t>(place);
    double sum = 0;
    for (int k = 0; k < taps.count[i]; ++k) sum += taps.of(place)[k] * value(taps.first[i] + k);
    return static_cast<float>(sum);
  };
  for (int colour = 0; colour < 3; ++colour) {
    const Tensor plane = from.outer_slice(colour, 1), out = to.outer_slice(colour, 1);
    for (int y = 0; y < S; ++y)
      for (int x = 0; x < side; ++x) row.row(y)[x] = mean_of(x, [&](int u) { return plane.row(y)[u]; });
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x)
        out.row(y)[x] = scale[colour] * mean_of(y, [&](int v) { return row.row(v)[x]; }) + shift[colour];
  }
}

// Each row becomes 1 at its largest entry, 0 elsewhere. A row with a NaN becomes all NaN, so that the loss is a NaN.
void choose(float* row, int classes) {
  const float* largest = std::max_element(row, row + classes);
  const auto first = static_cast<int>(largest - row);
  const bool sound = std::none_of(row, row + classes, [](float z) { return std::isnan(z); });
  for (int c = 0; c < classes; ++c) row[c] = sound ? static_cast<float>(c == first) : NAN;
}

}  // namespace

LoadedModel load_teacher(const std::string& file) {
  if (description_in(file)) return load_model(file);
  require_known(file);
  SaidOfWeights said;  // its crop and interpolation do not matter: it sees the student's images
  said.crop_pct = 1;
  said.interpolation = Interpolation::bilinear;
  return load_model(file, said);
}

std::vector<int> labels_of_teacher(const ModelDescription& teacher, const std::string& file,
                                   const std::vector<std::string>& classes) {
  if (teacher.classes.size() != classes.size())
    fail_usage("--teacher: ", printable(file), " knows ", teacher.classes.size(), " classes, must know the student's ",
               classes.size());
  std::vector<int> label_of;
  for (int label = 0; label < static_cast<int>(classes.size()); ++label) label_of.push_back(label);
  if (!teacher.named || as_utf8(teacher.classes) == as_utf8(classes)) return label_of;
  const auto own = index_of_names(teacher.classes, "--teacher: " + printable(file));
  const auto wanted = index_of_names(classes, "--teacher: the student");
  for (std::size_t i = 0; i < classes.size(); ++i) {
    const auto found = own.find(as_utf8(classes[i]));
    if (found != own.end()) {
      label_of[i] = found->second;
      continue;
    }
    const auto other = std::find_if(teacher.classes.begin(), teacher.classes.end(),
                                    [&](const std::string& name) { return !wanted.contains(as_utf8(name)); });
    fail_usage("--teacher: ", printable(file), " knows no class ", in_quotes(classes[i]), ", but ", in_quotes(*other),
               ": must know the student's classes");
  }
  return label_of;
}

Teacher::Teacher(LoadedModel loaded, std::vector<int> label_of, int side, const Preprocessing& preprocessing,
                 Threads& threads)
    : loaded_(std::move(loaded)),
      label_of_(std::move(label_of)),
      taps_(taps_between(side, loaded_.model->config().image, Interpolation::bilinear)),
      panels_(loaded_.model->parameters(), threads),
      crc32_(crc32_of_teacher(loaded_)) {
  const Preprocessing& own = loaded_.description.preprocessing;
  for (std::size_t c = 0; c < 3; ++c) {
    scale_[c] = preprocessing.std[c] / own.std[c];
    shift_[c] = (preprocessing.mean[c] - own.mean[c]) / own.std[c];
  }
}

Tensor Teacher::own_inputs(Context& c, Tensor images) const {
  const int b = images.shape()[0], S = images.shape()[3], side = config().image;
  const Tensor inputs = c.arena.take({b, 3, side, side}), row = c.arena.take({S, side});
  for (int i = 0; i < b; ++i) {
    const Tensor from(images.outer_slice(i, 1).data(), {3, S, S}), to(inputs.outer_slice(i, 1).data(), {3, side, side});
    resample(from, taps_, scale_, shift_, row, to);
  }
  return inputs;
}

void Teacher::teach(Lanes& lanes, Tensor images, TeacherTargets targets, Tensor taught) const {
  const ViT& model = *loaded_.model;
  lanes.infer_other(images.shape()[0], model.parameters(), panels_, "teacher", [&](Context& c, Lane lane) {
    const Tensor inputs = own_inputs(c, images.outer_slice(lane.first, lane.images));  // [b, 3, side, side]
    const Tensor logits = model.forward(c, inputs).logits.value();                     // [b, classes], its own order
    for (int i = 0; i < lane.images; ++i) {
      float* row = taught.row(lane.first + i);
      for (std::size_t k = 0; k < label_of_.size(); ++k) row[k] = logits.row(i)[label_of_[k]];
      if (targets == TeacherTargets::hard) choose(row, taught.width());
    }
  });
}

}  // namespace mvmoe
