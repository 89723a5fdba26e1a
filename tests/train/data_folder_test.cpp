// Folders of images. Wrong but plausible, and what shows it: classes in the order of the file system or of the locale;
// a class of val counted by its place in val; a damaged image's stand-in that depends on who asked first, or is of
// another class; a link that never ends.
#include <sys/stat.h>
#include <unistd.h>

#include <numeric>
#include <set>
#include <thread>

#include "engine/files.h"
#include "tests/train/image_folder.h"
#include "train/data/damaged.h"
#include "train/data/readers.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

std::string error(const TemporaryFolder& folder) {
  return message_of([&] { load(folder); });
}

TEST(Folder, ClassesAreSortedByBytesAndFilesAreFound) {
  const TemporaryFolder folder;
  put(folder / "train/b/2.JPG", 10);
  put(folder / "train/b/1.png", 11);
  put(folder / "train/Z/deep/er/x.JpEg", 12);  // capitals come first, as torchvision has them
  put(folder / "train/\xC3\xA4 'quoted' \"twice\"/a b.png", 13);
  put(folder / "val/b/x.png", 14);
  put_file(folder / "train/b/notes.txt", "no image");
  put_file(folder / "train/no class.png", "in no class");
  const DataSet data = load(folder);
  EXPECT_EQ(data.classes, (std::vector<std::string>{"Z", "b", "\xC3\xA4 'quoted' \"twice\""}));
  EXPECT_EQ(data.train.labels, (std::vector<int>{0, 1, 1, 2}));
  std::vector<int> values;
  for (int i = 0; i < data.train.size(); ++i) values.push_back(value_of(data.train.read(i)));
  EXPECT_EQ(values, (std::vector<int>{12, 11, 10, 13}));
  EXPECT_EQ(data.test.labels, (std::vector<int>{1})) << "by its name, not by its place in val";
  ASSERT_EQ(data.notes.size(), 1u);
  EXPECT_EQ(
      data.notes[0],
      folder.string() +
          "/train: 1 files that are no images by their names (jpg, jpeg, jpe, jfif, png, bmp, gif) are passed over");
}

