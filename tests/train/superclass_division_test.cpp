// Divisions and their file: any class names come back, a file edited by hand is read as it is meant, slips are named.
// Wrong but plausible, and what shows it: super-classes numbered anew on reading (expert j is the file's line j), sizes
// of a random division that differ by two, the notes deciding what the list should.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "train/superclass/division_file.h"

namespace mvmoe {
namespace {

const std::vector<std::string> letters{"a", "b", "c", "d", "e"};

TEST(Division, RandomIsBalancedAndFollowsTheSeed) {
  std::vector<std::string> classes;
  for (int c = 0; c < 23; ++c) classes.push_back(std::to_string(c));
  for (const int E : {1, 2, 5, 22, 23}) {
    std::vector<std::vector<int>> seen;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const SuperClasses d = random_division(classes, E, seed);
      const std::vector<int> sizes = d.sizes();
      EXPECT_EQ(d.of_class.size(), 23u);
      EXPECT_EQ(sizes.size(), static_cast<std::size_t>(E));
      EXPECT_EQ(*std::min_element(sizes.begin(), sizes.end()), 23 / E);
      EXPECT_EQ(*std::max_element(sizes.begin(), sizes.end()), (23 + E - 1) / E);
      EXPECT_EQ(d.of_class, random_division(classes, E, seed).of_class);
      EXPECT_EQ(d.of_class, numbered_by_lowest_class(d.of_class));
      seen.push_back(d.of_class);
    }
    if (E == 1 || E == 23) continue;
    std::sort(seen.begin(), seen.end());
    EXPECT_GT(std::unique(seen.begin(), seen.end()) - seen.begin(), 15) << E;
  }
}

TEST(Division, RefusesWhatCannotBe) {
  const auto message = [](int classes, int experts, int largest) {
    return message_of<UsageError>([&] { check_division(classes, experts, largest); });
  };
  EXPECT_EQ(message(5, 6, 0), "--experts: 6 super-classes of 5 classes, must be from 1 to 5 (none may be empty)");
  EXPECT_EQ(message(5, 0, 0), "--experts: 0 super-classes of 5 classes, must be from 1 to 5 (none may be empty)");
  EXPECT_EQ(message(62, 10, 6), "--max-size: 10 super-classes of at most 6 do not hold 62 classes, must be at least 7");
  check_division(62, 10, 7);
  check_division(5, 5, 1);
}

TEST(Division, IsNumberedByTheLowestClass) {
  EXPECT_EQ(numbered_by_lowest_class({3, 1, 3, 0, 1}), (std::vector<int>{0, 1, 0, 2, 1}));
}

TEST(DivisionFile, ComesBackWithAnyNames) {
  const TemporaryFolder folder;
  const std::vector<std::string> classes{"plain",
                                         "a,b",
                                         "say \"no\"",
                                         "two\nlines",
                                         "",
                                         "\x1b[31m<b>&amp;</script>",
                                         "\xc3\xa9t\xc3\xa9",
                                         "\\",
                                         "bad\xff utf8",
                                         std::string("nul\0", 4)};
  const SuperClasses d{.classes = classes,
                       .of_class = {0, 1, 1, 0, 2, 2, 0, 2, 1, 0},
                       .count = 3,
                       .method = "spectral",
                       .seed = 18446744073709551615u,
                       .eigenvalues = {0, 0.25, 1.0 / 3}};
  write_superclasses(folder / "s.json", d);
  const SuperClasses read = read_superclasses(folder / "s.json", classes, 3);
  EXPECT_EQ(read.of_class, d.of_class);
  EXPECT_EQ(read.classes, classes);
  EXPECT_EQ(read.count, 3);
  EXPECT_EQ(read.method, "spectral");
  EXPECT_EQ(read.seed, d.seed);
  EXPECT_EQ(read.eigenvalues, (std::vector<double>{0, 0.25, 0.333333}));
  EXPECT_EQ(folder.entries(), 1);
}

TEST(DivisionFile, IsMadeToBeRead) {
  const TemporaryFolder folder;
  write_superclasses(folder / "s.json",
                     {.classes = letters, .of_class = {0, 1, 0, 1, 1}, .count = 2, .method = "random", .seed = 4});
  const auto bytes = read_file(folder / "s.json");
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()),
            "{\n  \"method\": \"random\",\n  \"seed\": 4,\n  \"superclasses\": [\n    [\"a\", \"c\"],\n    [\"b\", "
            "\"d\", \"e\"]\n  ],\n  \"eigenvalues\": []\n}\n");
}

