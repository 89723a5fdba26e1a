#include "tools/mvmoe/explanations.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/files.h"
#include "train/data/encode.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

Explanations::Explanations(const std::string& path, const std::vector<std::string>& images) : path_(path) {
  if (path.empty()) return;
  std::error_code error;
  const std::string ending = lower_case(path_.extension().string()), shown = printable(path);
  folder_ = fs::is_directory(path_, error) || ending != ".png";
  if (!folder_) {
    if (images.size() != 1 || images[0] == "-" || fs::is_directory(images[0], error))
      fail_usage("--explain: ", shown, " is one picture: of several images, name a folder");
    return;
  }
  if (ending == ".jpg" || ending == ".jpeg")
    fail_usage("--explain: ", shown, ": pictures are PNG: name a folder or FILE.png");
  if (fs::exists(path_, error) && !fs::is_directory(path_, error))
    fail("--explain: ", shown, " is a file, must be a folder or end in .png");
  fs::create_directories(path_, error);
  if (error) fail("--explain: ", shown, ": ", error.message());
}

std::string Explanations::write(const std::string& file, const Image& picture) {
  std::error_code error;
  fs::path target = path_;
  if (folder_) {
    const fs::path image = fs::path(file).has_parent_path() ? fs::path(file).parent_path() : fs::path(".");
    if (fs::equivalent(image, path_, error))
      fail_usage("--explain: ", printable(path_.string()), " holds the image ", printable(file),
                 ": name another folder");
    const std::string stem = fs::path(file).stem().string();
    std::string name = stem;
    for (int i = 2; !taken_.insert(name).second; ++i) name = text(stem, '-', i);
    target /= name + ".png";
  } else if (fs::equivalent(file, path_, error)) {
    fail_usage("--explain: ", printable(path_.string()), " is the image itself: name another file");
  }
  write_file(target, encode_png(picture.rgb.data(), picture.width, picture.height, 3));
  return target.string();
}

}  // namespace mvmoe
