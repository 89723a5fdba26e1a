// Files that the reference safetensors library wrote are read here, and what is written here is what that library was
// seen to read (tools/golden/safetensors_files.py). Wrong but plausible: padding behind the header taken for a part of
// it or of the data, an empty tensor refused, a type read as another of its size.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/files.h"
#include "engine/safetensors.h"
#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

const Metadata metadata{{"format", "pt"}, {"quotes", "a \"b\" \\ c\nnew line\t猫 Grüße"}};

TEST(SafetensorsReference, ItsFilesAreRead) {
  const SafetensorsFile file("tests/golden/safetensors/reference.safetensors");
  EXPECT_EQ(file.metadata(), metadata);
  EXPECT_EQ(file.entries().size(), 10u);
  EXPECT_EQ(file.verify(), 0) << "it has no checksums";
  const auto expect_tenths = [&](const char* name, float (*rounded)(double)) {
    float is[7];
    file.read(name, Tensor(is, {7}));
    for (int i = 0; i < 7; ++i) EXPECT_EQ(is[i], rounded((i - 3) / 10.0)) << name << "[" << i << "]";
  };
  const auto as_float = [](double x) { return static_cast<float>(x); };
  expect_tenths("f32", as_float);
  expect_tenths("f64", as_float);
  // To 11 and to 8 bits of the fraction, to the even one where two are as near.
  expect_tenths("f16", [](double x) {
    return x == 0
               ? 0.0f
               : static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(x, 10 - std::ilogb(x))), std::ilogb(x) - 10));
  });
  expect_tenths("bf16", [](double x) {
    return x == 0 ? 0.0f
                  : static_cast<float>(std::ldexp(std::nearbyint(std::ldexp(x, 7 - std::ilogb(x))), std::ilogb(x) - 7));
  });
  float scalar = 0, axes[24], none = 0;
  file.read("scalar", Tensor(&scalar, {1}));
  EXPECT_EQ(scalar, 2.5f);
  file.read("empty", Tensor(&none, {3, 0}));
  file.read("four.axes", Tensor(axes, {1, 2, 3, 4}));
  for (int i = 0; i < 24; ++i) EXPECT_EQ(axes[i], static_cast<float>(i));
  for (const auto& [name, dtype] : {std::pair{"i64", "I64"}, std::pair{"u8", "U8"}, std::pair{"flags", "BOOL"}})
    EXPECT_EQ(file.find(name)->dtype, dtype);
  EXPECT_EQ(message_of([&] { file.read("i64", Tensor(axes, {3})); }),
            "tests/golden/safetensors/reference.safetensors: tensor 'i64' is of dtype I64: F32, F16, BF16 and F64 can "
            "be read");
}

TEST(SafetensorsReference, WhatIsWrittenHereIsWhatItRead) {
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> odd{0.1f, -0.0f, infinity, -infinity, 1e-45f, 3.4028235e38f}, four(24), one{42}, none(1);
  for (std::size_t i = 0; i < four.size(); ++i) four[i] = static_cast<float>(i) / 7;
  TemporaryFolder folder;
  const auto path = folder / "ours.safetensors";
  write_safetensors(path,
                    {{"odd", {odd.data(), {2, 3}}},
                     {"empty", {none.data(), {0, 4}}},
                     {"four.axes", {four.data(), {1, 2, 3, 4}}},
                     {"Grüße \"猫\"", {one.data(), {1}}}},
                    metadata);
  EXPECT_EQ(read_file(path), read_file("tests/golden/safetensors/ours.safetensors"));
}

}  // namespace
}  // namespace mvmoe
