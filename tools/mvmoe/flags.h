// tools/mvmoe/flags.h: a subcommand's flags, declared once: the command line, --help and config.json follow from it.
//
// cxxopts takes the line apart, in flags.cpp alone. Values are checked and errors worded here, so that every error
// names its flag and what would be right.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace mvmoe {

class Flags {
 public:
  // `usage` is what stands behind `mvmoe`, e.g. "train --data SPEC --out DIR [flags]".
  Flags(std::string usage, std::string description);

  // Each binds a flag to a variable whose present value is the default. A name has two letters or more. Help ends with
  // unit or choices, if any.
  void add(const std::string& name, bool& value, const std::string& help);
  void add(const std::string& name, std::string& value, const std::string& help,
           const std::string& kind = "TEXT");  // kind: DIR, FILE, ..
  void add(const std::string& name, int& value, const std::string& help, int lowest = 0,
           int highest = std::numeric_limits<int>::max());
  void add(const std::string& name, std::uint64_t& value, const std::string& help, std::uint64_t lowest = 0);
  void add(const std::string& name, float& value, const std::string& help, float lowest = 0, float highest = 1e30f);
  // A number that may be left to the program, or to nothing: `otherwise` says in --help what that means.
  void add(const std::string& name, std::optional<float>& value, const std::string& help, const std::string& otherwise,
           float lowest = 0, float highest = 1e30f);
  // Numbers, one for each time the flag is given.
  void add(const std::string& name, std::vector<float>& values, const std::string& help, const std::string& otherwise,
           float lowest = 0, float highest = 1e30f);
  void add_choice(const std::string& name, std::string& value, const std::string& help,
                  std::vector<std::string> choices);
  // Begins a group of --help: what is added from here on stands under this line.
  void heading(const std::string& text) { heading_ = text; }
  // Words without a flag; without this call any such word is an error.
  void add_positional(const std::string& name, std::vector<std::string>& values, const std::string& help);

  // Reads the words behind the subcommand: --flag VALUE, --flag=VALUE, --switch, --switch=true|false; all words behind
  // `--` are words without a flag. False: --help was asked for and printed, nothing else is to be done. Throws
  // UsageError that names the flag; an unknown one with what may have been meant (tools/mvmoe/hints.h).
  bool parse(const std::vector<std::string>& words);

  bool given(const std::string& name) const;
  // A given flag as an error names it: with what gave it, where that is another flag: "--recipe deit sets --epochs".
  std::string named(const std::string& name) const;
  void require(const std::string& name) const;  // throws UsageError if it was not given

  // All flags of `names` by name, as text: what config.json holds and what a resumed run is compared with.
  nlohmann::json values(const std::vector<std::string>& names) const;
  // Sets the flags that were not given from such values; `as_given`: from here on they count as given, by `source`.
  // Throws UsageError if one is not a flag or not its kind.
  void set_missing(const nlohmann::json& values, const std::string& source, bool as_given = false);

 private:
  struct Flag {
    std::string name, help;
    std::string kind;  // of the value, as --help shows it: N, X, DIR, ..; empty for a switch
    std::function<std::string()> get;
    std::function<void(const std::string&)> set;  // throws UsageError
    std::string default_text = {}, heading = {};
    bool given = false;
    std::string given_by = {};  // another flag; empty: the command line
    bool is_switch() const { return kind.empty(); }
  };
  void add(Flag flag);
  Flag* find(const std::string& name);
  [[noreturn]] void fail_unknown(const std::string& word) const;
  void print_help() const;

  std::string usage_, description_, heading_;
  std::vector<Flag> flags_;
  std::string positional_name_, positional_help_;
  std::vector<std::string>* positional_ = nullptr;
};

}  // namespace mvmoe
