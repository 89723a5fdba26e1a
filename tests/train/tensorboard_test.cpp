// Event files, read by a reader of our own that checks every length and CRC (TensorBoard's own reader:
// tools/golden/event_files.py). Wrong but plausible, and what shows it: a CRC that is not masked or that of zlib,
// fields under a neighbour's number, a resumed run that shows a step twice, a file for a run that had nothing to do.
#include "train/log/tensorboard.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <map>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tests/train/small_run.h"
#include "train/data/decode.h"
#include "train/evaluate/confusion_picture.h"
#include "train/loop.h"
#include "train/run_folder.h"

namespace mvmoe {
namespace {

namespace fs = std::filesystem;

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t b = bytes.size(); b-- > 0;) value = value << 8 | static_cast<std::uint8_t>(bytes[b]);
  return value;
}

// The fields of a protocol buffer: varints and fixed numbers as 8 bytes or 4, the rest as it is.
struct Field {
  int number;
  std::string bytes;
  std::uint64_t whole() const { return little_endian(bytes); }
  double number64() const { return std::bit_cast<double>(whole()); }
  float number32() const { return std::bit_cast<float>(static_cast<std::uint32_t>(whole())); }
};

std::vector<Field> fields_of(std::string_view bytes) {
  std::vector<Field> fields;
  std::size_t at = 0;
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(bytes.at(at++));
      value |= static_cast<std::uint64_t>(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.size()) {
    const std::uint64_t key = varint();
    Field field{static_cast<int>(key >> 3), {}};
    if ((key & 7) == 0) {
      const std::uint64_t value = varint();
      field.bytes.assign(reinterpret_cast<const char*>(&value), 8);
    } else {
      const std::size_t length = (key & 7) == 1 ? 8 : (key & 7) == 5 ? 4 : varint();
      if (at + length > bytes.size()) throw std::out_of_range("a field is longer than its message");
      field.bytes = bytes.substr(at, length);
      at += length;
    }
    fields.push_back(std::move(field));
  }
  return fields;
}

const Field* find(const std::vector<Field>& fields, int number) {
  for (const Field& field : fields)
    if (field.number == number) return &field;
  return nullptr;
}

std::vector<std::vector<Field>> events_in(const fs::path& file) {
  const auto content = read_file(file);
  const std::string_view bytes(reinterpret_cast<const char*>(content.data()), content.size());
  std::vector<std::vector<Field>> events;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::string_view length = bytes.substr(at, 8);
    EXPECT_EQ(little_endian(bytes.substr(at + 8, 4)), masked_crc32c_of(length));
    const std::string_view data = bytes.substr(at + 12, little_endian(length));
    EXPECT_EQ(little_endian(bytes.substr(at + 12 + data.size(), 4)), masked_crc32c_of(data));
    events.push_back(fields_of(data));
    at += 16 + data.size();
  }
  return events;
}

std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with(event_file_prefix)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// What TensorBoard shows: of each tag its steps and values, where a START event makes it forget what came at its step
// or later.
std::map<std::string, std::vector<std::pair<std::uint64_t, float>>> scalars_in(const fs::path& folder) {
  std::map<std::string, std::vector<std::pair<std::uint64_t, float>>> shown;
  for (const fs::path& file : event_files(folder))
    for (const auto& event : events_in(file)) {
      const std::uint64_t step = find(event, 2)->whole();
      if (const Field* log = find(event, 7); log && find(fields_of(log->bytes), 1)->whole() == 1)
        for (auto& [tag, points] : shown) std::erase_if(points, [&](const auto& point) { return point.first >= step; });
      if (const Field* summary = find(event, 5))
        for (const Field& value : fields_of(summary->bytes)) {
          const auto parts = fields_of(value.bytes);
          if (const Field* simple = find(parts, 2)) shown[find(parts, 1)->bytes].emplace_back(step, simple->number32());
        }
    }
  return shown;
}

