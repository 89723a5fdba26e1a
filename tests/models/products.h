// tests/models/products.h: who wants to be called while oneDNN multiplies: by the test program's own dnnl_sgemm, which
// stands in executed_macs_test.cpp.
#pragma once
#include <atomic>

namespace mvmoe {

extern std::atomic<void (*)()> at_each_product;  // null: nobody

}  // namespace mvmoe
