// engine/whole_number.h: whole numbers in a stranger's JSON.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <utility>

namespace mvmoe {

// Whether get_to gives a Value what stands in the file: of 2.5, 1e300 and 2^32 + 2 it makes some int. Values that are not
// whole numbers fit as far as this goes: of these, get_to throws where the kind is wrong.
template <class Value>
bool fits(const nlohmann::json& json) {
  if constexpr (std::is_integral_v<Value> && !std::is_same_v<Value, bool>) {
    if (json.is_number_unsigned()) return std::in_range<Value>(json.get<std::uint64_t>());
    return json.is_number_integer() && std::in_range<Value>(json.get<std::int64_t>());
  }
  return true;
}

}  // namespace mvmoe
