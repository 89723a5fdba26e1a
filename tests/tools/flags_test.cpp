// The command line as Flags::parse reads it. Wrong but plausible, and what shows it: a value cut at a comma, at its
// second `=`, at a newline or at a length; a value that begins with `-` taken for a flag; an empty value taken for
// none; values of a flag that is given again lost; `--` taken for a flag, or for the end of the flags where it is a
// value; a word with one dash taken apart into letters; another mistake named than the line's first; an exception of
// cxxopts.
#include "tools/mvmoe/flags.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/error.h"

namespace mvmoe {
namespace {

using Words = std::vector<std::string>;

// A command with a flag of each kind; its flags hold the addresses of the values.
struct Command {
  bool json = false, quiet = false;
  std::string data = "glyphs", pool = "cls";
  int epochs = 20;
  float lr = 1, shift = 0;
  std::vector<float> mean;
  Words files;
  Flags flags{"look --data SPEC [flags]", "Looks."};

  explicit Command(bool takes_files = false) {
    flags.add("json", json, "a switch");
    flags.add("quiet", quiet, "another");
    flags.add("data", data, "a text", "SPEC");
    flags.add_choice("pool", pool, "a choice", {"cls", "mean"});
    flags.add("epochs", epochs, "a whole number", 1);
    flags.add("lr", lr, "a number");
    flags.add("shift", shift, "a number that may be negative", -2);
    flags.add("mean", mean, "several numbers", "auto", -1);
    if (takes_files) flags.add_positional("FILE", files, "words without a flag");
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;
};

struct Parsed : Command {
  explicit Parsed(const Words& words, bool takes_files = false) : Command(takes_files) {
    EXPECT_TRUE(flags.parse(words));
  }
};

// The error in our words. Any other exception fails the test.
std::string error_of(const Words& words, bool takes_files = false) {
  Command command(takes_files);
  try {
    command.flags.parse(words);
  } catch (const UsageError& e) {
    return e.what();
  }
  return "none";
}

TEST(Flags, AreReadInEachForm) {
  const Parsed p({"--data", "mnist:a", "--epochs=3", "--json", "--quiet=false", "--pool", "mean"});
  EXPECT_EQ(p.data, "mnist:a");
  EXPECT_EQ(p.epochs, 3);
  EXPECT_TRUE(p.json);
  EXPECT_FALSE(p.quiet);
  EXPECT_EQ(p.pool, "mean");
  for (const char* name : {"data", "epochs", "json", "quiet", "pool"}) EXPECT_TRUE(p.flags.given(name)) << name;
  for (const char* name : {"lr", "shift", "mean"}) EXPECT_FALSE(p.flags.given(name)) << name;
}

TEST(Flags, TakeAValueAsItIs) {
  const std::string longest(1'000'000, 'x');
  for (const std::string& value :
       {std::string("a,b"), std::string("a=b=c"), std::string("=a=b"), std::string(), std::string(" a "),
        std::string("line\nline\n"), std::string("-1"), std::string("-"), std::string("--"), std::string("--json"),
        std::string("-json"), std::string("--data=b"), std::string("\xff\xc3"), longest}) {
    EXPECT_EQ(Parsed({"--data", value}).data, value) << value.substr(0, 100);
    EXPECT_EQ(Parsed({"--data=" + value}).data, value) << value.substr(0, 100);
    const Parsed p({"--data", value, "--epochs", "3"});
    EXPECT_EQ(p.data, value) << value.substr(0, 100);
    EXPECT_EQ(p.epochs, 3) << value.substr(0, 100);
    EXPECT_FALSE(p.json) << value.substr(0, 100);
  }
}

TEST(Flags, TakeANegativeNumber) {
  EXPECT_EQ(Parsed({"--shift", "-1"}).shift, -1);
  EXPECT_EQ(Parsed({"--shift=-1e-1"}).shift, -0.1f);
  EXPECT_EQ(error_of({"--lr", "-1"}), "--lr: -1 is out of range: must be at least 0");
  EXPECT_EQ(error_of({"--lr=-1"}), "--lr: -1 is out of range: must be at least 0");
}

TEST(Flags, GivenAgainReplaceOrAdd) {
  EXPECT_EQ(Parsed({"--epochs", "3", "--epochs=5", "--epochs", "4"}).epochs, 4);
  EXPECT_FALSE(Parsed({"--json", "--json=false"}).json);
  const Parsed p({"--mean", "0.5", "--json", "--mean=-0.25", "--mean", "-1", "--mean", "0.5"});
  EXPECT_EQ(p.mean, (std::vector<float>{0.5f, -0.25f, -1, 0.5f}));
}

TEST(Flags, DoNotTakeTheWordBehindASwitch) {
  EXPECT_EQ(error_of({"--json", "false"}), "'false' is one word too many: mvmoe look --data SPEC [flags]");
  const Parsed p({"--json", "false"}, true);
  EXPECT_TRUE(p.json);
  EXPECT_EQ(p.files, Words{"false"});
}

TEST(Flags, StandAmongPlainWords) {
  const Parsed p({"a", "--json", "", "--epochs", "3", "-", "b=c", "line\nline"}, true);
  EXPECT_EQ(p.files, (Words{"a", "", "-", "b=c", "line\nline"}));
  EXPECT_EQ(p.epochs, 3);
}

TEST(Flags, EndAtTwoDashes) {
  const Parsed p({"a", "--json", "--", "--quiet", "-b", "--", "--help", "--zebra"}, true);
  EXPECT_EQ(p.files, (Words{"a", "--quiet", "-b", "--", "--help", "--zebra"}));
  EXPECT_TRUE(p.json);
  EXPECT_FALSE(p.quiet);
  EXPECT_EQ(Parsed({"--json", "--"}).json, true);
  EXPECT_EQ(error_of({"--", "--json"}), "'--json' is one word too many: mvmoe look --data SPEC [flags]");
}

TEST(Flags, TakeTwoDashesForAValueOnlyBehindAFlagThatNeedsOne) {
  const Parsed p({"--data", "--", "--json", "--", "--quiet"}, true);
  EXPECT_EQ(p.data, "--");
  EXPECT_TRUE(p.json);
  EXPECT_EQ(p.files, Words{"--quiet"});
  const Parsed q({"--data=a", "--", "--quiet"}, true);
  EXPECT_EQ(q.data, "a");
  EXPECT_EQ(q.files, Words{"--quiet"});
}

TEST(Flags, MissTheirValueOnlyAtTheEnd) {
  EXPECT_EQ(error_of({"--json", "--data"}), "--data: its value is missing");
  EXPECT_EQ(error_of({"--data"}), "--data: its value is missing");
  EXPECT_EQ(error_of({"--epochs="}), "--epochs: '' is not a whole number");
  EXPECT_EQ(error_of({"--epochs", ""}), "--epochs: '' is not a whole number");
}

TEST(Flags, ThatDoNotExistAreNamedWhole) {
  const std::string all = " (mvmoe look --help lists all)";
  for (const bool takes_files : {false, true}) {
    EXPECT_EQ(error_of({"--epoch", "3"}, takes_files), "--epoch: no such flag: did you mean --epochs?" + all);
    EXPECT_EQ(error_of({"--epoch=3"}, takes_files), "--epoch: no such flag: did you mean --epochs?" + all);
    EXPECT_EQ(error_of({"-epochs", "3"}, takes_files), "-epochs: no such flag: did you mean --epochs?" + all);
    EXPECT_EQ(error_of({"-json"}, takes_files), "-json: no such flag: did you mean --json?" + all);
    for (const std::string word : {"-1", "-x", "--x", "---json", "--json.x", "--js\xc3\xb6n", "-x.y"})
      EXPECT_EQ(error_of({word}, takes_files).substr(0, word.size() + 14), word + ": no such flag") << word;
    EXPECT_EQ(error_of({"--zebra\n=3"}, takes_files), "--zebra\\x0a: no such flag" + all);
  }
}

TEST(Flags, NameTheFirstMistakeOfALine) {
  const std::string lr = "--lr: 'x' is not a number", zebra = "--zebra: no such flag (mvmoe look --help lists all)",
                    stray = "'stray' is one word too many: mvmoe look --data SPEC [flags]";
  EXPECT_EQ(error_of({"--lr", "x", "--zebra", "stray", "--data"}), lr);
  EXPECT_EQ(error_of({"--json", "--zebra", "--lr", "x", "stray", "--data"}), zebra);
  EXPECT_EQ(error_of({"--data", "a", "stray", "--zebra", "--lr", "x"}), stray);
  EXPECT_EQ(error_of({"--lr", "x", "--data"}), lr);
  EXPECT_EQ(error_of({"a", "--zebra", "b", "-y"}, true), zebra);
  // A word that is a value is not what is refused, even if the same word is refused later.
  EXPECT_EQ(error_of({"--data", "stray", "--lr", "1", "stray", "--zebra"}), stray);
  EXPECT_EQ(error_of({"--data", "-epochs", "-json"}),
            "-json: no such flag: did you mean --json? (mvmoe look --help lists all)");
}

TEST(Flags, AreFoundAmongManyWords) {
  Words words(100'000, "a.jpg");
  words.push_back("--json");
  EXPECT_EQ(Parsed(words, true).files.size(), 100'000u);
  words[70'000] = "-jsn";
  EXPECT_EQ(error_of(words, true).substr(0, 18), "-jsn: no such flag");
}

TEST(Flags, HoldNoZeroByte) {  // a study's file may name one
  using namespace std::string_literals;
  EXPECT_EQ(error_of({"--data=glyphs\0x"s}), "'--data=glyphs\\x00x' must not hold a zero byte");
  EXPECT_EQ(error_of({"--data", "\0"s}), "'\\x00' must not hold a zero byte");
}

}  // namespace
}  // namespace mvmoe
