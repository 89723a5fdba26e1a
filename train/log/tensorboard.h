// train/log/tensorboard.h: a run's figures as TensorBoard reads them: events.out.tfevents.* in the run's folder.
//
// The file is a list of records (TFRecord): length, masked CRC-32C of the length, data, masked CRC-32C of the data.
// Each is a protocol buffer, Event (tensorflow/core/util/event.proto and framework/summary.proto): few enough fields to
// write by hand. A process writes a file of its own, whose name sorts behind those before it; it begins by saying which
// step comes next, and TensorBoard forgets what an earlier process wrote of that step and later ones
// (SessionLog.START).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace mvmoe {

struct Scalar {
  std::string tag;  // group/name
  double value;     // left out where it is not a number
};

class EventFile {
 public:
  // The file is made with the first event: a run that has nothing to do leaves nothing. next_step: the first step this
  // process may write of.
  EventFile(std::filesystem::path folder, std::uint64_t next_step)
      : folder_(std::move(folder)), next_step_(next_step) {}
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  // Each is one write of a whole record, so a kill leaves half a record at most, which readers pass over. Throws Error
  // that names the file where it cannot be written.
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

// CRC-32C (Castagnoli), and as TFRecord stores it: rotated and shifted, so that a CRC of data with CRCs in it is no
// trouble.
std::uint32_t crc32c_of(std::string_view bytes);
std::uint32_t masked_crc32c_of(std::string_view bytes);

}  // namespace mvmoe
