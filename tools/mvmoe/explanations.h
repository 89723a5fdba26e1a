// tools/mvmoe/explanations.h: where `predict --explain` writes its pictures.
#pragma once
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "train/data/image.h"

namespace mvmoe {

class Explanations {
 public:
  // `path` ends in .png: the picture of the one image of `images`. Else a folder, made if need be: NAME.png for
  // NAME.jpg, NAME-2.png for the second image of that name. Empty: none are written. Throws UsageError that names the
  // flag where several images would be one picture, Error where the folder cannot be made.
  Explanations(const std::string& path, const std::vector<std::string>& images);

  bool wanted() const { return !path_.empty(); }

  // Writes the picture of an image file and gives its path. Throws UsageError rather than write over or among the
  // images.
  std::string write(const std::string& file, const Image& picture);

 private:
  std::filesystem::path path_;
  bool folder_ = false;
  std::set<std::string> taken_;  // names in the folder
};

}  // namespace mvmoe
