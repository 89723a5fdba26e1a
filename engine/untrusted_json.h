// engine/untrusted_json.h: JSON from a stranger.
#pragma once
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace mvmoe {

// Names that stand twice and deep nesting are refused: the parser alone would keep the last of two names without a word,
// and spend memory on a hundred million brackets. Throws Error "SHOWN: WHAT is ..."; `shown` is the file's name as it may
// be printed, `what` the part that is read ("the header").
nlohmann::json parse_untrusted(const std::string& shown, const std::string& what, std::string_view json);

}  // namespace mvmoe
