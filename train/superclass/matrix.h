// train/superclass/matrix.h: a matrix in double precision, some thousand classes square at most.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace mvmoe {

struct DoubleMatrix {
  int rows = 0, columns = 0;
  std::vector<double> values;  // [rows, columns]

  DoubleMatrix() = default;
  DoubleMatrix(int rows, int columns)
      : rows(rows), columns(columns), values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(columns)) {}

  std::span<double> operator[](int row) {
    return std::span(values).subspan(start(row), static_cast<std::size_t>(columns));
  }
  std::span<const double> operator[](int row) const {
    return std::span(values).subspan(start(row), static_cast<std::size_t>(columns));
  }
  double& at(int row, int column) { return values[start(row) + static_cast<std::size_t>(column)]; }
  double at(int row, int column) const { return values[start(row) + static_cast<std::size_t>(column)]; }

 private:
  std::size_t start(int row) const { return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns); }
};

}  // namespace mvmoe
