#include "tools/study/study_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "engine/nearest.h"

namespace mvmoe::study {
namespace {

using Json = nlohmann::json;
constexpr std::size_t most_variants = 10'000;

// A part of the file, with the place that an error names.
struct Part {
  std::string where;
  const Json& json;

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    fail_usage(where, ": ", parts...);
  }
  void require_object(const char* what) const {
    if (!json.is_object()) refuse("must be an object ", what);
  }
  void allow_only(const std::vector<std::string>& keys) const {
    for (const auto& [key, value] : json.items()) {
      if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
      const std::string near = nearest(key, keys);
      refuse("'", printable(key), "' is no key here", near.empty() ? "" : ": did you mean '" + near + "'?");
    }
  }
  bool has(const char* key) const { return json.contains(key); }
  Part at(const std::string& key) const { return {where + ": " + printable(key), json.at(key)}; }
  Part at(std::size_t i) const { return {text(where, ", number ", i + 1), json.at(i)}; }

  std::string word(const char* key, const std::string& otherwise = "") const {
    if (!has(key)) return otherwise;
    if (!json.at(key).is_string()) at(key).refuse("must be a text in quotes");
    return json.at(key);
  }
  bool truth(const char* key) const {
    if (!has(key)) return false;
    if (!json.at(key).is_boolean()) at(key).refuse("must be true or false");
    return json.at(key);
  }
};

std::string shortest(double value) {
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

// A flag's value as the command line has it: a text, a number, true or false; several numbers with spaces between them.
std::string flag_value(const Part& part) {
  const Json& json = part.json;
  if (json.is_string()) return json;
  if (json.is_boolean()) return json.get<bool>() ? "true" : "false";
  if (json.is_number_float()) return shortest(json);
  if (json.is_number()) return json.dump();
  if (json.is_array() && !json.empty()) {
    std::string all;
    for (const Json& one : json) {
      if (!one.is_number())
        part.refuse("a list as a flag's value must be of numbers (values to be crossed stand under \"cross\")");
      all += (all.empty() ? "" : " ") + (one.is_number_float() ? shortest(one) : one.dump());
    }
    return all;
  }
  part.refuse("must be a text, a number, true or false");
}

FlagMap flags_in(const Part& part) {
  part.require_object("of flags and their values");
  FlagMap flags;
  for (const auto& [name, value] : part.json.items()) flags[name] = flag_value(part.at(name));
  return flags;
}

std::vector<std::uint64_t> seeds_in(const Part& part) {
  if (!part.json.is_array() || part.json.empty()) part.refuse("must be a list of whole numbers, as [0, 1, 2]");
  std::vector<std::uint64_t> seeds;
  for (std::size_t i = 0; i < part.json.size(); ++i) {
    if (!part.json[i].is_number_unsigned()) part.at(i).refuse("must be a whole number from 0");
    seeds.push_back(part.json[i]);
    if (std::count(seeds.begin(), seeds.end(), seeds.back()) > 1)
      part.at(i).refuse(seeds.back(), " stands there twice");
  }
  return seeds;
}

std::string command_in(const Part& part, const std::string& otherwise) {
  const std::string command = part.word("command", otherwise);
  if (command != "pipeline" && command != "train")
    part.at("command").refuse("'", printable(command), "' must be pipeline or train");
  return command;
}

// A folder is named so.
void require_name(const Part& part, const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) || std::string_view("._+=,-").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (name.empty() || name.size() > 120 || name[0] == '.' || name[0] == '-' ||
      !std::all_of(name.begin(), name.end(), allowed))
    part.refuse(
        "'", printable(name),
        "' names folders: it must be of at most 120 letters, digits and . _ + = , - and begin with none of . and -");
}

std::optional<double> as_number(const std::string& word) {
  double value = 0;
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != word.data() + word.size() || !std::isfinite(value)) return {};
  return value;
}

std::optional<double> x_in(const Part& part) {
  if (!part.has("x")) return {};
  if (!part.json.at("x").is_number()) part.at("x").refuse("must be a number");
  return part.json.at("x").get<double>();
}

// A value of a crossed flag, and what it is called in names and on the plot.
struct Crossed {
  std::string name, value;
  std::optional<double> x;
};

std::vector<Crossed> crossed_values(const Part& part) {
  if (!part.json.is_array() || part.json.empty()) part.refuse("must be a list of values, as [5, 10, 20]");
  std::vector<Crossed> values;
  for (std::size_t i = 0; i < part.json.size(); ++i) {
    const Part one = part.at(i);
    if (one.json.is_object()) {
      one.allow_only({"name", "value", "x"});
      if (!one.has("value")) one.refuse("its \"value\" is missing");
      const std::string value = flag_value(one.at("value"));
      values.push_back({one.word("name", value), value, x_in(one)});
    } else {
      const std::string value = flag_value(one);
      values.push_back({value, value, {}});
    }
    if (!values.back().x) values.back().x = as_number(values.back().name);
    const std::string& name = values.back().name;
    if (name.find_first_of("/:, ") != std::string::npos)
      one.refuse("'", printable(name),
                 "' cannot stand in a folder's name: give it one, as {\"name\": \"SHORT\", \"value\": ...}");
    require_name(one, name);
  }
  return values;
}

