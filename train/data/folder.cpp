// train/data/folder.cpp: reads a folder of image files with one folder for each class, laid out as ImageNet.
//
// Classes are the names of the folders, sorted byte by byte, as in torchvision. Links are followed. Here only the names
// and sizes of files are read; a file is opened when its image is asked for.
#include <strings.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "engine/error.h"
#include "engine/files.h"
#include "train/data/damaged.h"
#include "train/data/decode.h"
#include "train/data/image_names.h"
#include "train/data/readers.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

std::string shown(const fs::path& path) { return printable(path.string()); }

// True if the name is valid UTF-8. Weights and packs store the names of classes as JSON.
bool is_utf8(const std::string& name) {
  try {
    nlohmann::json(name).dump();
    return true;
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

// "a, b, c and 4 more"
std::string listed(const std::vector<std::string>& names) {
  constexpr std::size_t most = 3;
  std::string out;
  for (std::size_t i = 0; i < std::min(names.size(), most); ++i) out += (i > 0 ? ", " : "") + printable(names[i]);
  return names.size() > most ? out + text(" and ", names.size() - most, " more") : out;
}

struct ImageFile {
  std::string name;         // below the split's folder
  std::uint64_t bytes = 0;  // 0 if the file cannot be read
};

// Pictures of kinds that are not supported: their numbers, and the name of the first one.
struct Unread {
  std::map<std::string, int> count;  // by ending: `webp`
  std::string first;                 // below the split's folder

  void add(const std::string& ending, const fs::path& name) {
    if (count.empty()) first = name.string();
    ++count[ending];
  }
  // "28 .webp files"
  std::string what() const {
    std::string words;
    for (const auto& [ending, n] : count) words += text(words.empty() ? "" : ", ", n, " .", ending);
    return words + " files";
  }
};
constexpr const char* how_to_convert = "convert them to JPEG or PNG, say with ImageMagick's `mogrify -format png`";

struct ClassFolder {
  std::string name;
  std::vector<ImageFile> files;  // sorted by name
  Unread unread;
};

// A folder of class folders: train, val, or the data set's folder itself. Lists the classes and, if asked, their files.
class Scan {
 public:
  Scan(const fs::path& root, bool with_files, std::vector<std::string>& notes) : root_(root), notes_(notes) {
    if (!enter(root_)) return;
    for (const fs::path& name : entries(root_)) {
      struct stat status {};
      if (is_hidden(name)) {
        ++hidden_;
        continue;
      }
      if (stat((root_ / name).c_str(), &status) != 0 || !S_ISDIR(status.st_mode) || !enter(root_ / name)) continue;
      ClassFolder folder{.name = name.string(), .files = {}, .unread = {}};
      if (with_files) walk(name, folder);
      leave();
      std::sort(folder.files.begin(), folder.files.end(),
                [](const ImageFile& a, const ImageFile& b) { return a.name < b.name; });
      classes.push_back(std::move(folder));
    }
    std::sort(classes.begin(), classes.end(),
              [](const ClassFolder& a, const ClassFolder& b) { return a.name < b.name; });
    say("no files: passed over", no_files_);
    say("a folder, whose images count, and not a file", image_named_folders_);
    say("a link back to a folder that it is in: passed over", loops_);
    say_passed_over();
    if (classes.empty())
      fail(shown(root_), ": holds no folders, must hold one a class, with images (", read_endings, ") in it");
    for (const ClassFolder& folder : classes)
      if (!is_utf8(folder.name))
        fail(shown(root_ / folder.name),
             ": this class's name is not UTF-8, so weights cannot keep it: rename the folder");
  }

  std::vector<ClassFolder> classes;  // sorted by name

 private:
  void walk(const fs::path& folder, ClassFolder& into) {
    for (const fs::path& entry : entries(root_ / folder)) {
      const fs::path name = folder / entry;
      if (is_hidden(entry)) {
        ++hidden_;
        continue;
      }
      struct stat status {};
      const bool there = stat((root_ / name).c_str(), &status) == 0;
      if (there && S_ISDIR(status.st_mode)) {
        if (has_image_name(entry)) image_named_folders_.push_back(name.string());
        if (!enter(root_ / name)) continue;
        walk(name, into);
        leave();
      } else if (const std::string ending = unread_picture(entry); !ending.empty()) {
        into.unread.add(ending, name);
        unread_.add(ending, name);
      } else if (!has_image_name(entry)) {
        ++other_files_;
      } else if (there && !S_ISREG(status.st_mode)) {
        no_files_.push_back(name.string());  // opening a pipe would wait for a writer
      } else {
        into.files.push_back({.name = name.string(), .bytes = there ? static_cast<std::uint64_t>(status.st_size) : 0});
      }
    }
  }

  static std::vector<fs::path> entries(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::path> names;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      names.push_back(at->path().filename());
    if (error) fail(shown(folder), ": ", error.message());
    return names;
  }

  // The folders above this one, by device and inode. A link to one of them would never end.
  bool enter(const fs::path& folder) {
    struct stat status {};
    if (stat(folder.c_str(), &status) != 0) fail(shown(folder), ": ", std::strerror(errno));
    const std::pair<dev_t, ino_t> id{status.st_dev, status.st_ino};
    if (std::find(inside_.begin(), inside_.end(), id) != inside_.end()) {
      loops_.push_back(folder.lexically_relative(root_).string());
      return false;
    }
    inside_.push_back(id);
    return true;
  }
  void leave() { inside_.pop_back(); }

  void say_passed_over() {
    const std::string start = shown(root_) + ": ";
    if (other_files_ > 0)
      notes_.push_back(
          text(start, other_files_, " files that are no images by their names (", read_endings, ") are passed over"));
    if (hidden_ > 0)
      notes_.push_back(
          text(start, hidden_, " hidden files and folders (names that begin with . or @, __MACOSX) are passed over"));
    if (!unread_.count.empty())
      notes_.push_back(
          text(start, unread_.what(), " are not read, ", printable(unread_.first), " for one: ", how_to_convert));
  }

  void say(const char* what, const std::vector<std::string>& names) {
    if (!names.empty()) notes_.push_back(text(shown(root_), ": ", listed(names), ": ", what));
  }

  const fs::path root_;
  std::vector<std::string>& notes_;
  std::vector<std::pair<dev_t, ino_t>> inside_;
  std::vector<std::string> no_files_, image_named_folders_, loops_;
  int other_files_ = 0, hidden_ = 0;
  Unread unread_;
};

std::vector<std::string> names_of(const std::vector<ClassFolder>& classes) {
  std::vector<std::string> names;
  for (const ClassFolder& folder : classes) names.push_back(folder.name);
  return names;
}

std::vector<std::string> empty_ones(const std::vector<ClassFolder>& classes) {
  std::vector<std::string> names;
  for (const ClassFolder& folder : classes)
    if (folder.files.empty()) names.push_back(folder.name);
  return names;
}

// Throws if a class has no image. If it has pictures of kinds that are not supported, the error says so.
void require_images(const fs::path& root, const std::vector<ClassFolder>& classes) {
  for (const ClassFolder& folder : classes)
    if (folder.files.empty() && !folder.unread.count.empty())
      fail(shown(root / folder.name), ": holds ", folder.unread.what(), ", which are not read: ", how_to_convert);
  const std::vector<std::string> empty = empty_ones(classes);
  if (!empty.empty())
    fail(shown(root), ": no image (", read_endings, ") in ", listed(empty), ": remove what is no class");
}

// `names` are the classes in label order; each folder is one of them.
ImageSet image_set(const fs::path& root, std::vector<ClassFolder> folders, const std::vector<std::string>& names,
                   std::shared_ptr<DamagedImages> damaged) {
  ImageSet set;
  set.damaged = std::move(damaged);
  auto files = std::make_shared<std::vector<std::string>>();
  for (ClassFolder& folder : folders) {
    const auto label = static_cast<int>(std::lower_bound(names.begin(), names.end(), folder.name) - names.begin());
    for (ImageFile& file : folder.files) {
      const std::string line = text(file.name, '\0', file.bytes, '\n');
      set.crc32 = crc32_of({reinterpret_cast<const std::uint8_t*>(line.data()), line.size()}, set.crc32);
      set.labels.push_back(label);
      files->push_back(std::move(file.name));
    }
  }
  if (files->size() > std::numeric_limits<int>::max())
    fail(shown(root), ": holds ", files->size(), " images, too many");
  set.read = [root, files = std::move(files)](int index) {
    return read_image(root / (*files)[static_cast<std::size_t>(index)]);
  };
  return set;
}

// The first of `names` that is in `folder`, upper or lower case; empty if there is none. An exact match comes before
// one in another case. A name other than the first is reported in a note.
fs::path split_of(const fs::path& folder, const std::vector<std::string>& names, std::vector<std::string>& notes) {
  std::vector<std::string> held;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    held.push_back(at->path().filename().string());
  if (error && error != std::errc::no_such_file_or_directory) fail(shown(folder), ": ", error.message());
  std::sort(held.begin(), held.end());
  const auto same = [](const std::string& a, const std::string& b) { return strcasecmp(a.c_str(), b.c_str()) == 0; };
  for (const std::string& name : names) {
    auto found = std::find(held.begin(), held.end(), name);
    if (found == held.end())
      found = std::find_if(held.begin(), held.end(), [&](const auto& h) { return same(h, name); });
    if (found == held.end()) continue;
    struct stat status {};
    if (stat((folder / *found).c_str(), &status) != 0) continue;  // a broken link
    if (!S_ISDIR(status.st_mode)) fail(shown(folder / *found), ": Not a directory");
    if (*found != names.front())
      notes.push_back(text(shown(folder), ": ", printable(*found), "/ is taken for ", names.front(), "/"));
    return folder / *found;
  }
  return {};
}

}  // namespace

std::vector<std::string> images_in_folder(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (is_hidden(at->path().filename())) {
      at.disable_recursion_pending();
    } else if (has_image_name(at->path()) && at->is_regular_file(error)) {
      names.push_back(at->path().string());
    }
  }
  if (error) fail(shown(folder), ": ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}

DataSet load_folder(const fs::path& folder, bool strict, Wanted wanted) {
  DataSet data;
  data.mean = {0.485f, 0.456f, 0.406f};  // ImageNet's
  data.std = {0.229f, 0.224f, 0.225f};
  data.flip = true;
  const auto damaged = std::make_shared<DamagedImages>(strict);
  const fs::path train = split_of(folder, {"train"}, data.notes);
  const fs::path val = split_of(folder, {"val", "validation", "valid", "test"}, data.notes);
  const bool has_train = !train.empty(), has_val = !val.empty();
  if (has_train) {
    Scan scan(train, wanted != Wanted::test, data.notes);
    data.classes = names_of(scan.classes);
    if (wanted != Wanted::test) {
      require_images(train, scan.classes);
      data.train = image_set(train, std::move(scan.classes), data.classes, damaged);
    }
  }
  if (wanted != Wanted::train && (!has_train || has_val)) {
    const fs::path root = has_val ? val : folder;
    Scan scan(root, true, data.notes);
    const std::vector<std::string> empty = empty_ones(scan.classes), names = names_of(scan.classes);
    if (!has_train) data.classes = names;
    std::vector<std::string> unknown;
    std::set_difference(names.begin(), names.end(), data.classes.begin(), data.classes.end(),
                        std::back_inserter(unknown));
    if (!unknown.empty())
      fail(shown(root), ": ", listed(unknown), unknown.size() == 1 ? " is no class" : " are no classes", " of ",
           shown(train));
    if (!empty.empty()) data.notes.push_back(text(shown(root), ": no image (", read_endings, ") in ", listed(empty)));
    if (empty.size() == names.size()) require_images(root, scan.classes);
    data.test = image_set(root, std::move(scan.classes), data.classes, damaged);
  }
  return data;
}

}  // namespace mvmoe
