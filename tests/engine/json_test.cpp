// JSON from a stranger. Wrong but plausible: what the library does alone. Of two values of one name it keeps the last;
// a value nested deeply overflows the stack when it is printed; 2.5 and 2^32 + 2 become 2, and 1e300 is undefined.
#include "engine/json.h"

#include <gtest/gtest.h>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

using Json = nlohmann::json;

TEST(Json, IsRefusedWhereItIsNoneOrMeansTwoThings) {
  const auto complaint = [](const std::string& text) { return message_of([&] { parse_json("file: it", text); }); };
  EXPECT_EQ(complaint(""), "file: it is not valid JSON at its byte 1");
  EXPECT_EQ(complaint("{\"a\": 1"), "file: it is not valid JSON at its byte 8");
  EXPECT_EQ(complaint("[1e999]"), "file: it is not valid JSON");
  EXPECT_EQ(complaint("{\"a\\n\": 1, \"a\\n\": 2}"), "file: it names 'a\\x0a' twice");
  EXPECT_EQ(complaint(std::string(1'000'000, '[')), "file: it is nested too deeply");
  EXPECT_EQ(complaint("{\"a\":" + std::string(9, '[') + std::string(9, ']') + "}"), "file: it is nested too deeply");
  EXPECT_EQ(parse_json("", "{\"a\": {\"a\": 1}, \"b\": [[[[[[[2]]]]]]]}").dump(),
            "{\"a\":{\"a\":1},\"b\":[[[[[[[2]]]]]]]}");
}

TEST(WholeNumber, FitsWhereGetGivesTheSame) {
  for (const char* text : {"0", "7", "-7", "2147483647", "-2147483648"})
    EXPECT_TRUE(fits<int>(Json::parse(text))) << text;
  for (const char* text :
       {"2.5", "2.0", "1e300", "-1e300", "2147483648", "-2147483649", "4294967298", "\"2\"", "null", "true", "[2]"})
    EXPECT_FALSE(fits<int>(Json::parse(text))) << text;
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
