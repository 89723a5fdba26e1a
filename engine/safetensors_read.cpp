// The reader. It uses no number of a file before it has compared it with the rest of the file.
#include "engine/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "engine/error.h"
#include "engine/files.h"
#include "engine/json.h"
#include "engine/pickled.h"
#include "engine/safetensors_format.h"

namespace mvmoe {
namespace {

using Json = nlohmann::json;

constexpr const char* readable = "F32, F16, BF16 and F64 can be read";

struct Dtype {
  const char* name;
  std::uint64_t bytes;
};
constexpr Dtype dtypes[] = {{"F32", 4},  {"F16", 2}, {"BF16", 2},    {"F64", 8},    {"I64", 8}, {"U64", 8},
                            {"I32", 4},  {"U32", 4}, {"I16", 2},     {"U16", 2},    {"I8", 1},  {"U8", 1},
                            {"BOOL", 1}, {"C64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

std::uint64_t bytes_of_dtype(std::string_view name) {
  for (const Dtype& d : dtypes)
    if (name == d.name) return d.bytes;
  return 0;
}

std::string list(const std::vector<std::uint64_t>& axes) {
  std::string out = "[";
  for (std::size_t i = 0; i < axes.size(); ++i) out += (i ? ", " : "") + std::to_string(axes[i]);
  return out + "]";
}

float from_half(std::uint16_t half) {
  const std::uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31u, fraction = half & 0x3FFu;
  if (exponent == 0)
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(static_cast<float>(fraction) * 0x1p-24f) | sign);
  return std::bit_cast<float>(sign | (exponent == 31 ? 255u : exponent + 112) << 23 | fraction << 13);
}

float from_bfloat(std::uint16_t value) { return std::bit_cast<float>(std::uint32_t{value} << 16); }

template <class Stored, class Convert>
void convert(const std::vector<std::uint8_t>& bytes, Tensor into, Convert as_float) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, bytes.data() + i * sizeof stored, sizeof stored);
    into[i] = as_float(stored);
  }
}

}  // namespace

