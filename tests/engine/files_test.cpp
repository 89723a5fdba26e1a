#include "engine/files.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <thread>

#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

std::string contents(const std::filesystem::path& path) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  return {bytes.begin(), bytes.end()};
}

TEST(Printable, KeepsUtf8AndEscapesTheRest) {
  EXPECT_EQ(printable("plain name.bin"), "plain name.bin");
  EXPECT_EQ(printable("Grüße 猫 🦊"), "Grüße 猫 🦊");
  EXPECT_EQ(printable("a\nb\x1b[31m\x7f"), "a\\x0ab\\x1b[31m\\x7f");
  EXPECT_EQ(printable(std::string_view("\0x", 2)), "\\x00x");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m")
      << "a C1 control starts escape sequences too";
  EXPECT_EQ(printable("a\xe2\x80\xae"
                      "b"),
            "a\\xe2\\x80\\xaeb")
      << "right-to-left override";
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xc0\xaf \xe0\x80\xaf \xed\xa0\x80 \xf4\x90\x80\x80"),
            "\\xc0\\xaf \\xe0\\x80\\xaf \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80")
      << "overlong, surrogate, beyond the last";
  EXPECT_EQ(printable("\xc3\xa9\xc3"), "é\\xc3");
}

TEST(Files, WhatIsWrittenIsRead) {
  const TemporaryFolder folder;
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65536}, std::size_t{300'001}}) {
    std::vector<std::uint8_t> bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + i / 256);
    write_file(folder / "file", bytes);
    EXPECT_EQ(read_file(folder / "file"), bytes);
    EXPECT_EQ(read_file(folder / "file", size), bytes);
  }
  EXPECT_EQ(folder.entries(), 1) << "no temporary may stay";
}

TEST(Files, WritingReplacesAndKeepsTheRights) {
  const TemporaryFolder folder;
  write_file(folder / "file", std::string_view("a longer old text"));
  chmod((folder / "file").c_str(), 0640);
  write_file(folder / "file", std::string_view("new"));
  EXPECT_EQ(contents(folder / "file"), "new");
  struct stat status {};
  ASSERT_EQ(stat((folder / "file").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST(Files, WritingFollowsALink) {
  const TemporaryFolder folder;
  write_file(folder / "real", std::string_view("old"));
  std::filesystem::create_symlink("real", folder / "link");
  write_file(folder / "link", std::string_view("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(contents(folder / "real"), "new");
}

TEST(Files, ReadErrorsNameThePathAndTheReason) {
  const TemporaryFolder folder;
  const std::string path = (folder / "none").string();
  EXPECT_EQ(message_of([&] { read_file(path); }), path + ": No such file or directory");
  EXPECT_EQ(message_of([&] { read_file(folder.path()); }), folder.string() + ": Is a directory");
  EXPECT_EQ(message_of([&] { read_file(folder / "a\nb"); }), folder.string() + "/a\\x0ab: No such file or directory");
  write_file(path, std::string_view("12345"));
  EXPECT_EQ(message_of([&] { read_file(path, 4); }), path + ": has 5 bytes, must have at most 4");
  EXPECT_EQ(message_of([&] { read_file("/dev/zero", 100); }), "/dev/zero: has more than 100 bytes")
      << "no size is known before";
}

TEST(Files, WriteErrorsNameThePathAndTheReason) {
  const TemporaryFolder folder;
  const std::string inside = (folder / "none/file").string();
  EXPECT_EQ(message_of([&] { write_file(inside, std::string_view("x")); }), inside + ": No such file or directory");
  EXPECT_EQ(message_of([&] { write_file(folder.path(), std::string_view("x")); }),
            folder.string() + ": Is a directory");
  EXPECT_EQ(folder.entries(), 0);
  EXPECT_EQ(message_of([&] { sync_folder(folder / "none"); }),
            (folder / "none").string() + ": No such file or directory");
}

// A device is written to and not replaced by a file.
TEST(Files, AFullDeviceIsAnError) {
  EXPECT_EQ(message_of([&] { write_file("/dev/full", std::string_view("x")); }), "/dev/full: No space left on device");
  EXPECT_NO_THROW(write_file("/dev/null", std::string_view("x")));
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

// A limit on a file's size stands in for a full disk: write fails half-way.
TEST(Files, AFailedWriteLeavesTheOldFileAndNoTemporary) {
  const TemporaryFolder folder;
  const std::string path = (folder / "file").string();
  write_file(path, std::string_view("precious"));
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{100'000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = message_of([&] { write_file(path, std::vector<std::uint8_t>(300'000)); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, path + ": File too large");
  EXPECT_EQ(contents(path), "precious");
  EXPECT_EQ(folder.entries(), 1);
}

TEST(Files, AnUnfinishedWriterLeavesNothing) {
  const TemporaryFolder folder;
  {
    FileWriter writer(folder / "file");
    writer.write(bytes_of("half"));
    EXPECT_EQ(folder.entries(), 1);
    EXPECT_FALSE(std::filesystem::exists(folder / "file"));
  }
  EXPECT_EQ(folder.entries(), 0);
}

TEST(Files, ThreadsMayWriteTheSameFile) {
  const TemporaryFolder folder;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i)
        write_file(folder / "file", std::vector<std::uint8_t>(5000, static_cast<std::uint8_t>(t)));
    });
  for (std::thread& t : threads) t.join();
  const std::vector<std::uint8_t> bytes = read_file(folder / "file");
  EXPECT_EQ(bytes, std::vector<std::uint8_t>(5000, bytes.at(0)));
  EXPECT_EQ(folder.entries(), 1);
}

TEST(Files, Crc32IsZlibs) {
  EXPECT_EQ(crc32_of(bytes_of("123456789")), 0xCBF43926u);
  EXPECT_EQ(crc32_of({}), 0u);
  EXPECT_EQ(crc32_of(bytes_of("6789"), crc32_of(bytes_of("12345"))), 0xCBF43926u);
}

}  // namespace
}  // namespace mvmoe
