// tools/pipeline/table.h: a comparison as a table for the terminal.
#pragma once
#include <string>

#include <nlohmann/json_fwd.hpp>

namespace mvmoe {

// Of the JSON that compare.h makes.
std::string table(const nlohmann::ordered_json& comparison);

}  // namespace mvmoe
