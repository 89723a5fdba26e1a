// tools/report/html.h: what every part of the page is written with: names from outside made harmless, and numbers.
//
// A page is a std::string that plain functions append to. What comes from a file or the command line goes through
// `escaped` or `short_name` at the place where it is put; numbers through one of the functions below.
#pragma once
#include <string>
#include <string_view>

namespace mvmoe::report {

template <class... Parts>
void put(std::string& page, const Parts&... parts) {
  (page.append(parts), ...);
}

// For text and for quoted attributes, in HTML and in SVG: control characters and broken UTF-8 as \xNN (printable()),
// then & < > " ' as entities.
std::string escaped(std::string_view name);
// The same, cut after so many characters: for lists, where one long name must not push the others away.
std::string short_name(std::string_view name, int longest = 32);

std::string number(double value, int digits);         // 42.50, −1.20
std::string signed_number(double value, int digits);  // +2.41, −0.30
std::string grouped(double value);                    // 10,000
std::string abbreviated(double value);                // 12.3 M
std::string significant(double value, int digits);    // 0.00102, 1e-06: as short as it gets
std::string whole(long long value);                   // 1234: for names of things, and counts below a thousand
std::string coordinate(double value);                 // for SVG: at most two digits behind the point, a plain minus

// "1 class", "2 classes".
std::string counted(double count, const char* one, const char* many);

// A rectangle as long as `share` (0 to 1) of its cell, and a thin mark across at `mark` (none where below 0).
// `colour` is a class of style.css.
void put_bar(std::string& page, double share, const char* colour, double mark = -1);

// All around the parts: head with the style sheet, `body`, footer. `title` is plain text.
std::string whole_page(const std::string& title, const std::string& body);

}  // namespace mvmoe::report