TEST(Folder, HiddenFilesAndFoldersAreNoImagesAndNoClasses) {
  const TemporaryFolder folder;
  for (const char* part : {"train", "val"}) {
    put(folder / part / "cat/1.png", 1);
    put(folder / part / "dog/1.png", 2);
    put(folder / part / ".ipynb_checkpoints/1-checkpoint.png", 3);
    put(folder / part / "@eaDir/1.png", 4);
    put(folder / part / "__MACOSX/1.png", 5);
    put(folder / part / "cat/.thumbnails/1.png", 6);
    put_file(folder / part / "cat/._1.png", "not a picture");
  }
  const DataSet data = load(folder);
  EXPECT_EQ(data.classes, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(data.train.labels, (std::vector<int>{0, 1}));
  EXPECT_EQ(data.test.labels, (std::vector<int>{0, 1}));
  const std::string what = ": 5 hidden files and folders (names that begin with . or @, __MACOSX) are passed over";
  EXPECT_EQ(data.notes, (std::vector<std::string>{folder.string() + "/train" + what, folder.string() + "/val" + what}));
  EXPECT_EQ(images_in_folder(folder / "train"),
            (std::vector<std::string>{folder.string() + "/train/cat/1.png", folder.string() + "/train/dog/1.png"}));
}

TEST(Folder, OtherNamesOfTheTestImagesAreTakenInOrderAndSaid) {
  const std::vector<std::string> names{"val", "VAL", "Validation", "valid", "test"};  // the first that is there counts
  for (std::size_t first = 0; first < names.size(); ++first) {
    const TemporaryFolder folder;
    put(folder / "train/cat/1.png", 1);
    for (std::size_t i = first; i < names.size(); ++i)
      put(folder / (names[i] + "/cat/1.png"), 10 + static_cast<int>(i));
    const DataSet data = load(folder);
    ASSERT_EQ(data.test.size(), 1);
    EXPECT_EQ(value_of(data.test.read(0)), 10 + static_cast<int>(first)) << names[first];
    const std::string note = folder.string() + ": " + names[first] + "/ is taken for val/";
    EXPECT_EQ(data.notes, first == 0 ? std::vector<std::string>{} : std::vector<std::string>{note});
  }
}

TEST(Folder, PicturesThatAreNotReadAreNamedWithTheWayOut) {
  const TemporaryFolder folder;
  const std::string way = ": convert them to JPEG or PNG, say with ImageMagick's `mogrify -format png`";
  put(folder / "train/dog/1.png", 1);
  put_file(folder / "train/dog/2.webp", "RIFF....WEBP");
  put(folder / "val/dog/1.png", 1);
  EXPECT_EQ(
      load(folder).notes,
      (std::vector<std::string>{folder.string() + "/train: 1 .webp files are not read, dog/2.webp for one" + way}));
  put_file(folder / "train/cat/1.WebP", "RIFF....WEBP");
  put_file(folder / "train/cat/2.webp", "RIFF....WEBP");
  put_file(folder / "train/cat/3.tif", "II*");
  EXPECT_EQ(error(folder), folder.string() + "/train/cat: holds 1 .tif, 2 .webp files, which are not read" + way);
}

TEST(Folder, HoldsValOnlyOrClassFoldersOnly) {
  for (const std::string below : {"val/", ""}) {
    const TemporaryFolder folder;
    put(folder / (below + "cat/1.png"), 1);
    put(folder / (below + "dog/1.png"), 2);
    const DataSet data = load(folder);
    EXPECT_EQ(data.classes, (std::vector<std::string>{"cat", "dog"}));
    EXPECT_EQ(data.test.size(), 2);
    EXPECT_EQ(data.train.size(), 0);
    EXPECT_EQ(message_of([&] { require_training_images(data); }),
              "--data: folder:" + folder.string() +
                  " has no training images: there must be train/CLASS/ with images beside val/CLASS/");
    require_test_images(data);
  }
}

TEST(Folder, WhatMakesNoDataSetIsNamed) {
  const TemporaryFolder folder;
  EXPECT_EQ(error(folder),
            folder.string() +
                ": holds no folders, must hold one a class, with images (jpg, jpeg, jpe, jfif, png, bmp, gif) in it");
  put(folder / "train/cat/1.png", 1);
  for (const char* name : {"a", "b", "c", "d"}) fs::create_directory(folder / (std::string("train/") + name));
  EXPECT_EQ(
      error(folder),
      folder.string() +
          "/train: no image (jpg, jpeg, jpe, jfif, png, bmp, gif) in a, b, c and 1 more: remove what is no class");
  for (const char* name : {"a", "b", "c", "d"}) fs::remove(folder / (std::string("train/") + name));
  EXPECT_EQ(message_of([&] { require_test_images(load(folder)); }),
            "--data: folder:" + folder.string() + " has no test images: there must be val/CLASS/ with images");
  put(folder / "val/cow/1.png", 1);
  EXPECT_EQ(error(folder), folder.string() + "/val: cow is no class of " + folder.string() + "/train");
  fs::remove_all(folder / "val");
  fs::create_directories(folder / "val/cat");
  EXPECT_EQ(error(folder),
            folder.string() + "/val: no image (jpg, jpeg, jpe, jfif, png, bmp, gif) in cat: remove what is no class");
  fs::remove_all(folder / "val");
  put_file(folder / "val", "a file");
  EXPECT_EQ(error(folder), folder.string() + "/val: Not a directory");
  fs::remove(folder / "val");
  put(folder / "train/caf\xE9/1.png", 1);  // Latin-1: weights could not keep the name
  EXPECT_EQ(error(folder),
            folder.string() +
                "/train/caf\\xe9: this class's name is not UTF-8, so weights cannot keep it: rename the folder");
}

TEST(Folder, LinksAreFollowedAndLoopsEnd) {
  const TemporaryFolder folder;
  put(folder / "elsewhere/1.png", 7);
  fs::create_directory_symlink(folder / "elsewhere", folder / "class");
  fs::create_directories(folder / "other");
  fs::create_symlink(folder / "elsewhere/1.png", folder / "other/link.png");
  fs::create_directory_symlink(folder.path(), folder / "other/back");
  fs::create_symlink("self.png", folder / "other/self.png");
  fs::create_symlink("nowhere", folder / "other/broken.jpg");
  mkfifo((folder / "other/pipe.jpg").c_str(), 0600);
  fs::create_directory(folder / "other/folder.png");
  const DataSet data = load(folder);
  EXPECT_EQ(data.classes, (std::vector<std::string>{"class", "elsewhere", "other"}));
  EXPECT_EQ(data.test.labels, (std::vector<int>{0, 1, 2, 2, 2})) << "two that cannot be read are images all the same";
  EXPECT_EQ(value_of(data.test.read(0)), 7);
  EXPECT_EQ(data.notes, (std::vector<std::string>{
                            folder.string() + ": other/pipe.jpg: no files: passed over",
                            folder.string() + ": other/folder.png: a folder, whose images count, and not a file",
                            folder.string() + ": other/back: a link back to a folder that it is in: passed over"}));
}

TEST(Folder, OnlyThePartThatIsWantedIsLookedAt) {
  const TemporaryFolder folder;
  put(folder / "train/b/1.png", 1);
  put(folder / "val/b/1.png", 2);
  fs::create_directories(folder / "train/a");  // no image in it
  const auto part = [&](Wanted wanted) { return load_dataset("folder:" + folder.string(), false, wanted); };
  EXPECT_EQ(error(folder),
            folder.string() + "/train: no image (jpg, jpeg, jpe, jfif, png, bmp, gif) in a: remove what is no class");
  const DataSet test = part(Wanted::test);
  EXPECT_EQ(test.classes, (std::vector<std::string>{"a", "b"})) << "those of the whole, in their order";
  EXPECT_EQ(test.test.labels, std::vector<int>{1});
  EXPECT_EQ(test.train.size(), 0);
  fs::create_directories(folder / "val/c");  // no class of train
  EXPECT_EQ(message_of([&] { part(Wanted::test); }),
            folder.string() + "/val: c is no class of " + folder.string() + "/train");
  put(folder / "train/a/1.png", 3);
  const DataSet train = part(Wanted::train);
  EXPECT_EQ(train.train.labels, (std::vector<int>{0, 1}));
  EXPECT_EQ(train.test.size(), 0);
}

TEST(Folder, AStandInIsAFunctionOfSeedAndIndex) {
  const DamagedFolder damaged;
  const auto stand_ins = [&](std::uint64_t seed, std::vector<int> order) {
    const DataSet data = load(damaged.folder);
    std::vector<int> values(8);
    for (const int i : order) values[static_cast<std::size_t>(i)] = value_of(image_or_stand_in(data.test, i, seed));
    return values;
  };
  std::set<int> drawn;
  bool each_its_own = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<int> values = stand_ins(seed, {0, 1, 2, 3, 4, 5, 6, 7});
    EXPECT_EQ(values, stand_ins(seed, {7, 6, 2, 1, 5, 4, 0, 3})) << "whoever asks first";
    for (const int whole : {0, 3, 4, 5, 7}) EXPECT_EQ(values[static_cast<std::size_t>(whole)], whole);
    for (const int broken : {1, 2})
      EXPECT_TRUE((std::set<int>{0, 3, 4}.contains(values[static_cast<std::size_t>(broken)])))
          << "of its class, and whole";
    EXPECT_TRUE((std::set<int>{5, 7}.contains(values[6])));
    drawn.insert(values.begin() + 1, values.begin() + 3);
    each_its_own |= values[1] != values[2];
  }
  EXPECT_EQ(drawn.size(), 3u) << "each may stand in";
  EXPECT_TRUE(each_its_own) << "drawn for each image by itself";
}

