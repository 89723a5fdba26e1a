// The writer: header with names, shapes and checksums, then the data as it stands in memory.
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

std::span<const std::uint8_t> bytes_of(Tensor t) { return {reinterpret_cast<const std::uint8_t*>(t.data()), t.size() * sizeof(float)}; }

std::string header_of(const std::string& shown, const std::vector<NamedTensor>& tensors, Metadata metadata) {
  const auto json = [](const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); };
  Json checksums = Json::object();
  std::string entries;
  std::size_t begin = 0;
  for (const NamedTensor& t : tensors) {
    std::string name;
    try {
      name = Json(t.name).dump();
    } catch (const Json::exception&) {
      fail(shown, ": tensor ", in_quotes(t.name), " cannot be written: its name is not UTF-8");
    }
    if (t.name == "__metadata__") fail(shown, ": a tensor cannot be named __metadata__");
    if (t.value.shape().axes() == 0) fail(shown, ": tensor ", in_quotes(t.name), " has no axes");
    if (checksums.contains(t.name)) fail(shown, ": tensor ", in_quotes(t.name), " is given twice");
    checksums[t.name] = hexadecimal(crc32_of(bytes_of(t.value)));
    const std::size_t end = begin + bytes_of(t.value).size();
    entries += text(",", name, ":{\"dtype\":\"F32\",\"shape\":", t.value.shape(), ",\"data_offsets\":[", begin, ",", end, "]}");
    begin = end;
  }
  metadata["crc32"] = json(checksums);
  std::string header = "{\"__metadata__\":" + json(Json(metadata)) + entries + "}";
  header.resize((8 + header.size() + data_alignment - 1) / data_alignment * data_alignment - 8, ' ');
  return header;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors, const Metadata& metadata) {
  const std::string shown = printable(path.string()), header = header_of(shown, tensors, metadata);
  if (header.size() > header_limit) fail(shown, ": the header would have ", header.size(), " bytes, at most ", header_limit, " are allowed");
  const std::uint64_t length = header.size();
  FileWriter file(path);
  file.write({reinterpret_cast<const std::uint8_t*>(&length), sizeof length});
  file.write({reinterpret_cast<const std::uint8_t*>(header.data()), header.size()});
  for (const NamedTensor& t : tensors) file.write(bytes_of(t.value));
  file.finish();
}

}  // namespace mvmoe
