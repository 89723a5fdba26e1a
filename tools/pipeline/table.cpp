#include "tools/pipeline/table.h"

#include <cstdarg>
#include <cstdio>
#include <functional>
#include <nlohmann/json.hpp>

#include "engine/files.h"
#include "tools/report/html.h"

namespace mvmoe {
namespace {

std::string formatted(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return text;
}

}  // namespace

std::string table(const nlohmann::ordered_json& c) {
  using Json = nlohmann::ordered_json;
  const bool control = !c.at("control").is_null();
  const auto row = [&](const char* name, const std::function<std::string(const Json&)>& cell) {
    std::string line = formatted("%-24s%16s", name, cell(c.at("dense")).c_str());
    if (control) line += formatted("%16s", cell(c.at("control")).c_str());
    return line + formatted("%16s\n", cell(c.at("moe")).c_str());
  };
  const auto percent = [&](const char* key) {
    return [=](const Json& x) { return formatted("%.2f %%", x.at(key).get<double>()); };
  };
  const auto number = [&](const char* key) { return [=](const Json& x) { return report::grouped(x.at(key)); }; };
  std::string out = formatted("%-24s%16s", "", "dense") + (control ? formatted("%16s", "dense, longer") : "") +
                    formatted("%16s\n", "sparse");
  out += row("top-1", percent("top1")) + row("top-5", percent("top5"));
  out += row("multiply-adds an image", number("macs")) + row("  executed", number("executed_macs"));
  out += row("one image, one thread", [](const Json& x) { return formatted("%.3f ms", x.at("ms").get<double>()); });
  out += row("parameters", number("params")) + row("  active for an image", number("active_params"));
  out += formatted("\ngain of the sparse network over the dense one%s: %+.2f points of top-1 (standard error %.2f)\n",
                   control ? " trained as long" : "", c.at("gain").get<double>(), c.at("gain_error").get<double>());
  if (const Json start = c.value("init_from", Json(nullptr)); start.is_string())
    out += "both networks began from the weights in " + printable(start.get<std::string>()) + "\n";
  const auto top1 = [&](const char* key) { return c.at(key).get<double>(); };
  if (!c.at("oracle_top1").is_null())
    out += formatted("the router sends %.1f %% of the images to their super-class; if it sent all: top-1 %.2f %%\n",
                     c.at("moe").at("router_accuracy").get<double>(), top1("oracle_top1"));
  if (!c.at("random_router_top1").is_null())
    out += formatted("if it drew experts at random: top-1 %.2f %%\n", top1("random_router_top1"));
  out += "load of the experts, in percent:";
  for (const double load : c.at("moe").at("expert_load")) out += formatted(" %.1f", load);
  out += "\n";
  if (!c.at("ari").is_null())
    out += formatted(
        "the super-classes against the data's own coarse classes: adjusted Rand index %.2f (1: the same, 0: chance)\n",
        c.at("ari").get<double>());
  if (c.contains("verdict"))
    for (const Json& reason : c.at("verdict")) out += "\n- " + reason.at("text").get<std::string>();
  return out + "\n";
}

}  // namespace mvmoe
