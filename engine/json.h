// engine/json.h: reads JSON that may be damaged or hostile.
#pragma once
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mvmoe {

// Throws Error "WHAT is ..." if the text is not JSON, if an object has a name twice, or if it is nested deeper than 8.
// The library alone would keep the last of two equal names silently. It copies and prints values by recursion, so deep
// nesting would overflow the stack.
nlohmann::json parse_json(const std::string& what, std::string_view text);

// The same for a file of at most `limit` bytes; errors begin with "FILE: is ...". `before` is put before that, e.g.
// "--config: ". Also throws what read_file throws.
nlohmann::json read_json(const std::filesystem::path& file, std::size_t limit, const std::string& before = "");

// True if get_to gives a Value exactly the number in the file. For an int, get_to alone would turn 2.5, 1e300 and
// 2^32 + 2 into some number. True for all Values that are not whole numbers: for them get_to throws on a wrong type.
template <class Value>
bool fits(const nlohmann::json& json) {
  if constexpr (std::is_integral_v<Value> && !std::is_same_v<Value, bool>) {
    if (json.is_number_unsigned()) return std::in_range<Value>(json.get<std::uint64_t>());
    return json.is_number_integer() && std::in_range<Value>(json.get<std::int64_t>());
  }
  return true;
}

}  // namespace mvmoe
