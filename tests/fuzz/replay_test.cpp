// Every input in tests/fuzz/corpus, read once more: those that broke a reader, and those that reach its every corner.
// Wrong but plausible, and what shows it: a corpus that is not there, or a reader without one, so that nothing is
// tried.
#include <gtest/gtest.h>

#include <algorithm>

#include "engine/files.h"
#include "tests/fuzz/input.h"

namespace mvmoe::fuzz {
namespace {

namespace fs = std::filesystem;
const fs::path corpus = "tests/fuzz/corpus";

class Corpus : public testing::TestWithParam<Reader> {};
INSTANTIATE_TEST_SUITE_P(Readers, Corpus, testing::ValuesIn(readers), [](const auto& info) { return info.param.name; });

TEST_P(Corpus, EachInputIsReadOrRefused) {
  const fs::path folder = corpus / GetParam().name;
  ASSERT_TRUE(fs::is_directory(folder)) << folder << " is not there (run from the repository's root)";
  int inputs = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    SCOPED_TRACE(entry.path().string());
    EXPECT_NO_THROW(GetParam().read(read_file(entry.path())));
    ++inputs;
  }
  EXPECT_GE(inputs, 5) << folder << " holds too few inputs to be a corpus";
}

TEST(CorpusFolders, EachBelongsToAReader) {
  for (const auto& entry : fs::directory_iterator(corpus)) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(std::any_of(std::begin(readers), std::end(readers), [&](const Reader& r) { return r.name == name; }))
        << name;
  }
}

TEST(FuzzedReaders, AnErrorOfTwoLinesIsAFind) {
  EXPECT_NO_THROW(expect_answer([] { fail("file: is damaged"); }));
  EXPECT_THROW(expect_answer([] { fail("file\n: is damaged"); }), std::logic_error);
  EXPECT_THROW(expect_answer([] { throw std::out_of_range("no Error"); }), std::out_of_range);
}

}  // namespace
}  // namespace mvmoe::fuzz