// `base` once for each combination of the crossed flags' values.
std::vector<Variant> cross_out(const Part& part, const Variant& base, const std::string& x_flag) {
  std::vector<Variant> all{base};
  if (!part.has("cross")) return all;
  const Part cross = part.at("cross");
  cross.require_object("of flags and lists of values");
  for (const auto& [flag, list] : cross.json.items()) {
    if (base.flags.contains(flag)) cross.at(flag).refuse("this flag is given by \"flags\", too: give it once");
    const std::vector<Crossed> values = crossed_values(cross.at(flag));
    std::vector<Variant> longer;
    if (all.size() * values.size() > most_variants) cross.refuse("makes more than ", most_variants, " variants");
    for (const Variant& before : all)
      for (const Crossed& value : values) {
        Variant v = before;
        v.flags[flag] = value.value;
        v.crossed += "," + flag + "=" + value.name;
        if (flag == x_flag) {
          if (!v.x) v.x = value.x;
          v.x_name = value.name;
        } else {
          v.series += (v.series.empty() ? "" : ", ") + flag + " " + value.name;
        }
        longer.push_back(std::move(v));
      }
    all = std::move(longer);
  }
  for (Variant& v : all) v.name = v.name.empty() && !v.crossed.empty() ? v.crossed.substr(1) : v.name + v.crossed;
  return all;
}

Plot plot_in(const Part& file) {
  Plot plot;
  if (file.has("plot")) {
    const Part part = file.at("plot");
    part.require_object("of \"x\", \"label\" and \"log\"");
    part.allow_only({"x", "label", "log"});
    plot = {.x = part.word("x"), .label = part.word("label"), .log = part.truth("log")};
  }
  // One crossed flag alone is what the study is about.
  if (plot.x.empty() && file.has("cross") && file.json.at("cross").is_object() && file.json.at("cross").size() == 1)
    plot.x = file.json.at("cross").begin().key();
  if (plot.label.empty()) plot.label = plot.x;
  return plot;
}

void complete(Variant& v, const Study& study, const Part& part) {
  require_name(part, v.name);
  if (study.find(v.name)) part.refuse("two variants are named '", printable(v.name), "'");
  if (v.x_name.empty()) v.x_name = v.name;
  if (!v.x && v.flags.contains(study.plot.x)) v.x = as_number(v.flags.at(study.plot.x));
}

}  // namespace

const Variant* Study::find(const std::string& name) const {
  const auto found = std::find_if(variants.begin(), variants.end(), [&](const Variant& v) { return v.name == name; });
  return found == variants.end() ? nullptr : &*found;
}

const Variant* Study::meant(const std::string& name, const Variant& by) const {
  const Variant* exact = find(name);
  return exact ? exact : find(name + by.crossed);
}

Study parse_study(const std::string& shown, const Json& json) {
  const Part file{shown, json};
  file.require_object("of variants, flags and seeds");
  file.allow_only({"title", "command", "seeds", "flags", "variants", "cross", "baseline", "plot"});
  Study study{
      .title = file.word("title", "A study"), .variants = {}, .baseline = file.word("baseline"), .plot = plot_in(file)};
  const std::string command = command_in(file, "pipeline");
  const FlagMap flags = file.has("flags") ? flags_in(file.at("flags")) : FlagMap{};
  const std::vector<std::uint64_t> seeds =
      file.has("seeds") ? seeds_in(file.at("seeds")) : std::vector<std::uint64_t>{0};
  const auto add = [&](const Variant& base, const Part& part) {
    for (Variant& v : cross_out(file, base, study.plot.x)) {
      complete(v, study, part);
      study.variants.push_back(std::move(v));
      if (study.variants.size() > most_variants) file.refuse("has more than ", most_variants, " variants");
    }
  };
  const Variant common{.name = {},
                       .command = command,
                       .flags = flags,
                       .seeds = seeds,
                       .hidden = false,
                       .x = {},
                       .series = {},
                       .x_name = {},
                       .crossed = {}};
  if (!file.has("variants")) {
    if (!file.has("cross")) file.refuse("has neither \"variants\" nor \"cross\": there is nothing to compare");
    add(common, file);
  } else {
    const Part list = file.at("variants");
    if (!list.json.is_array() || list.json.empty())
      list.refuse("must be a list of variants, as [{\"name\": \"small\", \"flags\": {\"model\": \"vit-2x32\"}}]");
    for (std::size_t i = 0; i < list.json.size(); ++i) {
      const Part part = list.at(i);
      part.require_object("with a name and flags");
      part.allow_only({"name", "command", "flags", "seeds", "hidden", "x", "series"});
      Variant v = common;
      v.name = part.word("name");
      if (v.name.empty()) part.refuse("its \"name\" is missing");
      require_name(part, v.name);
      const Part named{shown + ": variant " + v.name, part.json};
      v.command = command_in(named, command);
      if (part.has("flags"))
        for (const auto& [flag, value] : flags_in(named.at("flags"))) v.flags[flag] = value;
      if (part.has("seeds")) v.seeds = seeds_in(named.at("seeds"));
      v.hidden = named.truth("hidden");
      v.x = x_in(named);
      v.series = named.word("series");
      add(v, named);
    }
  }
  if (!study.baseline.empty()) {
    const bool there = std::any_of(study.variants.begin(), study.variants.end(),
                                   [&](const Variant& v) { return study.meant(study.baseline, v) != nullptr; });
    if (!there) file.at("baseline").refuse("no variant is named '", printable(study.baseline), "'");
  }
  if (!study.plot.log) return study;
  for (const Variant& v : study.variants)
    if (!v.hidden && (!v.x || *v.x <= 0))
      file.at("plot").refuse("\"log\" needs an x above 0 for each variant, ", v.name, " has ",
                             v.x ? shortest(*v.x) : "none");
  return study;
}

}  // namespace mvmoe::study
