#include "train/superclass/division_file.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "train/superclass/class_names.h"

namespace mvmoe {
namespace {

using Json = nlohmann::json;

constexpr std::size_t largest_file = std::size_t{1} << 26;

// Reads the notes beside the division. A missing note is no error; a note of a wrong type is.
void read_notes(const Json& json, const std::string& shown, SuperClasses& division) {
  const auto note = [&](const char* key, bool (*fits)(const Json&), const char* kind) -> const Json* {
    const auto found = json.find(key);
    if (found == json.end()) return nullptr;
    if (!fits(*found)) fail(shown, ": \"", key, "\" must be ", kind);
    return &*found;
  };
  const auto numbers = [](const Json& j) {
    return j.is_array() && std::all_of(j.begin(), j.end(), [](const Json& x) { return x.is_number(); });
  };
  if (const Json* method = note(
          "method", [](const Json& j) { return j.is_string(); }, "a string"))
    method->get_to(division.method);
  if (const Json* seed = note(
          "seed", [](const Json& j) { return j.is_number_unsigned(); }, "a whole number"))
    seed->get_to(division.seed);
  if (const Json* values = note("eigenvalues", numbers, "a list of numbers")) values->get_to(division.eigenvalues);
}

}  // namespace

void write_superclasses(const std::filesystem::path& path, const SuperClasses& division) {
  index_of_names(division.classes, printable(path.string()));
  std::string out = "{\n  \"method\": " + Json(division.method).dump() +
                    ",\n  \"seed\": " + std::to_string(division.seed) + ",\n  \"superclasses\": [\n";
  const auto members = division.members();
  for (std::size_t s = 0; s < members.size(); ++s) {
    std::string line;
    for (const int c : members[s]) line += (line.empty() ? "" : ", ") + Json(as_utf8(division.classes[c])).dump();
    out += "    [" + line + (s + 1 < members.size() ? "],\n" : "]\n");
  }
  std::vector<double> rounded;
  for (const double value : division.eigenvalues) rounded.push_back(std::round(value * 1e6) / 1e6);
  write_file(path, out + "  ],\n  \"eigenvalues\": " + Json(rounded).dump() + "\n}\n");
}

SuperClasses read_superclasses(const std::filesystem::path& path, const std::vector<std::string>& classes,
                               int experts) {
  const std::string shown = printable(path.string());
  const Json json = read_json(path, largest_file);
  const std::map<std::string, int> index = index_of_names(classes, "the data set");
  if (!json.is_object() || !json.contains("superclasses") || !json["superclasses"].is_array())
    fail(shown, ": must be an object with \"superclasses\", a list of lists of class names");
  const Json& lists = json["superclasses"];

  SuperClasses out{
      .classes = classes, .of_class = std::vector<int>(classes.size(), -1), .count = static_cast<int>(lists.size())};
  for (std::size_t s = 0; s < lists.size(); ++s) {
    if (!lists[s].is_array()) fail(shown, ": super-class ", s, " is not a list of class names");
    if (lists[s].empty()) fail(shown, ": super-class ", s, " is empty, must hold a class");
    for (const Json& name : lists[s]) {
      if (!name.is_string())
        fail(shown, ": super-class ", s, " holds ", name.is_structured() ? "a list or an object" : name.dump(),
             ", must hold class names (strings)");
      const auto known = index.find(name.get<std::string>());
      if (known == index.end())
        fail(shown, ": super-class ", s, " names ", in_quotes(name.get<std::string>()),
             ", which is no class of the data");
      int& of_class = out.of_class[known->second];
      if (of_class >= 0)
        fail(shown, ": ", in_quotes(name.get<std::string>()), " stands in super-class ", of_class, " and again in ", s);
      of_class = static_cast<int>(s);
    }
  }
  for (std::size_t c = 0; c < classes.size(); ++c)
    if (out.of_class[c] < 0) fail(shown, ": the class ", in_quotes(classes[c]), " is in no super-class");
  if (out.count > experts) fail_usage(shown, ": holds ", out.count, " super-classes, more than --experts ", experts);
  read_notes(json, shown, out);
  return out;
}

}  // namespace mvmoe