TEST(TensorBoard, Crc32cIsTheStandards) {
  EXPECT_EQ(crc32c_of("123456789"), 0xE3069283u);            // the check value of every catalogue of CRCs
  EXPECT_EQ(crc32c_of(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c_of(std::string(32, '\xff')), 0x62A8AB43u);
}

// As TensorBoard's own masked_crc32c.
TEST(TensorBoard, TheCrcIsMaskedAsTfRecordWants) { EXPECT_EQ(masked_crc32c_of("123456789"), 0xC78AB0E5u); }

TEST(TensorBoard, WritesWhatItIsGiven) {
  const TemporaryFolder folder;
  {
    EventFile events(folder.path(), 7);
    EXPECT_TRUE(event_files(folder.path()).empty());
    events.write(300, {{"a/b", 0.25}, {"left out", std::nan("")}, {"c", -1e10}});
    events.write_histogram(301, "load", {10, 70, 20});
    events.write_image(302, "picture", 30, 20, "bytes of a PNG");
  }
  ASSERT_EQ(event_files(folder.path()).size(), 1u);
  const auto events = events_in(event_files(folder.path())[0]);
  ASSERT_EQ(events.size(), 5u);
  EXPECT_EQ(find(events[0], 3)->bytes, "brain.Event:2");
  EXPECT_NEAR(find(events[0], 1)->number64(), static_cast<double>(time(nullptr)), 60);
  EXPECT_EQ(find(events[1], 2)->whole(), 7u);
  EXPECT_EQ(find(fields_of(find(events[1], 7)->bytes), 1)->whole(), 1u);
  const auto shown = scalars_in(folder.path());
  EXPECT_EQ(shown.size(), 2u);
  EXPECT_EQ(shown.at("a/b").at(0), (std::pair<std::uint64_t, float>{300, 0.25f}));
  EXPECT_EQ(shown.at("c").at(0).second, -1e10f);

  const auto value = fields_of(fields_of(find(events[3], 5)->bytes).at(0).bytes);
  EXPECT_EQ(find(value, 1)->bytes, "load");
  const auto histogram = fields_of(find(value, 5)->bytes);
  EXPECT_EQ(find(histogram, 3)->number64(), 100);
  EXPECT_EQ(find(histogram, 4)->number64(), 110);  // 70 * 1 + 20 * 2
  EXPECT_EQ(find(histogram, 5)->number64(), 150);
  double limits[3], counts[3];
  ASSERT_EQ(find(histogram, 6)->bytes.size(), sizeof limits);
  std::memcpy(limits, find(histogram, 6)->bytes.data(), sizeof limits);
  std::memcpy(counts, find(histogram, 7)->bytes.data(), sizeof counts);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(limits[i], i + 0.5);
  EXPECT_EQ(counts[1], 70);

  EXPECT_EQ(find(events[4], 2)->whole(), 302u);
  const auto picture = fields_of(fields_of(find(events[4], 5)->bytes).at(0).bytes);
  EXPECT_EQ(find(picture, 1)->bytes, "picture");
  const auto image = fields_of(find(picture, 4)->bytes);
  EXPECT_EQ(find(image, 1)->whole(), 20u);
  EXPECT_EQ(find(image, 2)->whole(), 30u);
  EXPECT_EQ(find(image, 4)->bytes, "bytes of a PNG");
}

// Two classes of three and one image: a white cell is no image, a black one all of its row.
TEST(TensorBoard, TheConfusionPictureHasARowForEachTrueClass) {
  Evaluation evaluation;
  for (const int predicted : {0, 1, 1, 0}) evaluation.results.push_back({.predicted = predicted});
  const Picture picture = confusion_picture(evaluation, {0, 0, 0, 1}, 2);
  const Image image = decode_image(picture.png);
  ASSERT_EQ(picture.width, 400);
  ASSERT_EQ(image.width, 400);
  ASSERT_EQ(image.height, 400);
  const auto level = [&](int row, int column) {
    return int{image.rgb[static_cast<std::size_t>((row * 200 + 100) * 400 + column * 200 + 100) * 3]};
  };
  EXPECT_EQ(level(0, 0), 170);
  EXPECT_EQ(level(0, 1), 85);
  EXPECT_EQ(level(1, 0), 0);
  EXPECT_EQ(level(1, 1), 255);
  EXPECT_EQ(confusion_picture(evaluation, {0, 0, 0, 1}, 1000).width, 1000) << "a pixel a cell";
  // Of more classes than that, neighbours share a cell: here 22 of ImageNet-21k's.
  for (const int predicted : {0, 21, 22, 21'840}) evaluation.results.push_back({.predicted = predicted});
  evaluation.results.erase(evaluation.results.begin(), evaluation.results.begin() + 4);
  const Picture many = confusion_picture(evaluation, {0, 21, 1, 21'840}, 21'841);
  ASSERT_EQ(many.width, 993);
  const Image cells = decode_image(many.png);
  const auto cell = [&](int row, int column) {
    return int{cells.rgb[static_cast<std::size_t>(row * 993 + column) * 3]};
  };
  EXPECT_EQ(cell(0, 0), 85) << "two of three";
  EXPECT_EQ(cell(0, 1), 170);
  EXPECT_EQ(cell(992, 992), 0);
}

TEST(TensorBoard, WhatCannotBeWrittenIsNamed) {
  EventFile events("/nowhere/at/all", 1);
  EXPECT_NE(message_of([&] { events.write(1, {}); }).find("/nowhere/at/all/events.out.tfevents."), std::string::npos);
}

RunResult run_in(const fs::path& folder, int epochs, int stop_signal) {
  ViT model(small_model());
  model.initialise(2);
  StepConfig step;
  step.schedule = {.total_steps = 15};
  step.ema = 0.9f;
  Trainer trainer(model, step);
  const ModelDescription description{.model = small_model(),
                                     .classes = {"a", "b", "c"},
                                     .preprocessing = {{0.5f, 0.5f, 0.5f}, {0.25f, 0.25f, 0.25f}},
                                     .superclass_of = {}};
  const std::optional<Resumed> resumed = load_checkpoint(folder, trainer);
  const ImageSet train = small_images(60), test = small_images(20, 3, 8);
  Loader loader(train, small_loader(12), resumed ? resumed->progress.step : 0);
  const std::atomic<int> stop{stop_signal};
  return run(trainer, {nullptr, test}, loader, description,
             {.folder = folder, .epochs = epochs, .save_every = 2, .log_interval = 1, .quiet = true}, resumed, stop);
}

TEST(TensorBoard, AResumedRunShowsNoStepTwiceAndLosesNone) {
  const TemporaryFolder whole, pieces;
  run_in(whole.path(), 3, 0);
  run_in(pieces.path(), 2, 0);
  fs::remove_all(pieces.path() / "checkpoints/step-10");  // killed before it was written: steps 9 and 10 are done again
  run_in(pieces.path(), 2, 15);
  run_in(pieces.path(), 2, 15);
  run_in(pieces.path(), 2, 0);
  run_in(pieces.path(), 3, 0);
  EXPECT_EQ(event_files(pieces.path()).size(), 5u);
  const auto must_be = scalars_in(whole.path()), is = scalars_in(pieces.path());
  ASSERT_EQ(must_be.at("train/loss").size(), 15u);
  ASSERT_EQ(must_be.at("test/top1").size(), 3u);
  for (const char* tag : {"train/loss", "train/learning_rate", "train/gradient_norm", "test/top1", "test/loss",
                          "test/ema_top1", "epoch/train_loss"})
    EXPECT_EQ(is.at(tag), must_be.at(tag)) << tag;

  run_in(pieces.path(), 3, 0);
  EXPECT_EQ(event_files(pieces.path()).size(), 5u);  // nothing to do, nothing written
  remove_run(pieces.path());
  EXPECT_TRUE(event_files(pieces.path()).empty());
}

}  // namespace
}  // namespace mvmoe
