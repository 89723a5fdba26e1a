// Draws the 62 glyphs of one font with stb_truetype.
//
// All glyphs of a font share one scale and one baseline row, so that o, O and
// 0 differ by size the way they do on a page. The scale comes from the ink of
// the 62 glyphs themselves and not from the ascender and descender the font
// declares: fonts made for Telugu or Korean declare room for their own script,
// which would leave the letters tiny.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "glyphs.h"

#define STB_TRUETYPE_IMPLEMENTATION
#define STBTT_STATIC
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#include <stb/stb_truetype.h>
#pragma GCC diagnostic pop

namespace glyphs {
namespace {

// Ink stays inside these spans, which leaves a pixel or more around it.
constexpr float kInkHeight = 29.0f;
constexpr float kInkWidth = 30.0f;
// Height of H and row of the baseline in the shapes the clone search compares.
constexpr float kShapeHeight = 18.0f;
constexpr float kShapeBaseline = 23.0f;

// Ink box in font units; y grows upwards.
struct Box {
  int x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

Image draw(const stbtt_fontinfo& info, int glyph, const Box& box, float sx, float sy, float baseline) {
  // The ink is centred exactly, by a shift of less than a pixel: a symmetric
  // letter stays symmetric whatever its bearings are.
  const float left = kSide / 2.0f - sx * (box.x0 + box.x1) / 2.0f;
  const float whole = std::floor(left);
  const float row = std::floor(baseline);
  int x0, y0, x1, y1;
  stbtt_GetGlyphBitmapBoxSubpixel(&info, glyph, sx, sy, left - whole, baseline - row, &x0, &y0, &x1, &y1);
  Image image{};
  const int width = x1 - x0, height = y1 - y0;
  if (width <= 0 || height <= 0) return image;
  std::vector<unsigned char> bitmap(static_cast<std::size_t>(width) * height);
  stbtt_MakeGlyphBitmapSubpixel(&info, bitmap.data(), width, height, width, sx, sy, left - whole, baseline - row,
                                glyph);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const int to_x = x + x0 + static_cast<int>(whole);
      const int to_y = y + y0 + static_cast<int>(row);
      if (to_x < 0 || to_x >= kSide || to_y < 0 || to_y >= kSide) continue;
      const int grey = bitmap[static_cast<std::size_t>(y) * width + x];
      image[to_y * kSide + to_x] = static_cast<std::uint8_t>((grey * 15 + 127) / 255);
    }
  }
  return image;
}

// Draws a glyph stretched over the whole cell, so that only its shape is left:
// small capitals then equal the capitals.
Image draw_stretched(const stbtt_fontinfo& info, int glyph, const Box& box) {
  const float sx = 30.0f / (box.x1 - box.x0);
  const float sy = 30.0f / (box.y1 - box.y0);
  return draw(info, glyph, box, sx, sy, 1.0f + sy * box.y1);
}

}  // namespace

std::string render(Font& font) {
  std::ifstream in(font.file, std::ios::binary);
  if (!in) return "cannot be opened (is " + font.package + " installed?)";
  std::vector<unsigned char> bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  stbtt_fontinfo info;
  const int offset = stbtt_GetFontOffsetForIndex(bytes.data(), 0);
  if (offset < 0 || !stbtt_InitFont(&info, bytes.data(), offset)) return "not a font stb_truetype can read";

  std::array<int, kClasses> glyph{};
  std::array<Box, kClasses> box{};
  int top = -1 << 20, bottom = 1 << 20, widest = 1;
  for (int c = 0; c < kClasses; ++c) {
    const std::string letter(1, kLetters[c]);
    glyph[c] = stbtt_FindGlyphIndex(&info, kLetters[c]);
    Box& b = box[c];
    if (glyph[c] == 0) return "lacks the glyph " + letter;
    if (!stbtt_GetGlyphBox(&info, glyph[c], &b.x0, &b.y0, &b.x1, &b.y1) || b.x1 <= b.x0 || b.y1 <= b.y0)
      return "has no ink for " + letter;
    top = std::max(top, b.y1);
    bottom = std::min(bottom, b.y0);
    widest = std::max(widest, b.x1 - b.x0);
  }

  // Letters whose two cases differ in shape in every text face. When half of
  // them agree after stretching, the font has one case only.
  constexpr std::string_view kTwoShapes = "ABDEGHNQRT";
  int alike = 0;
  for (char letter : kTwoShapes) {
    const auto upper = kLetters.find(letter);
    const auto lower = kLetters.find(static_cast<char>(letter - 'A' + 'a'));
    if (glyph[upper] == glyph[lower] || distance(draw_stretched(info, glyph[upper], box[upper]),
                                                 draw_stretched(info, glyph[lower], box[lower])) < kPixels * 15 / 10)
      ++alike;
  }
  if (2 * alike >= static_cast<int>(kTwoShapes.size())) return "has one shape for upper and lower case";

  const float scale = std::min(kInkHeight / static_cast<float>(top - bottom), kInkWidth / static_cast<float>(widest));
  const float baseline = std::round((kSide + scale * static_cast<float>(top + bottom)) / 2.0f);
  const Box& h = box[kLetters.find('H')];
  const float shape = kShapeHeight / static_cast<float>(h.y1 - h.y0);
  for (int c = 0; c < kClasses; ++c) {
    font.images.push_back(draw(info, glyph[c], box[c], scale, scale, baseline));
    font.shapes.push_back(draw(info, glyph[c], box[c], shape, shape, kShapeBaseline));
  }
  font.kept.fill(true);
  return "";
}

}  // namespace glyphs