template <class... Parts>
void SafetensorsFile::fail_here(const Parts&... parts) const {
  fail(shown_, ": ", parts...);
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : shown_(printable(path.string())) {
  file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // or opening a pipe would wait for a writer
  if (file_ < 0) fail_here(std::strerror(errno));
  try {
    read_header(path);
    check_offsets();
    read_checksums();
  } catch (...) {
    close(file_);  // the destructor does not run if the constructor throws
    throw;
  }
}

SafetensorsFile::~SafetensorsFile() { close(file_); }

void SafetensorsFile::read_bytes(std::size_t position, std::uint8_t* to, std::size_t bytes) const {
  while (bytes > 0) {
    const ssize_t got = pread(file_, to, std::min(bytes, std::size_t{1} << 30), static_cast<off_t>(position));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_here(std::strerror(errno));
    if (got == 0) fail_here("became shorter while it was read");
    to += got;
    position += static_cast<std::size_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

void SafetensorsFile::read_header(const std::filesystem::path& path) {
  struct stat status {};
  if (fstat(file_, &status) != 0) fail_here(std::strerror(errno));
  if (!S_ISREG(status.st_mode)) fail_here("is not a regular file");
  file_bytes_ = static_cast<std::size_t>(status.st_size);
  std::uint64_t length = 0;
  std::array<std::uint8_t, sizeof length> first{};
  read_bytes(0, first.data(), std::min(file_bytes_, first.size()));
  std::memcpy(&length, first.data(), sizeof length);
  if ((file_bytes_ < sizeof length || length > file_bytes_ - sizeof length) &&
      looks_pickled(path, {first.data(), std::min(file_bytes_, first.size())}))
    fail_here(pickled_advice(path));
  if (file_bytes_ < sizeof length) fail_here("has ", file_bytes_, " bytes, a safetensors file has at least 10");
  if (length == 0) fail_here("the header length is 0");
  if (length > header_limit)
    fail_here("the header length is ", length, ", must be at most ", header_limit, " (is this a safetensors file?)");
  if (length > file_bytes_ - sizeof length)
    fail_here("the header length is ", length, ", but the file has ", file_bytes_, " bytes (cut short?)");
  data_begin_ = sizeof length + length;

  std::string json(length, ' ');
  read_bytes(sizeof length, reinterpret_cast<std::uint8_t*>(json.data()), json.size());
  if (json[0] != '{') fail_here("the header is not a JSON object");
  const Json header = parse_json(shown_ + ": the header", json);

  for (const auto& item : header.items()) {
    const std::string& name = item.key();
    const Json& value = item.value();
    if (name == "__metadata__") {
      if (!value.is_object()) fail_here("__metadata__ is not a JSON object");
      for (const auto& [key, entry] : value.items()) {
        if (!entry.is_string()) fail_here("__metadata__ entry ", in_quotes(key), " is not a string");
        metadata_[key] = entry.get<std::string>();
      }
      continue;
    }
    Entry entry{.name = name, .dtype = {}, .shape = {}, .axes = {}};
    const std::string tensor = "tensor " + in_quotes(name);
    for (const char* key : {"dtype", "shape", "data_offsets"})
      if (!value.is_object() || !value.contains(key)) fail_here(tensor, " has no ", key);
    if (!value["dtype"].is_string()) fail_here(tensor, ": dtype is not a string");
    entry.dtype = value["dtype"].get<std::string>();
    const std::uint64_t element = bytes_of_dtype(entry.dtype);
    if (element == 0) fail_here(tensor, " is of the unknown dtype ", in_quotes(entry.dtype), ": ", readable);

    const auto numbers = [&](const char* key) {
      std::vector<std::uint64_t> out;
      if (!value[key].is_array()) fail_here(tensor, ": ", key, " is not a list");
      for (const Json& number : value[key]) {
        if (!number.is_number_unsigned())
          fail_here(tensor, ": ", key, " holds something that is not a number of 0 or more");
        out.push_back(number.get<std::uint64_t>());
      }
      return out;
    };
    entry.axes = numbers("shape");
    const std::vector<std::uint64_t> offsets = numbers("data_offsets");
    if (offsets.size() != 2) fail_here(tensor, ": data_offsets holds ", offsets.size(), " numbers, must hold 2");
    std::uint64_t bytes = element;
    bool representable = entry.axes.size() <= Shape::max_axes;
    for (const std::uint64_t axis : entry.axes) {
      if (__builtin_mul_overflow(bytes, axis, &bytes)) fail_here(tensor, ": shape ", list(entry.axes), " is too large");
      representable = representable && axis <= std::uint64_t{std::numeric_limits<int>::max()};
    }
    entry.begin = offsets[0];
    entry.end = offsets[1];
    if (entry.begin > entry.end) fail_here(tensor, ": data_offsets begin at ", entry.begin, " and end at ", entry.end);
    if (entry.end - entry.begin != bytes)
      fail_here(tensor, ": shape ", list(entry.axes), " of ", entry.dtype, " needs ", bytes,
                " bytes, data_offsets give ", entry.end - entry.begin);
    if (representable) {
      const std::vector<int> axes(entry.axes.begin(), entry.axes.end());
      entry.shape = axes.empty() ? Shape{1} : Shape::from(axes.data(), static_cast<int>(axes.size()));
    }
    entries_.push_back(std::move(entry));
  }
}

// The format requires that the tensors cover the data from the first byte to the last, without overlap. The check also
// finds files that were cut or became longer.
void SafetensorsFile::check_offsets() {
  std::stable_sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  const std::size_t data = file_bytes_ - data_begin_;
  std::size_t covered = 0;
  const Entry* before = nullptr;
  for (const Entry& e : entries_) {
    if (e.begin < covered) fail_here("tensors ", in_quotes(before->name), " and ", in_quotes(e.name), " overlap");
    if (e.begin > covered) fail_here("bytes ", covered, " to ", e.begin, " of the data belong to no tensor");
    if (e.end > data)
      fail_here("tensor ", in_quotes(e.name), " ends at byte ", e.end, " of the data, the file has ", data,
                " (cut short?)");
    covered = e.end;
    before = &e;
  }
  if (covered != data) fail_here("the tensors end at byte ", covered, " of the data, the file has ", data);
  for (std::size_t i = 0; i < entries_.size(); ++i) index_[entries_[i].name] = i;
}

void SafetensorsFile::read_checksums() {
  const auto crc32 = metadata_.find("crc32");
  if (crc32 == metadata_.end()) return;
  const Json checksums = parse_json(shown_ + ": the metadata entry crc32", crc32->second);
  if (!checksums.is_object()) fail_here("the metadata entry crc32 is not a JSON object");
  for (const auto& [name, value] : checksums.items()) {
    if (!find(name)) fail_here("the metadata entry crc32 names ", in_quotes(name), ", which is no tensor of this file");
    const std::string digits = value.is_string() ? value.get<std::string>() : "";
    std::uint32_t crc = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), crc, 16);
    if (digits.size() != 8 || error != std::errc{} || end != digits.data() + 8)
      fail_here("the metadata entry crc32 gives ", in_quotes(name), " something that is not 8 hexadecimal digits");
    checksums_[name] = crc;
  }
  metadata_.erase(crc32);
}

const SafetensorsFile::Entry* SafetensorsFile::find(const std::string& name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

void SafetensorsFile::check_crc(const Entry& entry, std::uint32_t crc) const {
  const auto expected = checksums_.find(entry.name);
  if (expected == checksums_.end() || expected->second == crc) return;
  fail_here("tensor ", in_quotes(entry.name), " is damaged: its CRC-32 is ", hexadecimal(crc), ", must be ",
            hexadecimal(expected->second));
}

const SafetensorsFile::Entry& SafetensorsFile::entry_of(const std::string& name, const Shape& shape) const {
  const Entry* entry = find(name);
  if (!entry) fail_here("has no tensor ", in_quotes(name));
  if (!(entry->shape == shape) || shape.axes() == 0)
    fail_here("tensor ", in_quotes(name), " is ", list(entry->axes), ", must be ", shape);
  return *entry;
}

void SafetensorsFile::require(const std::string& name, const Shape& shape) const { entry_of(name, shape); }

std::optional<MappedTensor> SafetensorsFile::map(const std::string& name, const Shape& shape) const {
  const Entry& entry = entry_of(name, shape);
  const std::size_t at = data_begin_ + entry.begin;
  if (entry.dtype != "F32" || at % sizeof(float) != 0) return {};
  if (!mapped_) mapped_ = std::make_shared<const MappedFile>(file_, file_bytes_, shown_);
  // A Tensor always allows writing, so the const must be cast away. The pages themselves are mapped read-only.
  return MappedTensor{Tensor(reinterpret_cast<float*>(const_cast<std::byte*>(mapped_->data() + at)), shape), mapped_};
}

void SafetensorsFile::read(const std::string& name, Tensor into) const {
  const Entry* entry = &entry_of(name, into.shape());
  std::vector<std::uint8_t> bytes(entry->end - entry->begin);
  read_bytes(data_begin_ + entry->begin, bytes.data(), bytes.size());
  check_crc(*entry, crc32_of(bytes));
  if (entry->dtype == "F32") {
    std::copy(bytes.begin(), bytes.end(), reinterpret_cast<std::uint8_t*>(into.data()));
  } else if (entry->dtype == "F16") {
    convert<std::uint16_t>(bytes, into, from_half);
  } else if (entry->dtype == "BF16") {
    convert<std::uint16_t>(bytes, into, from_bfloat);
  } else if (entry->dtype == "F64") {
    convert<double>(bytes, into, [](double value) { return static_cast<float>(value); });
  } else {
    fail_here("tensor ", in_quotes(name), " is of dtype ", entry->dtype, ": ", readable);
  }
}

int SafetensorsFile::verify() const {
  std::vector<std::uint8_t> piece(std::size_t{1} << 20);  // a file may be larger than the memory
  for (const Entry& e : entries_) {
    std::uint32_t crc = crc32_of({});
    for (std::size_t at = e.begin; at < e.end; at += piece.size()) {
      const std::size_t bytes = std::min(piece.size(), e.end - at);
      read_bytes(data_begin_ + at, piece.data(), bytes);
      crc = crc32_of({piece.data(), bytes}, crc);
    }
    check_crc(e, crc);
  }
  return static_cast<int>(checksums_.size());
}

}  // namespace mvmoe
