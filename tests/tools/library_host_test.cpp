// The C interface inside somebody else's program, which has threads, signals, children, a locale and files that change.
// Wrong but plausible, and what shows it: a handler that runs while oneDNN has the stack pointer in use; a lock that a
// child inherits; a thread or a file that stays behind; weights that are read from the file when an image comes; a text
// cut inside a character.
#include <gtest/gtest.h>
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/files.h"
#include "tests/models/products.h"
#include "tests/tools/library_helpers.h"

namespace mvmoe::library {
namespace {

namespace fs = std::filesystem;

const MoeConfig by_token{.experts = 4, .layers = 1, .top_k = 2, .routing = Routing::token};

int entries_of(const char* folder) {
  return static_cast<int>(std::distance(fs::directory_iterator(folder), fs::directory_iterator{}));
}

std::vector<float> logits_for_photo(const Model& model) {
  const Said said = ask(model, photo);
  EXPECT_TRUE(said) << mvmoe_error();
  return said ? logits_of(said, mvmoe_classes(model.get())) : std::vector<float>{};
}

std::atomic<int> products, handled_in_products, handled;

TEST(LibraryHost, SignalsWaitWhileANetworkComputes) {
  const Model model = load(golden_weights);
  struct sigaction ours {
  }, before{};
  ours.sa_handler = [](int) { ++handled; };
  sigaction(SIGUSR1, &ours, &before);
  products = handled_in_products = handled = 0;
  at_each_product = [] {
    const int already = handled;
    raise(SIGUSR1);  // returns when this thread has handled it, unless it must wait
    handled_in_products += handled - already;
    ++products;
  };
  const std::vector<float> logits = logits_for_photo(model);
  at_each_product = nullptr;
  EXPECT_GT(products, 0) << "or nothing was tried";
  EXPECT_EQ(handled_in_products, 0);
  EXPECT_EQ(handled, 1) << "it came when the network was done";
  raise(SIGUSR1);
  EXPECT_EQ(handled, 2) << "the caller's signals are as they were";
  sigaction(SIGUSR1, &before, nullptr);
  EXPECT_EQ(logits, logits_for_photo(model));
}

TEST(LibraryHost, AChildMayUseTheModel) {
  TemporaryFolder folder;
  const Model model = load(write_network(folder / "w.safetensors", by_token));
  const std::vector<float> expected = logits_for_photo(model);
  const pid_t child = fork();
  if (child == 0) _exit(logits_for_photo(model) == expected && load(golden_weights) ? 0 : 1);
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

TEST(LibraryHost, LeavesNoThreadAndNoFileBehind) {
  TemporaryFolder folder;
  const fs::path weights = write_network(folder / "w.safetensors", by_token), damaged = folder / "damaged.safetensors";
  const std::vector<std::uint8_t> whole = read_file(weights);
  put_file(damaged, std::span(whole).first(whole.size() / 2));
  const int threads = entries_of("/proc/self/task"), files = entries_of("/proc/self/fd");
  for (int i = 0; i < 3; ++i) {
    const Model model = load(weights);
    logits_for_photo(model);
    EXPECT_FALSE(load(damaged));
    EXPECT_FALSE(load(folder / "gone.safetensors"));
    EXPECT_FALSE(ask(model, weights));
    EXPECT_EQ(entries_of("/proc/self/task"), threads);
  }
  EXPECT_EQ(entries_of("/proc/self/fd"), files);
}

TEST(LibraryHost, WhatBecomesOfTheFileChangesNothing) {
  TemporaryFolder folder;
  const fs::path weights = write_network(folder / "w.safetensors", by_token);
  const Model model = load(weights);
  const std::vector<float> expected = logits_for_photo(model);
  put_file(weights, "x");  // the same file, now shorter
  EXPECT_EQ(logits_for_photo(model), expected);
  fs::remove(weights);
  EXPECT_EQ(logits_for_photo(model), expected);
}

// Another program writes the file anew again and again: what is loaded meanwhile is the whole, or an error.
TEST(LibraryHost, AFileThatIsWrittenWhileItIsLoaded) {
  TemporaryFolder folder;
  const fs::path weights = write_network(folder / "w.safetensors", by_token);
  const std::vector<std::uint8_t> whole = read_file(weights);
  const std::vector<float> expected = logits_for_photo(load(weights));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::size_t i = 0; !done; ++i) {
      fs::resize_file(weights, i * 4099 % whole.size());
      put_file(weights, whole);
    }
  });
  int loaded = 0, errors = 0;
  for (int i = 0; i < 300; ++i) {
    const Model model = load(weights);
    if (model) EXPECT_EQ(logits_for_photo(model), expected);
    else EXPECT_TRUE(is_one_line(mvmoe_error())) << mvmoe_error();
    ++(model ? loaded : errors);
  }
  done = true;
  writer.join();
  EXPECT_GT(errors, 0) << loaded << " loaded";
}