TEST(DivisionFile, TheListDecidesAndKeepsItsOrder) {
  const TemporaryFolder folder;
  write_file(
      folder / "s.json",
      std::string_view(
          "{\"superclasses\": [[\"e\", \"b\"], [\"a\"], [\"d\", \"c\"]], \"mine\": {\"a\": 1}, \"eigenvalues\": [5]}"));
  const SuperClasses read = read_superclasses(folder / "s.json", letters, 7);  // fewer than experts is allowed
  EXPECT_EQ(read.of_class, (std::vector<int>{1, 0, 2, 2, 0}));
  EXPECT_EQ(read.count, 3);
  EXPECT_EQ(read.sizes(), (std::vector<int>{2, 1, 2}));
  EXPECT_EQ(read.members()[2], (std::vector<int>{2, 3}));
}

TEST(DivisionFile, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  const auto complaint = [&](std::string_view text) {
    write_file(folder / "s.json", text);
    const std::string all = message_of([&] { read_superclasses(folder / "s.json", letters, 3); }),
                      file = folder.string() + "/s.json: ";
    return all.starts_with(file) ? all.substr(file.size()) : all;
  };
  const auto lists = [&](const std::string& inside) { return complaint("{\"superclasses\": [" + inside + "]}"); };
  const std::string form = "must be an object with \"superclasses\", a list of lists of class names";
  for (const char* text : {"[]", "3", "{}", "{\"superclasses\": 3}", "{\"superclasses\": {\"a\": []}}", "null"})
    EXPECT_EQ(complaint(text), form) << text;
  for (const char* text : {"", "{", "{\"superclasses\": [[\"a\"]", "a,b\n", "\xff"})
    EXPECT_TRUE(complaint(text).starts_with("is not valid JSON at its byte ")) << complaint(text);
  EXPECT_EQ(complaint(std::string(1'000'000, '[')), "is nested too deeply");
  EXPECT_EQ(complaint("{\"superclasses\": [[\"a\"]], \"superclasses\": []}"), "names 'superclasses' twice");
  EXPECT_EQ(lists("[\"a\",\"b\"],[\"c\",\"d\"]"), "the class 'e' is in no super-class");
  EXPECT_EQ(lists(""), "the class 'a' is in no super-class");
  EXPECT_EQ(lists("[\"a\",\"b\"],[\"c\",\"d\",\"e\",\"a\"]"), "'a' stands in super-class 0 and again in 1");
  EXPECT_EQ(lists("[\"a\",\"a\"]"), "'a' stands in super-class 0 and again in 0");
  EXPECT_EQ(lists("[\"a\",\"x\\n\"]"), "super-class 0 names 'x\\x0a', which is no class of the data");
  EXPECT_EQ(lists("[\"a\",\"b\",\"c\",\"d\",\"e\"],[]"), "super-class 1 is empty, must hold a class");
  EXPECT_EQ(lists("\"a\""), "super-class 0 is not a list of class names");
  EXPECT_EQ(lists("[1]"), "super-class 0 holds 1, must hold class names (strings)");
  const std::string deep =
      std::string(1'000'000, '[') + std::string(1'000'000, ']');  // to walk through it would overflow the stack
  EXPECT_EQ(lists("[" + deep + "]"), "is nested too deeply");
  EXPECT_EQ(lists("[[\"a\"]]"), "super-class 0 holds a list or an object, must hold class names (strings)");
  EXPECT_EQ(lists("[1e999]"), "is not valid JSON");
  EXPECT_EQ(complaint("{\"superclasses\": [[\"a\",\"b\",\"c\",\"d\",\"e\"]], \"method\": 3}"),
            "\"method\" must be a string");
  EXPECT_EQ(complaint("{\"superclasses\": [[\"a\",\"b\",\"c\",\"d\",\"e\"]], \"seed\": -1}"),
            "\"seed\" must be a whole number");
  EXPECT_EQ(complaint("{\"superclasses\": [[\"a\",\"b\",\"c\",\"d\",\"e\"]], \"eigenvalues\": [\"x\"]}"),
            "\"eigenvalues\" must be a list of numbers");

  write_file(folder / "s.json", std::string_view("{\"superclasses\": [[\"a\",\"b\"],[\"c\"],[\"d\",\"e\"]]}"));
  EXPECT_EQ(message_of<UsageError>([&] { read_superclasses(folder / "s.json", letters, 2); }),
            folder.string() + "/s.json: holds 3 super-classes, more than --experts 2");
  EXPECT_EQ(message_of([&] {
              read_superclasses(folder / "s.json", {"a", "b", "a"}, 3);
            }),
            "the data set: two classes are named 'a', must be told apart by name");
}

}  // namespace
}  // namespace mvmoe