TEST(Folder, DamagedImagesAreNamedOnce) {
  const DamagedFolder damaged;
  const DataSet data = load(damaged.folder);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int round = 0; round < 5; ++round)
        for (int i = 0; i < 8; ++i) image_or_stand_in(data.test, i, 3);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(data.test.damaged->images(), 3);
  std::vector<std::string> news = data.test.damaged->news("left out");
  std::sort(news.begin(), news.end());
  const std::string start = damaged.folder.string() + "/val/";
  EXPECT_EQ(news, (std::vector<std::string>{start + "a/1.png: PNG is cut short: left out",
                                            start + "a/2.png: is no JPEG, PNG, BMP or GIF: left out",
                                            start + "b/6.png: No such file or directory: left out"}));
  EXPECT_TRUE(data.test.damaged->news("left out").empty());
}

TEST(Folder, ManyDamagedImagesAreCounted) {
  DamagedImages damaged(false);
  for (int i = 0; i < 500; ++i) damaged.add("image " + std::to_string(i));
  const auto news = damaged.news("left out");
  ASSERT_EQ(news.size(), 10u);
  EXPECT_EQ(news[9], "image 9: left out");
  EXPECT_EQ(damaged.grown(), 500);
  EXPECT_EQ(damaged.grown(), 0) << "said already";
  damaged.add("image 9");
  EXPECT_EQ(damaged.grown(), 0) << "known already";
  damaged.add("one more");
  EXPECT_TRUE(damaged.news("left out").empty());
  EXPECT_EQ(damaged.grown(), 501);
}

