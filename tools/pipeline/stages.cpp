#include "tools/pipeline/stages.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string checksum(const fs::path& file) {
  const auto bytes = read_file(file);
  char text[16];
  std::snprintf(text, sizeof text, "%08x", crc32_of(bytes));
  return text;
}

}  // namespace

Stages::Stages(fs::path folder, std::vector<Stage> stages) : folder_(std::move(folder)), stages_(std::move(stages)) {
  const fs::path file = folder_ / "stages.json";
  if (!fs::exists(file)) return;
  const nlohmann::json json = read_json(file, std::size_t{1} << 26);
  try {
    for (const auto& [name, stage] : json.items()) memory_.push_back({name, stage.at("read"), stage.at("done")});
  } catch (const Json::exception& e) {
    fail(printable(file.string()), ": is damaged: ", printable(e.what()));
  }
}

const Stages::Memory* Stages::memory_of(const Stage& stage) const {
  const auto found =
      std::find_if(memory_.begin(), memory_.end(), [&](const Memory& m) { return m.name == stage.name; });
  return found == memory_.end() ? nullptr : &*found;
}

std::vector<std::string> Stages::reads_now(const Stage& stage) const {
  const Memory* memory = memory_of(stage);
  std::vector<std::string> read;
  for (std::size_t i = 0; i < stage.inputs.size(); ++i) {
    const fs::path& input = stage.inputs[i];
    const bool there = fs::exists(folder_ / input);
    // What a user gave was read once; that it is gone since changes nothing.
    if (input.is_absolute())
      read.push_back(there                               ? "given " + checksum(input)
                     : memory && i < memory->read.size() ? memory->read[i]
                                                         : "missing");
    else read.push_back(input.string() + " " + (there ? checksum(folder_ / input) : "missing"));
  }
  return read;
}

bool Stages::is_done(const Stage& stage, const std::vector<std::string>& read) const {
  const Memory* memory = memory_of(stage);
  return memory && memory->done && memory->read == read &&
         std::all_of(stage.results.begin(), stage.results.end(),
                     [&](const fs::path& result) { return fs::exists(folder_ / result); });
}

std::string Stages::plan() const {
  std::string text;
  std::size_t width = 0;
  for (const Stage& stage : stages_) width = std::max(width, stage.name.size());
  bool before = true;  // a stage after one that will run cannot be known to be done
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    before = before && is_done(stages_[i], reads_now(stages_[i]));
    text += "  " + std::to_string(i + 1) + " " + stages_[i].name + std::string(width - stages_[i].name.size(), ' ') +
            "  " + stages_[i].what + (before ? " (done)" : "") + "\n";
  }
  return text;
}

void Stages::check_next() const {
  const auto next = std::find_if(stages_.begin(), stages_.end(),
                                 [&](const Stage& stage) { return !is_done(stage, reads_now(stage)); });
  if (next != stages_.end() && next->check) next->check();
}

void Stages::move_aside(const Stage& stage) const {
  fs::path aside;
  for (const fs::path& output : stage.outputs) {
    if (!fs::exists(folder_ / output)) continue;
    for (int n = 1; aside.empty() || (fs::exists(aside) && fs::exists(aside / output)); ++n)
      aside = folder_ / ("earlier-" + std::to_string(n));
    fs::create_directories(aside);
    fs::rename(folder_ / output, aside / output);
  }
}

void Stages::remember(const Stage& stage, const std::vector<std::string>& read, bool done) {
  std::erase_if(memory_, [&](const Memory& m) { return m.name == stage.name; });
  memory_.push_back({stage.name, read, done});
  Json json = Json::object();
  for (const Memory& m : memory_) json[m.name] = {{"read", m.read}, {"done", m.done}};
  write_file(folder_ / "stages.json", json.dump(1) + "\n");
}

int Stages::run(const std::function<void(int, const Stage&)>& begins, const std::function<int()>& stopped) {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    const Stage& stage = stages_[i];
    const std::vector<std::string> read = reads_now(stage);  // before it runs: what is edited meanwhile was not read
    if (is_done(stage, read)) continue;
    begins(static_cast<int>(i) + 1, stage);
    if (stage.check) stage.check();
    const Memory* memory = memory_of(stage);
    if (!memory || memory->read != read) move_aside(stage);  // else it was stopped, or a result is missing: it goes on
    remember(stage, read, false);
    if (const int code = stage.run(); code != 0) return code;
    remember(stage, read, true);
    if (const int code = stopped(); code != 0) return code;
  }
  return 0;
}

}  // namespace mvmoe
