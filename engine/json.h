// engine/json.h: JSON from a stranger.
#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mvmoe {

// Throws Error "WHAT is ...", where the text is no JSON, and for names that stand twice and for nesting deeper than 8:
// the library alone keeps the last of two names without a word, and what it does with a value (copies, prints) it does
// by recursion, to the stack's end and beyond.
nlohmann::json parse_json(const std::string& what, std::string_view text);

// The same of a file of at most `limit` bytes: "FILE: is ..". `before` is put before that, e.g. "--config: ". Throws as
// read_file does, too.
nlohmann::json read_json(const std::filesystem::path& file, std::size_t limit, const std::string& before = "");

// Whether get_to gives a Value what stands in the file: of 2.5, 1e300 and 2^32 + 2 it makes some int. Values that are
// not whole numbers fit as far as this goes: of these, get_to throws where the kind is wrong.
template <class Value>
bool fits(const nlohmann::json& json) {
  if constexpr (std::is_integral_v<Value> && !std::is_same_v<Value, bool>) {
    if (json.is_number_unsigned()) return std::in_range<Value>(json.get<std::uint64_t>());
    return json.is_number_integer() && std::in_range<Value>(json.get<std::int64_t>());
  }
  return true;
}

}  // namespace mvmoe
