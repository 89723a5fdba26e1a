// engine/gemm.h: the matrix product, in which nearly all time of a network is spent.
//
// A Matrix is a view with a row stride and a flag "read me transposed". So a product reads as in the derivation:
// gemm(dy.transposed(), x, dweight, {.beta = 1}) adds dy^T x to dweight.
#pragma once
#include "engine/tensor.h"

namespace mvmoe {

// Which implementation runs: the fastest one, or plain loops that a reader can follow. Each multiplies floats, or
// floats rounded to bf16 (both operands of every product, in backward too); sums of bf16 products are fp32. fast_bf16
// needs a processor with instructions for it (engine/gemm_bf16.h). plain_bf16 rounds the same way on any processor.
enum class Kernels { fast, plain, fast_bf16, plain_bf16 };

struct Matrix {
  float* data = nullptr;
  int rows = 0, columns = 0;  // as stored
  int stride = 0;             // floats from one stored row to the next, at least `columns`
  bool flipped = false;       // read transposed

  Matrix transposed() const { return {data, rows, columns, stride, !flipped}; }
  int height() const { return flipped ? columns : rows; }  // as read
  int breadth() const { return flipped ? rows : columns; }
};

inline Matrix matrix(Tensor t) { return {t.data(), t.rows(), t.width(), t.width()}; }

struct Factors {
  float alpha = 1;  // of the product
  float beta = 0;   // of the old c; 0 overwrites c, NaN too
};

// c = alpha a b + beta c, on the calling thread. Throws if the shapes do not fit or c is flipped.
void gemm(const Matrix& a, const Matrix& b, const Matrix& c, Factors factors = {}, Kernels kernels = Kernels::fast);

}  // namespace mvmoe
