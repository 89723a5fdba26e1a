// train/log/tensorboard.h: writes TensorBoard's event files: events.out.tfevents.* in the run's folder.
//
// The file is a list of records (TFRecord): length, masked CRC-32C of the length, data, masked CRC-32C of the data.
// The data is a protocol buffer, Event (tensorflow/core/util/event.proto and framework/summary.proto). It has few
// fields, so they are written by hand. Each process writes a file of its own, whose name sorts after the earlier ones.
// The file begins with the number of the next step (SessionLog.START). TensorBoard then forgets what earlier processes
// wrote for that step and later ones.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mvmoe {

struct Scalar {
  std::string tag;  // group/name
  double value;     // a NaN is not written
};

class EventFile {
 public:
  // The file is created with the first event, so a run without steps leaves no file. next_step: the first step of this
  // process.
  EventFile(std::filesystem::path folder, std::uint64_t next_step)
      : folder_(std::move(folder)), next_step_(next_step) {}
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  // Each call writes one whole record at once. So a kill leaves one incomplete record at most, which readers skip.
  // Throws Error that names the file if it cannot be written.
  void write(std::uint64_t step, const std::vector<Scalar>& scalars);
  void write_histogram(std::uint64_t step, const std::string& tag,
                       const std::vector<double>& counts);  // counts[i] of value i
  void write_image(std::uint64_t step, const std::string& tag, int width, int height, std::string_view png);

 private:
  void open();
  void append(const std::string& event);

  std::filesystem::path folder_, path_;
  std::uint64_t next_step_;
  int file_ = -1;
};

constexpr const char* event_file_prefix = "events.out.tfevents.";

// CRC-32C (Castagnoli), and its masked form that TFRecord stores: rotated, plus a constant. The mask is for data that
// contains CRCs itself.
std::uint32_t crc32c_of(std::string_view bytes);
std::uint32_t masked_crc32c_of(std::string_view bytes);

}  // namespace mvmoe
