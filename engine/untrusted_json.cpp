#include "engine/untrusted_json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {

using Json = nlohmann::json;

Json parse_untrusted(const std::string& shown, const std::string& what, std::string_view json) {
  std::vector<std::set<std::string>> names;
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 8) fail(shown, ": ", what, " is nested too deeply");
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(value.get<std::string>()).second)
      fail(shown, ": ", what, " names '", printable(value.get<std::string>()), "' twice");
    return true;
  };
  try {
    return Json::parse(json.begin(), json.end(), check);
  } catch (const Json::parse_error& e) {
    fail(shown, ": ", what, " is not valid JSON at its byte ", e.byte);
  } catch (const Json::exception&) {
    fail(shown, ": ", what, " is not valid JSON");
  }
}

}  // namespace mvmoe
