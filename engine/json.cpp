#include "engine/json.h"

#include <set>
#include <vector>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {

nlohmann::json parse_json(const std::string& what, std::string_view text) {
  using Json = nlohmann::json;
  std::vector<std::set<std::string>> names;
  const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
    if (depth > 8) fail(what, " is nested too deeply");
    if (event == Json::parse_event_t::object_start) names.emplace_back();
    if (event == Json::parse_event_t::object_end) names.pop_back();
    if (event == Json::parse_event_t::key && !names.back().insert(value.get<std::string>()).second)
      fail(what, " names '", printable(value.get<std::string>()), "' twice");
    return true;
  };
  try {
    return Json::parse(text.begin(), text.end(), check);
  } catch (const Json::parse_error& e) {
    fail(what, " is not valid JSON at its byte ", e.byte);
  } catch (const Json::exception&) {
    fail(what, " is not valid JSON");
  }
}

nlohmann::json read_json(const std::filesystem::path& file, std::size_t limit, const std::string& before) {
  const std::vector<std::uint8_t> bytes = read_file(file, limit);
  return parse_json(before + printable(file.string()) + ":",
                    {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace mvmoe
