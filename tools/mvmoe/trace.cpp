#include "tools/mvmoe/trace.h"

#include <nlohmann/json.hpp>

#include "engine/files.h"

namespace mvmoe {
namespace {

const char* phase_name(Phase phase) {
  switch (phase) {
    case Phase::forward:
      return "forward";
    case Phase::backward:
      return "backward";
    case Phase::around:
      return "around";
  }
  return "";
}

std::string shapes_of(const Event& event) {
  std::string text;
  for (const Shape& shape : event.operands)
    if (shape.axes() > 0) text += (text.empty() ? "" : " ") + shape.string();
  return text + " -> " + event.result.string();
}

}  // namespace

void write_trace(const std::filesystem::path& file, const std::vector<Timeline>& threads, const Timeline& steps) {
  const std::int64_t origin = steps.events().empty() ? 0 : steps.events().front().start;
  nlohmann::json events = nlohmann::json::array();
  const auto add_track = [&](const Timeline& timeline, std::size_t track, const std::string& name) {
    events.push_back({{"ph", "M"}, {"name", "thread_name"}, {"pid", 1}, {"tid", track}, {"args", {{"name", name}}}});
    for (const Event& event : timeline.events()) {
      nlohmann::json one{{"ph", "X"},
                         {"name", event.name},
                         {"cat", phase_name(event.phase)},
                         {"pid", 1},
                         {"tid", track},
                         {"ts", static_cast<double>(event.start - origin) / 1e3},
                         {"dur", static_cast<double>(event.end - event.start) / 1e3}};
      if (event.result.axes() > 0) one["args"] = {{"shapes", shapes_of(event)}};
      events.push_back(std::move(one));
    }
  };
  add_track(steps, 0, "steps");
  for (std::size_t t = 0; t < threads.size(); ++t) add_track(threads[t], t + 1, "thread " + std::to_string(t));
  write_file(file, nlohmann::json{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ms"}}.dump() + "\n");
}

}  // namespace mvmoe