TEST(Folder, StrictMakesADamagedImageAnError) {
  const DamagedFolder damaged;
  const DataSet data = load(damaged.folder, true);
  EXPECT_EQ(message_of([&] { image_or_stand_in(data.test, 1, 0); }),
            damaged.folder.string() + "/val/a/1.png: PNG is cut short (--strict)");
}

TEST(Folder, AClassWithoutAnyReadableImageIsAnError) {
  const TemporaryFolder folder;
  put(folder / "a/1.png", 1);
  fs::create_directory(folder / "b");
  for (const char* name : {"b/1.png", "b/2.png"}) put_file(folder / name, "");
  const DataSet data = load(folder);
  EXPECT_EQ(message_of([&] { image_or_stand_in(data.test, 1, 0); }),
            folder.string() + "/b/1.png: is empty, and its class has no other image that can be read");
}

TEST(Folder, APartReadsItsOwnImages) {
  const TemporaryFolder folder;
  for (int i = 0; i < 6; ++i) put(folder / text("a/", i, ".png"), i);
  const DataSet data = load(folder);
  const ImageSet part = part_of(data.test, {false, true, false, true, true, false}, true);
  std::vector<int> values;
  for (int i = 0; i < part.size(); ++i) values.push_back(value_of(part.read(i)));
  EXPECT_EQ(values, (std::vector<int>{1, 3, 4}));
  EXPECT_EQ(part.damaged, data.test.damaged);
}

TEST(Folder, TheChecksumIsOfNamesSizesAndLabels) {
  const TemporaryFolder one, two;
  for (const TemporaryFolder* folder : {&one, &two}) {
    put(*folder / "a/1.png", 1);
    put(*folder / "b/2.png", 2);
  }
  const std::uint32_t before = crc32_of(load(one).test);
  EXPECT_EQ(crc32_of(load(two).test), before) << "wherever it stands";
  fs::rename(two / "b/2.png", two / "b/3.png");
  EXPECT_NE(crc32_of(load(two).test), before);
  fs::rename(two / "b/3.png", two / "b/2.png");
  put(two / "b/2.png", 2, 20, 20);
  EXPECT_NE(crc32_of(load(two).test), before);
}

}  // namespace
}  // namespace mvmoe
