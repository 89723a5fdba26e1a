#include "tools/report/html.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "engine/files.h"

// tools/report/style_embed.S
extern "C" const char mvmoe_report_style_begin[], mvmoe_report_style_end[];

namespace mvmoe::report {
namespace {

constexpr const char* minus = "\xE2\x88\x92";  // U+2212: as wide as a plus, so that columns stay in line

std::string fixed(double value, int digits) {
  std::array<char, 400> buffer;  // the largest double has 309 digits
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, digits).ptr;
  std::string out(buffer.data(), end);
  const bool zero = out.find_first_of("123456789") == std::string::npos;
  return zero && out.starts_with('-') ? out.substr(1) : out;  // no -0.00
}

std::string with_minus(std::string text) { return text.starts_with('-') ? minus + text.substr(1) : text; }

}  // namespace

std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : printable(name)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string short_name(std::string_view name, int longest) {
  const std::string shown = printable(name);
  std::size_t end = 0;
  for (int characters = 0; end < shown.size(); ++end) {
    const bool begins_one = (static_cast<unsigned char>(shown[end]) & 0xC0) != 0x80;
    if (begins_one && ++characters > longest) return escaped(shown.substr(0, end)) + "\xE2\x80\xA6";  // U+2026
  }
  return escaped(shown);
}

std::string number(double value, int digits) { return with_minus(fixed(value, digits)); }

std::string signed_number(double value, int digits) {
  const std::string text = fixed(value, digits);
  const bool zero = text.find_first_of("123456789") == std::string::npos;
  return text.starts_with('-') || zero ? with_minus(text) : "+" + text;
}

std::string grouped(double value) {
  const std::string digits = fixed(std::abs(value), 0);
  std::string out = value < 0 ? minus : "";
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

std::string abbreviated(double value) {
  constexpr std::array<const char*, 5> units{"", " k", " M", " G", " T"};
  std::size_t unit = 0;
  for (; unit + 1 < units.size() && std::abs(value) >= 999.5; ++unit) value /= 1000;
  const int digits = unit == 0 ? 0 : std::abs(value) < 9.995 ? 2 : std::abs(value) < 99.95 ? 1 : 0;
  return number(value, digits) + units[unit];
}

std::string significant(double value, int digits) {
  std::array<char, 64> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, digits).ptr;
  return with_minus(std::string(buffer.data(), end));
}

std::string whole(long long value) { return std::to_string(value); }

std::string coordinate(double value) {
  std::string out = fixed(value, 2);
  while (out.ends_with('0')) out.pop_back();
  if (out.ends_with('.')) out.pop_back();
  return out;
}

std::string counted(double count, const char* one, const char* many) {
  return grouped(count) + " " + (count == 1 ? one : many);
}

void put_bar(std::string& page, double share, const char* colour, double mark) {
  put(page, "<svg class=\"bar ", colour, "\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
      "<rect class=\"track\" width=\"100\" height=\"10\"/><rect width=\"",
      coordinate(100 * std::clamp(share, 0.0, 1.0)), "\" height=\"10\" fill=\"currentColor\"/>");
  if (mark >= 0) {
    const std::string x = coordinate(100 * std::min(mark, 1.0));
    put(page, "<path class=\"mark\" d=\"M", x, " 0V10\"/>");
  }
  put(page, "</svg>");
}

std::string whole_page(const std::string& title, const std::string& body) {
  std::string page;
  put(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" "
      "content=\"light dark\">\n",
      "<title>", escaped(title), "</title>\n<style>\n",
      std::string_view(mvmoe_report_style_begin, mvmoe_report_style_end), "</style>\n</head>\n<body>\n<main>\n", body,
      "</main>\n<footer>Written by <code>mvmoe</code>. This file needs no other.</footer>\n</body>\n</html>\n");
  return page;
}

}  // namespace mvmoe::report
