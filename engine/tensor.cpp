#include "engine/tensor.h"

#include <algorithm>
#include <ostream>

#include "engine/error.h"

namespace mvmoe {

Shape::Shape(std::initializer_list<int> axes) : Shape(from(axes.begin(), static_cast<int>(axes.size()))) {}

Shape Shape::from(const int* axes, int count) {
  if (count > max_axes) fail("shape: ", count, " axes given, at most ", max_axes, " are supported");
  Shape shape;
  shape.axes_ = count;
  for (int i = 0; i < count; ++i) {
    if (axes[i] < 0) fail("shape: axis ", i, " is ", axes[i], ", must not be negative");
    shape.size_[static_cast<std::size_t>(i)] = axes[i];
  }
  return shape;
}

std::size_t Shape::size() const {
  if (axes_ == 0) return 0;
  std::size_t product = 1;
  for (int i = 0; i < axes_; ++i) product *= static_cast<std::size_t>((*this)[i]);
  return product;
}

Shape Shape::with_back(int size) const {
  Shape shape = *this;
  if (axes_) shape.size_[static_cast<std::size_t>(axes_ - 1)] = size;
  return shape;
}

int Shape::rows() const {
  if (axes_ == 0) return 0;
  int product = 1;
  for (int i = 0; i + 1 < axes_; ++i) product *= (*this)[i];
  return product;
}

std::string Shape::string() const {
  std::string out = "[";
  for (int i = 0; i < axes_; ++i) out += (i ? ", " : "") + std::to_string((*this)[i]);
  return out + "]";
}

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.string(); }

Tensor Tensor::reshaped(Shape shape) const {
  if (shape.size() != size()) fail("reshape: ", shape_, " cannot become ", shape, ": the number of elements differs");
  return {data_, shape};
}

Tensor Tensor::outer_slice(int first, int count) const {
  if (shape_.axes() == 0 || first < 0 || count < 0 || first + count > shape_[0])
    fail("slice: rows ", first, " to ", first + count, " are not inside ", shape_);
  std::array<int, Shape::max_axes> axes{};
  std::size_t inner = 1;
  for (int i = 0; i < shape_.axes(); ++i) {
    axes[static_cast<std::size_t>(i)] = i == 0 ? count : shape_[i];
    if (i > 0) inner *= static_cast<std::size_t>(shape_[i]);
  }
  return {data_ + static_cast<std::size_t>(first) * inner, Shape::from(axes.data(), shape_.axes())};
}

void Tensor::fill(float value) const { std::fill_n(data_, size(), value); }

void Tensor::copy_from(Tensor source) const {
  if (source.size() != size()) fail("copy: ", source.shape(), " does not fit into ", shape_);
  std::copy_n(source.data(), size(), data_);
}

}  // namespace mvmoe
