#include "tools/report/matrix.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "tools/report/html.h"
#include "tools/report/png.h"

namespace mvmoe::report {
namespace {

constexpr double width = 640;  // of the matrix
constexpr int levels = 31;     // a matrix of 1000 x 1000 packs to half of what 255 levels need

double strength(double value, double highest) {
  return highest > 0 ? std::sqrt(std::clamp(value / highest, 0.0, 1.0)) : 0;
}

// As a grey picture, that serves as the mask of a rectangle in the page's colour: so it fits light and dark.
std::string mask_address(const Matrix& matrix, double highest) {
  std::vector<std::uint8_t> pixels;
  for (const double value : matrix.values)
    pixels.push_back(static_cast<std::uint8_t>(std::lround(strength(value, highest) * levels) * 255 / levels));
  return png_address(pixels, matrix.columns, matrix.rows, 1);
}

std::vector<int> strongest_cells(const Matrix& matrix) {
  constexpr std::size_t most = 400;
  std::vector<int> cells(matrix.values.size());
  std::iota(cells.begin(), cells.end(), 0);
  std::erase_if(cells, [&](int cell) { return matrix.values[static_cast<std::size_t>(cell)] <= 0; });
  std::stable_sort(cells.begin(), cells.end(), [&](int a, int b) {
    return matrix.values[static_cast<std::size_t>(a)] > matrix.values[static_cast<std::size_t>(b)];
  });
  cells.resize(std::min(cells.size(), most));
  return cells;
}

}  // namespace

void put_matrix(std::string& page, const MatrixPicture& p) {
  const Matrix& m = p.matrix;
  const double cell = width / m.columns, cell_height = p.cell_height > 0 ? p.cell_height : cell,
               height = cell_height * m.rows;
  // Left of it: the blocks' labels, then the rows' names.
  const double font = std::min(14.0, cell_height * 0.95);
  const bool names_fit = !p.row_names.empty() && font >= 9;
  std::size_t longest = 0;
  for (const std::string& name : p.row_names) longest = std::max(longest, std::min<std::size_t>(name.size(), 18));
  const double margin = 46 + (names_fit ? 8 + 0.6 * font * static_cast<double>(longest) : 0), label_x = 38;
  const auto rectangle = [&](const char* kind, double row, double column, double rows, double columns) {
    put(page, "<rect class=\"", kind, "\" x=\"", coordinate(margin + column * cell), "\" y=\"",
        coordinate(row * cell_height + 2), "\" width=\"", coordinate(columns * cell), "\" height=\"",
        coordinate(rows * cell_height), "\"");
  };
  put(page, "<svg class=\"matrix\" viewBox=\"0 0 ", coordinate(margin + width + 2), " ", coordinate(height + 4),
      "\" role=\"img\" aria-label=\"", p.title, "\">\n");
  put(page, "<mask id=\"", p.id, "\"><image class=\"", m.columns <= 500 ? "cells" : "many-cells", "\" x=\"",
      coordinate(margin), "\" y=\"2\" width=\"", coordinate(width), "\" height=\"", coordinate(height),
      "\" preserveAspectRatio=\"none\" href=\"", mask_address(m, p.highest), "\"/></mask>\n");
  rectangle("paper", 0, 0, m.rows, m.columns);
  put(page, "/><g class=\"", p.colour, "\">");
  rectangle("ink", 0, 0, m.rows, m.columns);
  put(page, " mask=\"url(#", p.id, ")\"/></g>\n");

  for (const int index : strongest_cells(m)) {
    const int row = index / m.columns, column = index % m.columns;
    rectangle("cell", row, column, 1, 1);
    put(page, "><title>", p.cell_title(row, column), "</title></rect>\n");
  }
  for (const Block& block : p.blocks) {
    if (block.columns > 0) {
      rectangle("outline", block.row, block.column, block.rows, block.columns);
      put(page, "/>");
    }
    if (!block.label.empty() && block.rows * cell_height >= 15)
      put(page, "<text x=\"", coordinate(label_x), "\" y=\"",
          coordinate((block.row + block.rows / 2.0) * cell_height + 7.5), "\" text-anchor=\"end\">", block.label,
          "</text>");
  }
  for (int row = 0; names_fit && row < m.rows; ++row)
    put(page, "<text class=\"row-name\" style=\"font-size:", coordinate(font), "px\" x=\"", coordinate(margin - 5),
        "\" y=\"", coordinate((row + 0.5) * cell_height + 2 + font * 0.35), "\" text-anchor=\"end\">",
        short_name(p.row_names[static_cast<std::size_t>(row)], 16), "</text>\n");
  put(page, "</svg>\n");
}

void put_scale(std::string& page, const std::string& colour, double highest) {
  constexpr int steps = 8;
  put(page, "<p class=\"scale\"><span>0</span><svg class=\"", colour,
      "\" viewBox=\"0 0 8 1\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
  for (int i = 0; i < steps; ++i)
    put(page, "<rect x=\"", whole(i), "\" width=\"1.02\" height=\"1\" fill=\"currentColor\" fill-opacity=\"",
        coordinate(static_cast<double>(i) / (steps - 1)), "\"/>");
  put(page, "</svg><span>", number(highest, highest < 10 ? 1 : 0), "\xE2\x80\xAF%</span></p>\n");
}

}  // namespace mvmoe::report
