#include "train/log/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>

#include "engine/error.h"
#include "engine/files.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::uint32_t, 256> crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);  // the polynomial, its bits reversed
    table[byte] = crc;
  }
  return table;
}();

void append_little_endian(std::string& to, std::uint64_t value, int bytes) {
  for (int b = 0; b < bytes; ++b) to += static_cast<char>(value >> 8 * b);
}

// Builds a protocol buffer. A field is its number and wire type, then its value. Repeated numbers are packed.
class Message {
 public:
  Message& whole(int field, std::uint64_t value) {
    key(field, 0);
    varint(value);
    return *this;
  }
  Message& number(int field, double value) {
    key(field, 1);
    append_little_endian(bytes_, std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  Message& small_number(int field, float value) {
    key(field, 5);
    append_little_endian(bytes_, std::bit_cast<std::uint32_t>(value), 4);
    return *this;
  }
  Message& text(int field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& message(int field, const Message& value) { return text(field, value.bytes_); }
  Message& numbers(int field, const std::vector<double>& values) {
    std::string packed;
    for (const double value : values) append_little_endian(packed, std::bit_cast<std::uint64_t>(value), 8);
    return text(field, packed);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void key(int field, int wire_type) { varint(static_cast<std::uint64_t>(field << 3 | wire_type)); }
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_ += static_cast<char>(value | 128);
    bytes_ += static_cast<char>(value);
  }
  std::string bytes_;
};

// Fields of event.proto: wall_time 1, step 2, file_version 3, summary 5, session_log 7.
Message event_at(std::uint64_t step) {
  const double now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  return Message().number(1, now).whole(2, step);
}

// The time in seconds in the name of the newest event file; 0: there is none.
std::int64_t newest_in(const fs::path& folder) {
  std::int64_t newest = 0;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    const std::string name = entry.path().filename().string();
    std::int64_t second = 0;
    if (!name.starts_with(event_file_prefix)) continue;
    std::from_chars(name.data() + std::strlen(event_file_prefix), name.data() + name.size(), second);
    newest = std::max(newest, second);
  }
  return newest;
}

}  // namespace

std::uint32_t crc32c_of(std::string_view bytes) {
  std::uint32_t crc = ~0u;
  for (const char byte : bytes) crc = crc_table[(crc ^ static_cast<std::uint8_t>(byte)) & 255] ^ crc >> 8;
  return ~crc;
}

std::uint32_t masked_crc32c_of(std::string_view bytes) {
  const std::uint32_t crc = crc32c_of(bytes);
  return (crc >> 15 | crc << 17) + 0xA282EAD8u;
}

EventFile::~EventFile() {
  if (file_ >= 0) close(file_);
}

void EventFile::open() {
  const auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::int64_t second =
      std::max<std::int64_t>(now, newest_in(folder_) + 1);  // TensorBoard reads files in the order of their names
  path_ = folder_ / (event_file_prefix + std::to_string(second) + ".mvmoe");
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0) fail(printable(path_.string()), ": cannot be made: ", std::strerror(errno));
  append(event_at(0).text(3, "brain.Event:2").bytes());
  append(event_at(next_step_).message(7, Message().whole(1, 1)).bytes());  // SessionLog: status 1 = START
}

void EventFile::append(const std::string& event) {
  std::string record;
  append_little_endian(record, event.size(), 8);
  append_little_endian(record, masked_crc32c_of(record), 4);
  record += event;
  append_little_endian(record, masked_crc32c_of(event), 4);
  for (std::string_view left = record; !left.empty();) {
    const ssize_t written = ::write(file_, left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(printable(path_.string()), ": cannot be written: ", std::strerror(errno));
    left.remove_prefix(static_cast<std::size_t>(written));
  }
}

// Fields of summary.proto: Summary.value 1; in a value: tag 1, simple_value 2, histo 5.
void EventFile::write(std::uint64_t step, const std::vector<Scalar>& scalars) {
  if (file_ < 0) open();
  Message summary;
  for (const Scalar& scalar : scalars)
    if (std::isfinite(scalar.value))
      summary.message(1, Message().text(1, scalar.tag).small_number(2, static_cast<float>(scalar.value)));
  append(event_at(step).message(5, summary).bytes());
}

// Fields of HistogramProto: min 1, max 2, num 3, sum 4, sum_squares 5, bucket_limit 6, bucket 7. A bucket ends at its
// limit.
void EventFile::write_histogram(std::uint64_t step, const std::string& tag, const std::vector<double>& counts) {
  if (file_ < 0) open();
  double all = 0, sum = 0, squares = 0;
  std::vector<double> limits;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const auto value = static_cast<double>(i);
    all += counts[i], sum += counts[i] * value, squares += counts[i] * value * value;
    limits.push_back(value + 0.5);
  }
  const Message histogram = Message()
                                .number(1, -0.5)
                                .number(2, static_cast<double>(counts.size()) - 0.5)
                                .number(3, all)
                                .number(4, sum)
                                .number(5, squares)
                                .numbers(6, limits)
                                .numbers(7, counts);
  append(event_at(step).message(5, Message().message(1, Message().text(1, tag).message(5, histogram))).bytes());
}

// Fields of Image: height 1, width 2, colorspace 3 (1: grey), encoded_image_string 4.
void EventFile::write_image(std::uint64_t step, const std::string& tag, int width, int height, std::string_view png) {
  if (file_ < 0) open();
  const Message image = Message()
                            .whole(1, static_cast<std::uint64_t>(height))
                            .whole(2, static_cast<std::uint64_t>(width))
                            .whole(3, 1)
                            .text(4, png);
  append(event_at(step).message(5, Message().message(1, Message().text(1, tag).message(4, image))).bytes());
}

}  // namespace mvmoe
