// tests/tools/page_checker.h: an HTML page, judged as a browser would read it.
#pragma once
#include <gtest/gtest.h>

#include <cctype>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

namespace mvmoe::report {

inline bool is_name_byte(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '!'; }

// What is wrong with the page: a tag that is not closed or closes another, an attribute without quotes or given twice,
// a < or & that begins nothing, an id given twice. Empty where nothing is.
inline std::string complaint_about(const std::string& page) {
  const std::set<std::string> empty_tags{"meta", "img", "br", "!DOCTYPE"};
  std::vector<std::string> open;
  std::set<std::string> ids;
  const auto around = [&](std::size_t at) { return ": " + page.substr(at, 60); };
  for (std::size_t i = 0; i < page.size(); ++i) {
    if (page[i] == '&') {
      const std::string entity = page.substr(i, page.find(';', i) - i + 1);
      if (!std::set<std::string>{"&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&nbsp;"}.contains(entity))
        return "an & that begins nothing" + around(i);
    }
    if (page[i] == '>') return "a > that ends nothing" + around(i);
    if (page[i] != '<') continue;
    const std::size_t start = i++;
    const bool closing = page[i] == '/';
    if (closing) ++i;
    std::string name;
    while (i < page.size() && is_name_byte(page[i])) name += page[i++];
    if (name.empty()) return "a < that begins nothing" + around(start);
    std::set<std::string> attributes;
    bool self_closing = false;
    while (page[i] != '>') {
      if (i >= page.size()) return "a tag without end" + around(start);
      if (page[i] == ' ' || page[i] == '\n') {
        ++i;
        continue;
      }
      if (page[i] == '/') {
        self_closing = true;
        ++i;
        continue;
      }
      std::string attribute, value;
      while (is_name_byte(page[i])) attribute += page[i++];
      if (attribute.empty()) return "no attribute" + around(start);
      if (page[i] == '=') {
        if (page[++i] != '"') return "an attribute without quotes" + around(start);
        for (++i; page[i] != '"'; ++i) {
          if (i + 1 >= page.size()) return "quotes without end" + around(start);
          if (page[i] == '<') return "a < in an attribute" + around(start);
          value += page[i];
        }
        ++i;
      }
      if (!attributes.insert(attribute).second) return "an attribute twice" + around(start);
      if (attribute == "id" && !ids.insert(value).second) return "an id twice" + around(start);
    }
    if (closing) {
      if (open.empty() || open.back() != name)
        return "</" + name + "> closes " + (open.empty() ? "nothing" : open.back()) + around(start);
      open.pop_back();
    } else if (name == "style") {  // its text is not HTML
      i = page.find("</style>", i);
      if (i == std::string::npos) return "style without end";
      i += 7;
    } else if (!self_closing && !empty_tags.contains(name)) {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : open.back() + " is not closed";
}

// Everything the page would fetch or run.
inline std::string outside_reference(const std::string& page) {
  for (const char* word :
       {"http:", "https:", "<script", "<link", "<iframe", "@import", "javascript:", " on", "=//", "\"//"})
    for (std::size_t at = page.find(word); at != std::string::npos; at = page.find(word, at + 1)) {
      if (std::string(word) != " on") return page.substr(at, 60);
      const std::size_t equals = page.find_first_not_of("abcdefghijklmnopqrstuvwxyz", at + 1);
      if (page.substr(equals, 2) == "=\"") return page.substr(at, 60);  // an event's attribute
    }
  for (const char* attribute : {"src=\"", "href=\"", "url("})
    for (std::size_t at = page.find(attribute); at != std::string::npos; at = page.find(attribute, at + 1)) {
      const std::string value = page.substr(at + std::string(attribute).size(), 15);
      if (!value.starts_with("#") && !value.starts_with("data:image/png;")) return page.substr(at, 60);
    }
  return "";
}

inline void expect_sound(const std::string& page) {
  EXPECT_EQ(complaint_about(page), "");
  EXPECT_EQ(outside_reference(page), "");
  EXPECT_TRUE(page.starts_with("<!DOCTYPE html>\n"));
  for (std::size_t at = page.find("href=\"#"); at != std::string::npos; at = page.find("href=\"#", at + 1)) {
    const std::string id = page.substr(at + 7, page.find('"', at + 7) - at - 7);
    EXPECT_NE(page.find("id=\"" + id + "\""), std::string::npos) << "a link to " << id << ", which is not there";
  }
  EXPECT_NO_THROW(nlohmann::json(page).dump()) << "the page is not UTF-8";
}

inline int count(const std::string& page, const std::string& text) {
  int n = 0;
  for (std::size_t at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) ++n;
  return n;
}

inline bool has(const std::string& page, const std::string& text) { return count(page, text) > 0; }

}  // namespace mvmoe::report
