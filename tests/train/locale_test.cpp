// A program that uses the library may have set any locale: in most of Europe 1234567.5 is 1.234.567,5. Nothing that is
// written to be read again may follow that.
#include <locale>

#include "engine/safetensors.h"
#include "tests/engine/helpers.h"
#include "train/log/log_csv.h"

namespace mvmoe {
namespace {

struct CommaForPoint : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

class OtherLocale : public testing::Test {
 protected:
  void TearDown() override { std::locale::global(before_); }

 private:
  std::locale before_ = std::locale::global(std::locale(std::locale::classic(), new CommaForPoint));
};

TEST_F(OtherLocale, TextsAreTheSame) {
  EXPECT_EQ(text("lr ", 0.5, ", ", 1234567, " images"), "lr 0.5, 1234567 images");
}

TEST_F(OtherLocale, AFileOfTensorsIsTheSame) {
  const TemporaryFolder folder;
  std::vector<float> values(5000, 0.5f);
  write_safetensors(folder / "w", {{"w", Tensor(values.data(), {5000})}}, {});
  const SafetensorsFile file(folder / "w");
  std::vector<float> read(5000);
  file.read("w", Tensor(read.data(), {5000}));
  EXPECT_EQ(read, values);
}

TEST_F(OtherLocale, ARowOfTheLogIsTheSame) {
  const TemporaryFolder folder;
  append_row(
      folder / "log.csv",
      {.epoch = 1, .steps = 12345, .learning_rate = 0.5, .train_loss = 2.25, .images_per_s = 1500, .seconds = 2.5});
  std::ifstream file(folder / "log.csv");
  std::string header, row;
  std::getline(file, header);
  std::getline(file, row);
  EXPECT_EQ(row, "1,12345,0.5,2.25,,,,,,,1500,2.5,,,,");
}

}  // namespace
}  // namespace mvmoe
