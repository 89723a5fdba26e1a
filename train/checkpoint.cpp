#include "train/checkpoint.h"
#include "train/files/weights.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The entries of state.json, for reading and for writing.
template <class Visit>
void each_field(Progress& p, const Visit& visit) {
  visit("step", p.step);
  visit("seed", p.seed);
  visit("data_crc32", p.data_crc32);
  visit("epoch_loss", p.epoch_loss);
  visit("train_seconds", p.train_seconds);
  visit("total_seconds", p.total_seconds);
  visit("epoch_seconds", p.epoch_seconds);
  visit("best_score", p.best_score);
  visit("best_step", p.best_step);
  visit("best_top1", p.best_top1);
  visit("last_top1", p.last_top1);
  visit("last_top5", p.last_top5);
  visit("last_loss", p.last_loss);
  visit("last_train_loss", p.last_train_loss);
  visit("last_ema_top1", p.last_ema_top1);
  visit("last_router_accuracy", p.last_router_accuracy);
  visit("last_expert_load", p.last_expert_load);
  visit("evaluations_since_best", p.evaluations_since_best);
  visit("evaluation_pending", p.evaluation_pending);
}

// An entry that an older version did not write; if it is missing, the member keeps its value.
template <class Visit>
void each_newer_field(Progress& p, const Visit& visit) {
  visit("epoch_routing_steps", p.epoch_routing_steps);
  visit("epoch_guidance", p.epoch_guidance);
  visit("epoch_balance", p.epoch_balance);
  visit("epoch_z", p.epoch_z);
  visit("epoch_distillation", p.epoch_distillation);
  visit("teacher_crc32", p.teacher_crc32);
  visit("start_crc32", p.start_crc32);
}

// Steps of the complete checkpoints, newest first.
std::vector<std::uint64_t> steps_in(const fs::path& checkpoints) {
  std::vector<std::uint64_t> steps;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(checkpoints, none)) {
    const std::string name = entry.path().filename().string();
    std::uint64_t step = 0;
    if (!name.starts_with("step-")) continue;
    const auto parsed = std::from_chars(name.data() + 5, name.data() + name.size(), step);
    if (parsed.ec == std::errc{} && parsed.ptr == name.data() + name.size()) steps.push_back(step);
  }
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

fs::path step_folder(const fs::path& checkpoints, std::uint64_t step) {
  return checkpoints / ("step-" + std::to_string(step));
}

Json to_json(Progress progress) {
  Json state;
  const auto write = [&](const char* name, auto& value) { state[name] = value; };
  each_field(progress, write);
  each_newer_field(progress, write);
  return state;
}

void write_progress(const fs::path& checkpoint, const Progress& progress) {
  write_file(checkpoint / "state.json", to_json(progress).dump(1) + "\n");
}

// Checkpoints newer than `newest` are damaged and were skipped; they do not count as kept.
void remove_all_but(const fs::path& checkpoints, std::uint64_t newest, int keep) {
  std::error_code ignored;
  int kept = 0;
  for (const std::uint64_t step : steps_in(checkpoints))
    if (step <= newest && ++kept > std::max(keep, 1)) fs::remove_all(step_folder(checkpoints, step), ignored);
}

std::vector<NamedTensor> moments_of(const Trainer& trainer) {
  std::vector<NamedTensor> moments = named_tensors(trainer.model.parameters(), trainer.m, "m.");
  if (trainer.v.size() > 0)
    for (NamedTensor& tensor : named_tensors(trainer.model.parameters(), trainer.v, "v."))
      moments.push_back(std::move(tensor));
  return moments;
}

Progress load(const fs::path& path, Trainer& trainer) {
  Progress progress;
  const Json state = read_json(path / "state.json", std::size_t{1} << 26);
  try {
    const auto read = [&]<class Value>(const char* name, Value& value) {
      if (!fits<Value>(state.at(name)))
        fail(printable((path / "state.json").string()), ": is damaged: ", name, " is not a whole number, or too large");
      state.at(name).get_to(value);
    };
    each_field(progress, read);
    each_newer_field(progress, [&](const char* name, auto& value) {
      if (state.contains(name)) read(name, value);
    });
  } catch (const Json::exception& e) {
    fail(printable((path / "state.json").string()), ": is damaged: ", printable(e.what()));
  }
  const Parameters& parameters = trainer.model.parameters();
  read_parameters(path / "weights.safetensors", parameters);
  const SafetensorsFile moments(path / "moments.safetensors");
  for (const NamedTensor& tensor : moments_of(trainer)) moments.read(tensor.name, tensor.value);
  if (trainer.average.size() > 0) read_parameters(path / "ema.safetensors", parameters, trainer.average);
  trainer.step = progress.step;
  return progress;
}

}  // namespace

