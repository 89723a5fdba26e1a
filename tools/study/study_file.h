// tools/study/study_file.h: what a study is to do, as its file says it: variants, their flags, seeds, and what is
// plotted.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mvmoe::study {

using FlagMap = std::map<std::string, std::string>;  // by name, without the dashes

struct Variant {
  std::string name;     // as a folder's name
  std::string command;  // pipeline or train
  FlagMap flags;        // the study's and its own; may hold {seed} and {run:NAME}
  std::vector<std::uint64_t> seeds;
  bool hidden = false;      // made, but without a row in the table
  std::optional<double> x;  // its place on the plot's axis; empty: in the order of the file
  std::string series;       // which line of the plot it is a point of; empty: the only one
  std::string x_name;       // what stands at its place, where the axis has no numbers
  std::string crossed;      // ",FLAG=VALUE" of each crossed flag: the end of its name
};

struct Plot {
  std::string x;      // the flag on the axis; empty: the variants' own x
  std::string label;  // of the axis
  bool log = false;
};

struct Study {
  std::string title;
  std::vector<Variant> variants;  // crossed out: one for each combination of values
  std::string baseline;           // the variant that trainings are compared with; empty: none
  Plot plot;

  const Variant* find(const std::string& name) const;
  // The variant that another one means by `name`: where both are crossed, that of the same values. Null: there is none.
  const Variant* meant(const std::string& name, const Variant& by) const;
};

// Throws UsageError "FILE: PLACE: ..." with what would be right. `shown`: the file as an error names it. Flags are not
// checked here, which the commands know.
Study parse_study(const std::string& shown, const nlohmann::json& json);

}  // namespace mvmoe::study
