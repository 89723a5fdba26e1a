#include "tools/mvmoe/flags.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>

// Without regular expressions: they overflow the stack on a long value and do not match one with a newline.
#define CXXOPTS_NO_REGEX
#include <cxxopts.hpp>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/nearest.h"
#include "tools/mvmoe/hints.h"

namespace mvmoe {
namespace {

template <class Number>
std::string text_of(Number value) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

template <class Number>
Number number_from(const std::string& flag, const std::string& word, Number lowest, Number highest) {
  constexpr const char* kind = std::is_floating_point_v<Number> ? "a number" : "a whole number";
  Number value{};
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value);
  if (parsed.ec == std::errc::result_out_of_range) fail_usage("--", flag, ": ", printable(word), " is out of range");
  if (parsed.ec != std::errc{} || parsed.ptr != word.data() + word.size()) {
    if constexpr (std::is_unsigned_v<Number>)
      if (word.starts_with('-'))
        fail_usage("--", flag, ": ", printable(word), " is out of range: must be at least ", lowest);
    fail_usage("--", flag, ": '", printable(word), "' is not ", kind);
  }
  if (!(value >= lowest && value <= highest)) {
    const bool finite = !std::is_floating_point_v<Number> || std::isfinite(static_cast<double>(value));
    if (finite && value < lowest && highest >= static_cast<Number>(1e9))
      fail_usage("--", flag, ": ", printable(word), " is out of range: must be at least ", lowest);
    fail_usage("--", flag, ": ", printable(word), " is out of range: must be from ", lowest, " to ", highest);
  }
  return value;
}

using Words = std::span<const std::string>;

bool is_plain(const std::string& word) { return !word.starts_with('-') || word == "-"; }

// What cxxopts makes of words.
struct Reading {
  std::vector<cxxopts::KeyValue> given;  // flags and their values, in order
  std::vector<std::string> others;       // plain words, and flags that do not exist
  bool open = false;                     // the last word is a flag that needs a value behind it
};

Reading read(cxxopts::Options& options, Words words) {
  std::vector<const char*> argv{"mvmoe"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  try {
    const cxxopts::ParseResult result = options.parse(static_cast<int>(argv.size()), argv.data());
    return {result.arguments(), result.unmatched()};
  } catch (const cxxopts::exceptions::missing_argument&) {  // this can only be the last word
    Reading reading = read(options, words.first(words.size() - 1));
    reading.open = true;
    return reading;
  }
}

// The number of words before the `--` that ends the flags. Behind a flag that needs a value, `--` is that value.
std::size_t words_before_end(cxxopts::Options& options, Words words) {
  std::size_t i = 0;
  while (i < words.size() && (words[i] != "--" || read(options, words.first(i)).open)) ++i;
  return i;
}

// The words up to the first that is wrong by its place or name: a flag that does not exist, or a plain word where the
// command takes none. cxxopts says that there is one, but not where: it says so of each beginning of the line.
Words right_words(cxxopts::Options& options, Words words, bool takes_plain) {
  const auto right_to = [&](const std::string& last) {
    const Reading reading = read(options, words.first(static_cast<std::size_t>(&last - words.data()) + 1));
    return reading.others.empty() || (takes_plain && std::ranges::all_of(reading.others, is_plain));
  };
  if (words.empty() || right_to(words.back())) return words;
  return {words.begin(), std::ranges::partition_point(words, right_to)};
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

}  // namespace

Flags::Flags(std::string usage, std::string description)
    : usage_(std::move(usage)), description_(std::move(description)) {}

void Flags::add(Flag flag) {
  flag.default_text = flag.get();
  flag.heading = heading_;
  flags_.push_back(std::move(flag));
}

void Flags::add(const std::string& name, bool& value, const std::string& help) {
  add(Flag{name, help, "", [&value] { return value ? "true" : "false"; },
           [&value, name](const std::string& word) {
             if (word != "true" && word != "false")
               fail_usage("--", name, ": '", printable(word), "' is neither true nor false");
             value = word == "true";
           }});
}

void Flags::add(const std::string& name, std::string& value, const std::string& help, const std::string& kind) {
  add(Flag{name, help, kind, [&value] { return value; }, [&value](const std::string& word) { value = word; }});
}

void Flags::add(const std::string& name, int& value, const std::string& help, int lowest, int highest) {
  add(Flag{name, help, "N", [&value] { return text_of(value); },
           [=, &value](const std::string& word) { value = number_from(name, word, lowest, highest); }});
}

void Flags::add(const std::string& name, std::uint64_t& value, const std::string& help, std::uint64_t lowest) {
  add(Flag{name, help, "N", [&value] { return text_of(value); },
           [=, &value](const std::string& word) {
             value = number_from(name, word, lowest, std::numeric_limits<std::uint64_t>::max());
           }});
}

void Flags::add(const std::string& name, float& value, const std::string& help, float lowest, float highest) {
  add(Flag{name, help, "X", [&value] { return text_of(value); },
           [=, &value](const std::string& word) { value = number_from(name, word, lowest, highest); }});
}

void Flags::add(const std::string& name, std::optional<float>& value, const std::string& help,
                const std::string& otherwise, float lowest, float highest) {
  add(Flag{name, help, "X", [=, &value] { return value ? text_of(*value) : otherwise; },
           [=, &value](const std::string& word) {
             if (word == otherwise) value.reset();
             else value = number_from(name, word, lowest, highest);
           }});
}

void Flags::add(const std::string& name, std::vector<float>& values, const std::string& help,
                const std::string& otherwise, float lowest, float highest) {
  add(Flag{name, help, "X",
           [=, &values] {
             std::string out;
             for (const float value : values) out += (out.empty() ? "" : " ") + text_of(value);
             return out.empty() ? otherwise : out;
           },
           [=, &values](const std::string& word) {  // or several with spaces between them, as config.json holds them
             if (word == otherwise) return values.clear();
             for (std::size_t begin = 0; begin <= word.size();) {
               const std::size_t end = std::min(word.find(' ', begin), word.size());
               values.push_back(number_from(name, word.substr(begin, end - begin), lowest, highest));
               begin = end + 1;
             }
           }});
}

void Flags::add_choice(const std::string& name, std::string& value, const std::string& help,
                       std::vector<std::string> choices) {
  const std::string all = joined(choices);
  add(Flag{name, help + ": " + all, "WORD", [&value] { return value; },
           [=, &value](const std::string& word) {
             for (const std::string& choice : choices)
               if (word == choice) {
                 value = word;
                 return;
               }
             const std::string near = nearest(word, choices);
             fail_usage("--", name, ": '", printable(word), "' is not one of ", all,
                        near.empty() ? "" : ": did you mean " + near + "?");
           }});
}

void Flags::add_positional(const std::string& name, std::vector<std::string>& values, const std::string& help) {
  positional_name_ = name;
  positional_help_ = help;
  positional_ = &values;
}

Flags::Flag* Flags::find(const std::string& name) {
  for (Flag& flag : flags_)
    if (flag.name == name) return &flag;
  return nullptr;
}

bool Flags::given(const std::string& name) const { return const_cast<Flags*>(this)->find(name)->given; }

std::string Flags::named(const std::string& name) const {
  const Flag& flag = *const_cast<Flags*>(this)->find(name);
  return (flag.given_by.empty() ? "--" : flag.given_by + " sets --") + name;
}

void Flags::require(const std::string& name) const {
  if (!given(name)) fail_usage("--", name, " is missing: mvmoe ", usage_);
}

void Flags::fail_unknown(const std::string& word) const {
  std::vector<std::string> names;
  for (const Flag& flag : flags_) names.push_back(flag.name);
  const std::string name = word.substr(0, word.find('='));
  fail_usage(printable(name), ": no such flag", hint_for(name, names), " (mvmoe ", usage_.substr(0, usage_.find(' ')),
             " --help lists all)");
}

bool Flags::parse(const std::vector<std::string>& words) {
  for (const std::string& word : words)  // one in a study's file may; cxxopts would stop there
    if (word.find('\0') != std::string::npos) fail_usage("'", printable(word), "' must not hold a zero byte");
  cxxopts::Options options("mvmoe");
  options.allow_unrecognised_options();
  for (const Flag& flag : flags_) {
    const auto value = cxxopts::value<std::string>();
    options.add_options()(flag.name, "", flag.is_switch() ? value->implicit_value("true") : value);
  }

  const std::size_t end = words_before_end(options, words);
  const Words before = Words(words).first(end), behind = Words(words).subspan(std::min(end + 1, words.size()));
  for (const std::string& word : before)
    if (word == "--help" || word == "-h") {
      print_help();
      return false;
    }

  // An error names the line's first mistake. So flags before a wrong word are set before that word is refused.
  const Words right = right_words(options, before, positional_ != nullptr);
  const Reading reading = read(options, right);
  for (const cxxopts::KeyValue& one : reading.given) {
    Flag* flag = find(one.key());
    flag->given = true;
    flag->set(one.value());
  }
  const Words wrong = before.subspan(right.size());
  if (!wrong.empty() && !is_plain(wrong.front())) fail_unknown(wrong.front());
  if (reading.open) fail_usage(right.back(), ": its value is missing");
  const Words too_many = !wrong.empty() || positional_ ? wrong : behind;
  if (!too_many.empty()) fail_usage("'", printable(too_many.front()), "' is one word too many: mvmoe ", usage_);
  if (!positional_) return true;
  for (const Words plain : {Words(reading.others), behind})
    positional_->insert(positional_->end(), plain.begin(), plain.end());
  return true;
}

nlohmann::json Flags::values(const std::vector<std::string>& names) const {
  nlohmann::json json = nlohmann::json::object();
  for (const std::string& name : names) json[name] = const_cast<Flags*>(this)->find(name)->get();
  return json;
}

void Flags::set_missing(const nlohmann::json& values, const std::string& source, bool as_given) {
  if (!values.is_object()) fail_usage(source, ": must be an object of flags and their values");
  for (const auto& [name, value] : values.items()) {
    Flag* flag = find(name);
    if (!flag || !value.is_string())
      fail_usage(source, ": ", printable(name), flag ? " must be a string" : " is no flag of this command");
    if (flag->given) continue;
    flag->set(value.get<std::string>());
    flag->given = as_given;
    if (as_given) flag->given_by = source;
  }
}

void Flags::print_help() const {
  std::printf("usage: mvmoe %s\n\n%s\n\n", usage_.c_str(), description_.c_str());
  const auto left = [](const Flag& flag) { return "--" + flag.name + (flag.is_switch() ? "" : " " + flag.kind); };
  std::size_t width = std::string("--help").size();
  for (const Flag& flag : flags_) width = std::max(width, left(flag).size());
  const auto line = [&](const std::string& what, const std::string& help) {
    std::printf("  %-*s  %s\n", static_cast<int>(width), what.c_str(), help.c_str());
  };
  if (positional_) line(positional_name_, positional_help_);
  std::string heading;
  for (const Flag& flag : flags_) {
    if (flag.heading != heading) std::printf("%s%s\n", &flag == &flags_.front() ? "" : "\n", flag.heading.c_str());
    heading = flag.heading;
    line(left(flag), flag.help + (flag.is_switch() || flag.default_text.empty() ? "" : " [" + flag.default_text + "]"));
  }
  line("--help", "this page");
  std::printf("\nN is a whole number, X any number; in brackets stands the default.\n");
}

}  // namespace mvmoe