TEST(LibraryHost, APipeIsAnErrorAndNotAWait) {
  TemporaryFolder folder;
  const fs::path pipe = folder / "w.safetensors";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_FALSE(load(pipe));
  EXPECT_EQ(mvmoe_error(), pipe.string() + ": is not a regular file");
}

// Names of two and three bytes a character, so that the text's end falls on each of their bytes.
TEST(LibraryHost, AnErrorIsCutBetweenCharacters) {
  TemporaryFolder folder;
  int cut = 0;
  for (const std::string character : {"\xC3\xA4", "\xE2\x82\xAC"})
    for (int shift = 0; shift < 4; ++shift) {
      std::string tensor(static_cast<std::size_t>(shift), 'x'), file = "../";
      for (int i = 0; i < 300; ++i) tensor += character, file += character;
      const fs::path index = folder / "index.json";
      put_file(index, nlohmann::json{{"weight_map", {{tensor, file}}}}.dump());
      EXPECT_FALSE(load(index));
      const std::string error = mvmoe_error();
      EXPECT_NO_THROW(nlohmann::json(error).dump())
          << "not UTF-8: ends in ..." << printable(error.substr(error.size() - 6));
      EXPECT_LE(error.size(), 1023u);
      cut += error.size() >= 1020;
    }
  EXPECT_EQ(cut, 8) << "or nothing was tried";
}

TEST(LibraryHost, EightThreadsLoadPredictAndFree) {
  TemporaryFolder folder;
  const std::vector<fs::path> networks{
      write_network(folder / "dense.safetensors", {}),
      write_network(folder / "superclass.safetensors", {.experts = 3, .layers = 1, .routing = Routing::superclass}),
      write_network(folder / "token.safetensors", by_token)};
  std::vector<std::vector<float>> expected;
  for (const fs::path& network : networks) expected.push_back(logits_for_photo(load(network)));
  std::vector<std::thread> team;
  for (std::size_t t = 0; t < 8; ++t)
    team.emplace_back([&, t] {
      for (std::size_t i = 0; i < 12; ++i) {
        const std::size_t one = (i + t) % networks.size();
        const Model model = load(networks[one]);
        ASSERT_TRUE(model) << mvmoe_error();
        EXPECT_EQ(logits_for_photo(model), expected[one]);
        const std::string missing = "missing-" + std::to_string(t) + "-" + std::to_string(i);
        EXPECT_FALSE(load(missing));
        EXPECT_EQ(mvmoe_error(), missing + ": No such file or directory");
      }
    });
  for (std::thread& thread : team) thread.join();
}

TEST(LibraryHost, InsideTheCallersOwnParallelRegion) {
  const Model model = load(golden_weights);
  const std::vector<float> expected = logits_for_photo(model);
  std::atomic<int> same{0};
#pragma omp parallel num_threads(4)
  {
    omp_set_num_threads(3);
    if (logits_for_photo(model) == expected && omp_get_max_threads() == 3) ++same;
  }
  EXPECT_EQ(same, 4);
}

// What mvmoe.h promises of the stack, in a thread that has no more.
TEST(LibraryHost, ASmallStackIsEnough) {
  pthread_attr_t attributes;
  ASSERT_EQ(pthread_attr_init(&attributes), 0);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 256 << 10), 0);
  pthread_t thread;
  const auto work = [](void*) -> void* {
    const Model model = load(golden_weights);
    static bool all_right;
    all_right = model && ask(model, photo) && ask(model, "tests/golden/images/progressive.jpg") &&
                ask(model, "tests/golden/images/alpha16.png");
    return &all_right;
  };
  ASSERT_EQ(pthread_create(&thread, &attributes, work, nullptr), 0);
  pthread_attr_destroy(&attributes);
  void* all_right = nullptr;
  ASSERT_EQ(pthread_join(thread, &all_right), 0);
  EXPECT_TRUE(*static_cast<bool*>(all_right));
}

}  // namespace
}  // namespace mvmoe::library
