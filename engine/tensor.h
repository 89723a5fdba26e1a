// engine/tensor.h: a shape, and a tensor: a view of floats with a shape. A tensor owns no memory.
//
// Everything is row-major and contiguous. Kernels see most tensors as R rows of the last axis' width:
// tokens [B, T, D] are B*T rows of width D.
#pragma once
#include <array>
#include <cstddef>
#include <initializer_list>
#include <iosfwd>
#include <string>

namespace mvmoe {

// Up to four axes, outermost first. A shape without axes belongs to an empty tensor (a gradient that is not wanted).
class Shape {
 public:
  static constexpr int max_axes = 4;

  Shape() = default;
  Shape(std::initializer_list<int> axes);  // throws on more than four axes or a negative one
  static Shape from(const int* axes, int count);

  int axes() const { return axes_; }
  int operator[](int axis) const { return size_[static_cast<std::size_t>(axis)]; }
  int back() const { return axes_ ? size_[static_cast<std::size_t>(axes_ - 1)] : 0; }
  std::size_t size() const;         // number of elements
  int rows() const;                 // product of all axes but the last
  Shape with_back(int size) const;  // the same shape with another last axis
  std::string string() const;       // "[8, 65, 192]"

  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<int, max_axes> size_{};
  int axes_ = 0;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);

class Tensor {
 public:
  Tensor() = default;
  Tensor(float* data, Shape shape) : data_(data), shape_(shape) {}

  // A const Tensor is a view that does not change; its floats may be written. A kernel's comment says what it writes.
  float* data() const { return data_; }
  const Shape& shape() const { return shape_; }
  bool empty() const { return data_ == nullptr; }
  std::size_t size() const { return shape_.size(); }
  int rows() const { return shape_.rows(); }
  int width() const { return shape_.back(); }
  float* row(int r) const { return data_ + static_cast<std::size_t>(r) * static_cast<std::size_t>(width()); }
  float& operator[](std::size_t i) const { return data_[i]; }

  Tensor reshaped(Shape shape) const;              // throws if the number of elements differs
  Tensor outer_slice(int first, int count) const;  // along the first axis
  void fill(float value) const;
  void copy_from(Tensor source) const;  // throws if the number of elements differs

 private:
  float* data_ = nullptr;
  Shape shape_;
};

}  // namespace mvmoe
