#include "engine/tensor_files.h"

#include <string_view>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"

namespace mvmoe {
namespace {

constexpr std::size_t largest_index = std::size_t{64} << 20;  // bytes

bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\\') == std::string::npos && name.find('\0') == std::string::npos;
}

}  // namespace

TensorFiles::TensorFiles(const std::filesystem::path& path) : path_(path), shown_(printable(path.string())) {
  if (path.extension() == ".json") {
    open_index();
    return;
  }
  files_.push_back(std::make_unique<SafetensorsFile>(path));
  for (const auto& entry : files_[0]->entries()) file_of_[entry.name] = files_[0].get();
}

void TensorFiles::open_index() {
  const std::vector<std::uint8_t> bytes = read_file(path_, largest_index);
  const nlohmann::json index =
      parse_json(shown_ + ": the index", {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object() ||
      index["weight_map"].empty())
    fail(shown_, ": is no index of safetensors files: it has no weight_map of tensors and the files they are in");
  std::map<std::string, std::vector<std::string>> tensors_of;  // [file]
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    const std::string name = file.is_string() ? file.get<std::string>() : "";
    if (!is_plain_name(name))
      fail(shown_, ": says that tensor '", printable(tensor), "' is in ",
           file.is_string() ? "'" + printable(name) + "'" : "no file", ": must be the plain name of a file beside it");
    tensors_of[name].push_back(tensor);
  }
  for (const auto& [name, tensors] : tensors_of) {
    const std::filesystem::path path = path_.parent_path() / name;
    files_.push_back(std::make_unique<SafetensorsFile>(path));
    for (const std::string& tensor : tensors) {
      if (!files_.back()->find(tensor))
        fail(printable(path.string()), ": has no tensor '", printable(tensor), "', which ", shown_, " says is there");
      file_of_[tensor] = files_.back().get();
    }
    for (const auto& entry : files_.back()->entries())
      if (const auto found = file_of_.find(entry.name); found == file_of_.end() || found->second != files_.back().get())
        fail(printable(path.string()), ": has the tensor '", printable(entry.name), "', which ", shown_,
             " does not say is there");
  }
}

std::vector<const SafetensorsFile::Entry*> TensorFiles::entries() const {
  std::vector<const SafetensorsFile::Entry*> all;
  for (const auto& file : files_)
    for (const auto& entry : file->entries()) all.push_back(&entry);
  return all;
}

const SafetensorsFile::Entry* TensorFiles::find(const std::string& name) const {
  const auto found = file_of_.find(name);
  return found == file_of_.end() ? nullptr : found->second->find(name);
}

const SafetensorsFile& TensorFiles::file_of(const std::string& name) const {
  const auto found = file_of_.find(name);
  if (found == file_of_.end()) fail(shown_, ": has no tensor '", printable(name), "'");
  return *found->second;
}

void TensorFiles::read(const std::string& name, Tensor into) const { file_of(name).read(name, into); }

std::optional<MappedTensor> TensorFiles::map(const std::string& name, const Shape& shape) const {
  return file_of(name).map(name, shape);
}

int TensorFiles::verify() const {
  int checksums = 0;
  for (const auto& file : files_) checksums += file->verify();
  return checksums;
}

}  // namespace mvmoe
