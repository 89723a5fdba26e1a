#include "train/data/image_names.h"

#include <algorithm>
#include <cctype>

namespace mvmoe {
namespace {

// `jpg` of x.JPG
std::string ending_of(const std::filesystem::path& path) {
  std::string ending = path.extension().string();
  if (!ending.empty()) ending.erase(0, 1);
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return ending;
}

// `endings` is a list as read_endings is.
bool is_one_of(const std::string& ending, const std::string& endings) {
  return (", " + endings + ",").find(", " + ending + ",") != std::string::npos;
}

}  // namespace

bool has_image_name(const std::filesystem::path& path) { return is_one_of(ending_of(path), read_endings); }

std::string unread_picture(const std::filesystem::path& path) {
  const std::string ending = ending_of(path);
  return is_one_of(ending, "webp, tif, tiff, avif, heic, heif, jp2, jxl") ? ending : "";
}

bool is_hidden(const std::filesystem::path& name) {
  const std::string text = name.string();
  return text.starts_with('.') || text.starts_with('@') || text == "__MACOSX";
}

}  // namespace mvmoe
