// tools/report/matrix.h: a matrix of shares as a picture, one cell an entry, in the page's colours.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "train/superclass/matrix.h"

namespace mvmoe::report {

using Matrix = DoubleMatrix;

struct Block {  // a rectangle of cells to outline (none where it has no columns)
  int row = 0, column = 0, rows = 0, columns = 0;
  std::string label;  // stands left of it, where there is room; plain text of ours
};

struct MatrixPicture {
  std::string id;      // of this picture, its own on the page
  std::string title;   // for those who do not see it; plain text of ours
  std::string colour;  // a class of style.css
  const Matrix& matrix;
  std::vector<Block> blocks;
  double cell_height = 0;  // in units of 640 for the matrix's width; 0: cells are squares
  double highest = 0;      // the value of full colour; the colour grows with the root, so that small values show
  std::vector<std::string> row_names;               // on the left, where there is room; as they came from outside
  std::function<std::string(int, int)> cell_title;  // what a cell says when pointed at, as HTML text
};

// The strongest few hundred cells can be pointed at.
void put_matrix(std::string& page, const MatrixPicture& picture);

// The colours between 0 and `highest` percent, with their values.
void put_scale(std::string& page, const std::string& colour, double highest);

}  // namespace mvmoe::report
