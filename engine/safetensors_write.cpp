// The writer: a header with names, shapes and checksums, then the data as it is in memory.
#include <nlohmann/json.hpp>
#include <span>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/safetensors.h"
#include "engine/safetensors_format.h"

namespace mvmoe {
namespace {

using Json = nlohmann::json;

constexpr std::size_t data_alignment = 64;

std::span<const std::uint8_t> bytes_of(Tensor t) {
  return {reinterpret_cast<const std::uint8_t*>(t.data()), t.size() * sizeof(float)};
}
std::span<const std::uint8_t> bytes_of(const std::string& s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

std::string header_of(const std::string& shown, const std::vector<NamedShape>& tensors,
                      const std::vector<std::uint32_t>& crcs, Metadata metadata) {
  const auto json = [](const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); };
  Json checksums = Json::object();
  std::string entries;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const NamedShape& t = tensors[i];
    std::string name;
    try {
      name = Json(t.name).dump();
    } catch (const Json::exception&) {
      fail(shown, ": tensor ", in_quotes(t.name), " cannot be written: its name is not UTF-8");
    }
    if (t.name == "__metadata__") fail(shown, ": a tensor cannot be named __metadata__");
    if (t.shape.axes() == 0) fail(shown, ": tensor ", in_quotes(t.name), " has no axes");
    if (checksums.contains(t.name)) fail(shown, ": tensor ", in_quotes(t.name), " is given twice");
    checksums[t.name] = hexadecimal(crcs[i]);
    const std::size_t end = begin + t.shape.size() * sizeof(float);
    entries += text(",", name, ":{\"dtype\":\"F32\",\"shape\":", t.shape, ",\"data_offsets\":[", begin, ",", end, "]}");
    begin = end;
  }
  metadata["crc32"] = json(checksums);
  std::string header = "{\"__metadata__\":" + json(Json(metadata)) + entries + "}";
  header.resize((8 + header.size() + data_alignment - 1) / data_alignment * data_alignment - 8, ' ');
  if (header.size() > header_limit)
    fail(shown, ": the header would have ", header.size(), " bytes, at most ", header_limit, " are allowed");
  return header;
}

void write_header(FileWriter& file, const std::string& header) {
  const std::uint64_t length = header.size();
  file.write({reinterpret_cast<const std::uint8_t*>(&length), sizeof length});
  file.write(bytes_of(header));
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                       const Metadata& metadata) {
  std::vector<NamedShape> shapes;
  std::vector<std::uint32_t> crcs;
  for (const NamedTensor& t : tensors) {
    shapes.push_back({t.name, t.value.shape()});
    crcs.push_back(crc32_of(bytes_of(t.value)));
  }
  const std::string header = header_of(printable(path.string()), shapes, crcs, metadata);
  FileWriter file(path);
  write_header(file, header);
  for (const NamedTensor& t : tensors) file.write(bytes_of(t.value));
  file.finish();
}

void write_safetensors(const std::filesystem::path& path, const std::vector<NamedShape>& tensors,
                       const std::function<Tensor(std::size_t)>& value, const Metadata& metadata) {
  const std::string shown = printable(path.string());
  std::vector<std::uint32_t> crcs(tensors.size());  // known only at the end; zeros take the same number of digits
  const std::string empty = header_of(shown, tensors, crcs, metadata);
  FileWriter file(path);
  write_header(file, empty);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const Tensor t = value(i);
    if (!(t.shape() == tensors[i].shape))
      fail(shown, ": tensor ", in_quotes(tensors[i].name), " is ", t.shape(), ", was announced as ", tensors[i].shape);
    crcs[i] = crc32_of(bytes_of(t));
    file.write(bytes_of(t));
  }
  file.write_again(sizeof(std::uint64_t), bytes_of(header_of(shown, tensors, crcs, metadata)));
  file.finish();
}

}  // namespace mvmoe
