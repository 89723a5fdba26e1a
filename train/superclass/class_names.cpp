#include "train/superclass/class_names.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {

std::string as_utf8(const std::string& name) {
  using Json = nlohmann::json;
  return Json::parse(Json(name).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

std::vector<std::string> as_utf8(const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (const std::string& name : names) out.push_back(as_utf8(name));
  return out;
}

std::string in_quotes(const std::string& name) { return "'" + printable(name) + "'"; }

std::map<std::string, int> index_of_names(const std::vector<std::string>& names, const std::string& source) {
  std::map<std::string, int> index;
  for (const std::string& name : names)
    if (!index.emplace(as_utf8(name), static_cast<int>(index.size())).second)
      fail(source, ": two classes are named ", in_quotes(name), ", must be told apart by name");
  return index;
}

std::string difference(const std::vector<std::string>& names, const std::vector<std::string>& expected) {
  const std::vector<std::string> have = as_utf8(names), want = as_utf8(expected);
  if (have.size() != want.size())
    return std::to_string(have.size()) + " classes, must be " + std::to_string(want.size());
  const auto in = [](const std::string& name, const std::vector<std::string>& all) {
    return std::find(all.begin(), all.end(), name) != all.end();
  };
  for (const std::string& name : have)
    if (!in(name, want)) return in_quotes(name) + " is none of those";
  for (const std::string& name : want)
    if (!in(name, have)) return in_quotes(name) + " is missing";
  for (std::size_t i = 0; i < want.size(); ++i)
    if (have[i] != want[i])
      return "class " + std::to_string(i) + " is " + in_quotes(have[i]) + ", must be " + in_quotes(want[i]);
  return "";
}

}  // namespace mvmoe
