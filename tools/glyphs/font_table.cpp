// Reads fonts.csv. The table is ours, so the format stays plain: a header
// line, then seven fields separated by commas, no quotes.
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>

#include "glyphs.h"

namespace glyphs {
namespace {

constexpr std::string_view kHeader = "package,version,licence,group,family,style,file";

std::vector<std::string> split_commas(const std::string& line) {
  std::vector<std::string> fields;
  std::stringstream stream(line);
  std::string field;
  while (std::getline(stream, field, ',')) fields.push_back(field);
  return fields;
}

}  // namespace

std::vector<Font> read_table(const std::string& path) {
  std::ifstream in(path);
  if (!in) throw std::runtime_error(path + ": cannot be opened");
  std::string line;
  if (!std::getline(in, line) || line != kHeader)
    throw std::runtime_error(path + ":1: the header must be " + std::string(kHeader));
  std::vector<Font> fonts;
  std::set<std::string> files;
  for (int number = 2; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    const std::string where = path + ":" + std::to_string(number) + ": ";
    const auto f = split_commas(line);
    if (f.size() != 7) throw std::runtime_error(where + "7 fields expected, " + std::to_string(f.size()) + " found");
    for (const auto& field : f)
      if (field.empty() || field.find_first_of("\"\\") != std::string::npos)
        throw std::runtime_error(where + "an empty field, or a quote in it");
    // A file listed twice would count twice and could sit on both sides.
    if (!files.insert(f[6]).second) throw std::runtime_error(where + f[6] + " is listed twice");
    Font font;
    font.package = f[0];
    font.version = f[1];
    font.licence = f[2];
    font.group = f[3];
    font.family = f[4];
    font.style = f[5];
    font.file = f[6];
    fonts.push_back(std::move(font));
  }
  return fonts;
}

}  // namespace glyphs
