// Whole numbers in JSON. Wrong but plausible: what the library's own conversion does, which takes 2.5 for 2 and 2^32 + 2
// for 2, and for which 1e300 is undefined.
#include "engine/whole_number.h"

#include <gtest/gtest.h>

namespace mvmoe {
namespace {

using Json = nlohmann::json;

TEST(WholeNumber, FitsWhereGetGivesTheSame) {
  for (const char* text : {"0", "7", "-7", "2147483647", "-2147483648"}) EXPECT_TRUE(fits<int>(Json::parse(text))) << text;
  for (const char* text : {"2.5", "2.0", "1e300", "-1e300", "2147483648", "-2147483649", "4294967298", "\"2\"", "null", "true", "[2]"}) EXPECT_FALSE(fits<int>(Json::parse(text))) << text;
  for (const char* text : {"0", "4294967295"}) EXPECT_TRUE(fits<std::uint32_t>(Json::parse(text))) << text;
  for (const char* text : {"-1", "4294967296", "1.0"}) EXPECT_FALSE(fits<std::uint32_t>(Json::parse(text))) << text;
  EXPECT_TRUE(fits<std::uint64_t>(Json::parse("18446744073709551615")));
  EXPECT_FALSE(fits<std::uint64_t>(Json::parse("18446744073709551616")));  // a floating-point number to the parser
  EXPECT_FALSE(fits<std::uint64_t>(Json::parse("-1")));
}

TEST(WholeNumber, OtherKindsAreLeftToTheLibrary) {
  EXPECT_TRUE(fits<bool>(Json::parse("2")));
  EXPECT_TRUE(fits<double>(Json::parse("2.5")));
  EXPECT_TRUE(fits<std::string>(Json::parse("2")));
}

}  // namespace
}  // namespace mvmoe