std::vector<const Block*> blocks_to_save(const Trainer& trainer) {
  std::vector<const Block*> blocks{&trainer.model.parameters().weights(), &trainer.m};
  for (const Block* block : {&trainer.v, &trainer.average})
    if (block->size() > 0) blocks.push_back(block);
  return blocks;
}

void save_checkpoint(const fs::path& folder, Trainer& trainer, const ModelDescription& description,
                     const Progress& progress, int keep) {
  const fs::path checkpoints = folder / "checkpoints", target = step_folder(checkpoints, progress.step);
  const fs::path aside = checkpoints / ("unfinished-" + std::to_string(getpid()));
  std::error_code ignored;
  try {
    fs::create_directories(checkpoints);
    for (const auto& entry : fs::directory_iterator(checkpoints))  // left by a killed process
      if (entry.path().filename().string().starts_with("unfinished-")) fs::remove_all(entry.path());
    fs::create_directory(aside);
    const Parameters& parameters = trainer.model.parameters();
    save_weights(aside / "weights.safetensors", trainer.model, parameters.weights(), description, trainer.whole);
    std::vector<PrefixedBlock> moments{{"m.", &trainer.m}};  // AdamW has two, SGD one
    if (trainer.v.size() > 0) moments.push_back({"v.", &trainer.v});
    write_whole(aside / "moments.safetensors", parameters, moments, trainer.whole, {});
    if (trainer.average.size() > 0)
      save_weights(aside / "ema.safetensors", trainer.model, trainer.average, description, trainer.whole);
    write_progress(aside, progress);
    sync_folder(aside);
    fs::remove_all(target);  // the same step: damaged, or with the same content
    fs::rename(aside, target);
    sync_folder(checkpoints);
  } catch (const fs::filesystem_error& e) {
    fs::remove_all(aside, ignored);
    fail(printable(e.path1().string()), ": the checkpoint of step ", progress.step,
         " could not be written: ", e.code().message());
  } catch (...) {
    fs::remove_all(aside, ignored);
    throw;
  }
  if (!progress.evaluation_pending) remove_all_but(checkpoints, progress.step, keep);
}

void save_progress(const fs::path& folder, const Progress& progress, int keep) {
  const fs::path checkpoints = folder / "checkpoints";
  write_progress(step_folder(checkpoints, progress.step), progress);
  remove_all_but(checkpoints, progress.step, keep);
}

std::optional<fs::path> discard_checkpoint(const fs::path& folder, std::uint64_t step) {
  const fs::path checkpoints = folder / "checkpoints";
  std::error_code error;
  fs::remove_all(step_folder(checkpoints, step), error);
  if (error) fail(printable(step_folder(checkpoints, step).string()), ": cannot be removed: ", error.message());
  const auto left = steps_in(checkpoints);
  if (left.empty()) return {};
  return step_folder(checkpoints, left.front());
}

std::optional<Resumed> load_checkpoint(const fs::path& folder, Trainer& trainer) {
  Resumed resumed;
  const auto steps = steps_in(folder / "checkpoints");
  for (const std::uint64_t step : steps) {
    resumed.path = step_folder(folder / "checkpoints", step);
    try {
      resumed.progress = load(resumed.path, trainer);
      return resumed;
    } catch (const Error& e) {
      resumed.warnings.push_back(e.what());
    }
  }
  if (steps.empty()) return {};
  fail(printable(folder.string()), ": none of the ", steps.size(), " checkpoints is whole: ", resumed.warnings.front());
}

void share_with_ranks(std::optional<Resumed>& resumed, const Trainer* from, Trainer& trainer) {
  Comm& comm = trainer.lanes.comm();
  if (comm.ranks() == 1 && from == &trainer) return;
  const Parameters* whole = from ? &from->model.parameters() : nullptr;
  const auto share = [&](const Block* block, const Block& to) {
    if (trainer.placement.spread()) trainer.whole.distribute(whole, block, to);
    else comm.broadcast(to);
  };
  const std::string state = comm.broadcast(resumed ? to_json(resumed->progress).dump() : "");
  const std::string path = comm.broadcast(resumed ? resumed->path.string() : "");
  share(whole ? &whole->weights() : nullptr, trainer.model.parameters().weights());
  if (state.empty()) return;
  if (!resumed) {
    resumed.emplace().path = path;
    const Json json = Json::parse(state);
    const auto read = [&](const char* name, auto& value) { json.at(name).get_to(value); };
    each_field(resumed->progress, read);
    each_newer_field(resumed->progress, read);
  }
  share(from ? &from->m : nullptr, trainer.m);
  if (trainer.v.size() > 0) share(from ? &from->v : nullptr, trainer.v);
  if (trainer.average.size() > 0) share(from ? &from->average : nullptr, trainer.average);
  trainer.step = resumed->progress.step;
}

}  // namespace mvmoe
