// Shared types of the glyph tool: one font of the table, its 62 images, and
// the steps that turn the table into train/data/glyphs.gz.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace glyphs {

inline constexpr int kSide = 32;
inline constexpr int kPixels = kSide * kSide;
inline constexpr int kClasses = 62;
inline constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// Pixels are kept as 16 grey levels (0 = background, 15 = ink): a reader
// multiplies by 17 to get 0..255.
using Image = std::array<std::uint8_t, kPixels>;

struct Font {
  // Columns of fonts.csv.
  std::string package, version, licence, group, family, style, file;
  // One image per class, in the order of kLetters.
  std::vector<Image> images;
  // The same letters with all fonts scaled to one height of the capital H: a
  // copy of a typeface is found by these even when a longer tail of its Q
  // changed the scale of the images.
  std::vector<Image> shapes;
  // False once an image was dropped as a duplicate or to balance the classes.
  std::array<bool, kClasses> kept{};
  bool test = false;

  std::string name() const { return family + " / " + style; }
};

// font_table.cpp: reads the table; throws std::runtime_error with one line.
std::vector<Font> read_table(const std::string& path);

// render.cpp: draws the 62 images. Returns an empty string, or why the font
// has to be left out.
std::string render(Font& font);

// clones.cpp: the sum of absolute level differences.
int distance(const Image& a, const Image& b);
// Joins the groups of fonts that look the same; prints what it joined.
void join_clones(std::vector<Font>& fonts);
// Prints the nearest same-class pairs left between train and test.
void report_nearest(const std::vector<Font>& fonts);

// split.cpp: sets Font::test by group, then drops duplicates and balances.
void split_by_group(std::vector<Font>& fonts);
void drop_duplicates(std::vector<Font>& fonts);
void balance(std::vector<Font>& fonts);

// One side of the data as it is stored.
struct Side {
  std::vector<Image> images;
  std::vector<std::uint8_t> labels;
  std::vector<std::string> families;
};
Side collect(const std::vector<Font>& fonts, bool test);

// pack.cpp: writes the file and reads it back; returns its size in bytes.
std::size_t write_data(const std::string& path, const Side& train, const Side& test);

// check.cpp: accuracy of a 1-nearest-neighbour classifier and its most
// confused pairs of classes.
void check_nearest_neighbour(const Side& train, const Side& test);

// sheet.cpp: PNG pages with one row per font, to be looked at by a person.
void write_sheets(const std::string& prefix, const std::vector<Font>& fonts);

}  // namespace glyphs
