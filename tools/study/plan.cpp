#include "tools/study/plan.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe::study {
namespace {

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
  return text;
}

std::string folder_of(const std::string& variant, std::uint64_t seed) {
  return "runs/" + variant + "/seed-" + std::to_string(seed);
}

// Every place in braces of this kind, {kind:NAME}: `by` gives what stands there instead.
std::string with_references(const std::string& value, const std::string& kind,
                            const std::function<std::string(const std::string&)>& by) {
  std::string out;
  std::size_t done = 0;
  const std::string open = "{" + kind + ":";
  for (std::size_t at; (at = value.find(open, done)) != std::string::npos;) {
    const std::size_t end = value.find('}', at);
    if (end == std::string::npos) break;
    out += value.substr(done, at - done) + by(value.substr(at + open.size(), end - at - open.size()));
    done = end + 1;
  }
  return out + value.substr(done);
}

// The folders that a run's flags refer to.
std::set<std::string> references_of(const Run& run) {
  std::set<std::string> folders;
  for (const auto& [name, value] : run.flags)
    with_references(value, "folder", [&](const std::string& folder) { return folders.insert(folder), folder; });
  return folders;
}

Run run_of(const std::string& shown, const Study& study, const Variant& v, std::uint64_t seed) {
  Run run{.variant = v.name, .seed = seed, .command = v.command, .flags = v.flags, .folder = folder_of(v.name, seed)};
  run.flags.try_emplace("seed", "{seed}");
  for (auto& [name, value] : run.flags) {
    value = replaced(value, "{seed}", std::to_string(seed));
    const std::string where = shown + ": variant " + v.name + ": " + printable(name);
    if (value.find("{folder:") != std::string::npos)
      fail_usage(where, ": {folder:...} is not for files: {run:NAME} is the folder of a variant's run");
    value = with_references(value, "run", [&](const std::string& other) {
      const Variant* meant = study.meant(other, v);
      if (!meant) fail_usage(where, ": {run:", printable(other), "}: no variant is named so");
      if (std::find(meant->seeds.begin(), meant->seeds.end(), seed) == meant->seeds.end())
        fail_usage(where, ": {run:", printable(other), "}: that variant has no seed ", seed);
      return "{folder:" + folder_of(meant->name, seed) + "}";
    });
    const std::string rest = with_references(value, "folder", [](const std::string&) { return std::string(); });
    if (rest.find('{') != std::string::npos)
      fail_usage(where, ": '", printable(rest), "': in braces stands {seed} or {run:NAME}");
  }
  return run;
}

// Puts each run behind what it needs, else in the order of the list.
class Order {
 public:
  Order(const std::string& shown, std::vector<Run> runs) : shown_(shown), runs_(std::move(runs)), state_(runs_.size()) {
    for (std::size_t i = 0; i < runs_.size(); ++i) number_[runs_[i].folder] = i;
  }
  std::vector<Run> ordered() {
    for (std::size_t i = 0; i < runs_.size(); ++i) visit(i);
    return std::move(out_);
  }

 private:
  enum class State { unseen, open, placed };
  std::size_t visit(std::size_t i) {
    if (state_[i] == State::placed) return place_[i];
    if (state_[i] == State::open)
      fail_usage(shown_, ": variant ", runs_[i].variant, ": needs its own run, by way of {run:...}");
    state_[i] = State::open;
    for (const std::string& folder : references_of(runs_[i])) runs_[i].needs.push_back(visit(number_.at(folder)));
    state_[i] = State::placed;
    place_[i] = out_.size();
    out_.push_back(runs_[i]);
    return place_[i];
  }

  std::string shown_;
  std::vector<Run> runs_, out_;
  std::vector<State> state_;
  std::map<std::size_t, std::size_t> place_;
  std::map<std::string, std::size_t> number_;
};

struct Search {
  const std::vector<Run>& runs;
  const std::vector<Status>& status;
  bool waits = false;

  std::optional<std::size_t> next(std::size_t i) {
    if (status[i] == Status::busy) waits = true;
    if (status[i] != Status::open || is_lost(i)) return {};
    bool ready = true;
    for (const std::size_t need : runs[i].needs) {
      if (status[need] == Status::done) continue;
      ready = false;
      if (const auto found = next(need)) return found;
    }
    return ready ? std::optional(i) : std::nullopt;
  }
  // It failed, or can never begin.
  bool is_lost(std::size_t i) const {
    if (status[i] != Status::open) return status[i] == Status::failed;
    return std::any_of(runs[i].needs.begin(), runs[i].needs.end(), [&](std::size_t need) { return is_lost(need); });
  }
};

}  // namespace

std::string Run::shown() const { return variant.empty() ? folder : variant + ", seed " + std::to_string(seed); }

std::vector<Run> plan_runs(const std::string& shown, const Study& study,
                           const std::function<std::optional<Shared>(const Run&)>& share) {
  std::vector<std::uint64_t> seeds;  // in the order of the file
  for (const Variant& v : study.variants)
    for (const std::uint64_t seed : v.seeds)
      if (std::find(seeds.begin(), seeds.end(), seed) == seeds.end()) seeds.push_back(seed);
  std::vector<Run> runs;
  std::set<std::string> shared_folders;
  for (const std::uint64_t seed : seeds)
    for (const Variant& v : study.variants) {
      if (std::find(v.seeds.begin(), v.seeds.end(), seed) == v.seeds.end()) continue;
      Run run = run_of(shown, study, v, seed);
      if (const auto shared = share(run)) {
        if (shared_folders.insert(shared->folder).second)
          runs.push_back(
              {.variant = {}, .seed = seed, .command = "train", .flags = shared->flags, .folder = shared->folder});
        run.flags[shared->use_flag] = shared->use_value;
      }
      runs.push_back(std::move(run));
    }
  return Order(shown, std::move(runs)).ordered();
}

std::string with_folders(const std::string& value, const std::string& study_folder) {
  return with_references(value, "folder", [&](const std::string& folder) { return study_folder + "/" + folder; });
}

Choice choose(const std::vector<Run>& runs, const std::vector<Status>& status, std::size_t start) {
  bool waits = false;
  for (std::size_t n = 0; n < runs.size(); ++n) {
    const std::size_t i = (start + n) % runs.size();
    if (status[i] != Status::open) continue;
    Search search{runs, status};
    if (const auto found = search.next(i)) return {found, false};
    waits = waits || search.waits;
  }
  return {{}, waits};
}

std::size_t start_of(int task, int tasks, std::size_t runs) {
  return static_cast<std::size_t>(task) * runs / static_cast<std::size_t>(tasks);
}

}  // namespace mvmoe::study
