// engine/tensor_files.h: the tensors of one safetensors file, or of several files that an index (JSON) names, as one
// set.
//
// The index (as the transformers library writes it): {"metadata": {..}, "weight_map": {"tensor": "file", ..}}.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/safetensors.h"

namespace mvmoe {

class TensorFiles {
 public:
  // A path that ends in .json is an index. Its files must be plain names and stand beside it: a name with a folder is
  // an error, and its file is not opened. It is also an error if a tensor is not in the file that the index names, or
  // if a file has a tensor that the index does not name. Throws as SafetensorsFile does.
  explicit TensorFiles(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const std::string& shown() const { return shown_; }  // the path as it may be printed
  std::size_t count() const { return files_.size(); }  // number of files

  std::vector<const SafetensorsFile::Entry*> entries() const;  // those of all files
  const SafetensorsFile::Entry* find(const std::string& name) const;
  const Metadata& metadata() const { return files_.front()->metadata(); }  // of the first file
  void require(const std::string& name, const Shape& shape) const { file_of(name).require(name, shape); }
  void read(const std::string& name, Tensor into) const;
  std::optional<MappedTensor> map(const std::string& name, const Shape& shape) const;
  int verify() const;

 private:
  void open_index();
  const SafetensorsFile& file_of(const std::string& name) const;
  std::filesystem::path path_;
  std::string shown_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, const SafetensorsFile*> file_of_;  // [tensor]
};

}  // namespace mvmoe
