#include "train/data/decode_jpeg.h"

#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE and size_t
#include <vector>

#include <jerror.h>
#include <jpeglib.h>

#include "engine/error.h"

namespace mvmoe {
namespace {

constexpr int most_scans = 1000;  // a scan can be a few bytes, but takes the time of the whole picture

// libjpeg reports errors by longjmp, out of its own functions and the three below. So these have no objects with
// destructors.
struct Failure : jpeg_error_mgr {
  std::jmp_buf back;
  char what[JMSG_LENGTH_MAX] = {};
};

[[noreturn]] void leave(j_common_ptr decoder) {
  Failure& failure = *static_cast<Failure*>(decoder->err);
  failure.format_message(decoder, failure.what);
  std::longjmp(failure.back, 1);
}

// libjpeg only warns of a file that is cut short. Here it is an error. Other damage is decoded as far as possible, as
// in Pillow.
void warn(j_common_ptr decoder, int level) {
  if (level < 0 && decoder->err->msg_code == JWRN_JPEG_EOF) leave(decoder);
}

void look_at_scans(j_common_ptr decoder) {
  if (reinterpret_cast<j_decompress_ptr>(decoder)->input_scan_number <= most_scans) return;
  Failure& failure = *static_cast<Failure*>(decoder->err);
  std::snprintf(failure.what, sizeof failure.what, "more than %d scans", most_scans);
  std::longjmp(failure.back, 1);
}

struct Decoder : jpeg_decompress_struct {
  Decoder() : jpeg_decompress_struct{} {}
  ~Decoder() { jpeg_destroy_decompress(this); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
};

// CMYK to RGB, row [width, 4] to [width, 3]. Adobe's CMYK is inverted: 255 means no ink. Files without a mark are read
// as Adobe's too.
void to_rgb(const std::uint8_t* row, std::size_t width, std::uint8_t* to) {
  for (std::size_t x = 0; x < width; ++x, row += 4, to += 3)
    for (int c = 0; c < 3; ++c) {
      const int product = (255 - row[c]) * row[3] + 128;  // ink times paper, rounded as Pillow does
      to[c] = static_cast<std::uint8_t>(row[3] - ((product + (product >> 8)) >> 8));
    }
}

void read_rows(Decoder& d, Image& image, std::vector<std::uint8_t>& inks) {
  const std::size_t width = d.output_width;
  image.width = static_cast<int>(d.output_width), image.height = static_cast<int>(d.output_height);
  image.rgb.resize(width * d.output_height * 3);
  if (d.out_color_space == JCS_CMYK) inks.resize(width * 4);
  while (d.output_scanline < d.output_height) {
    std::uint8_t* to = image.rgb.data() + d.output_scanline * width * 3;
    JSAMPROW row = inks.empty() ? to : inks.data();
    if (jpeg_read_scanlines(&d, &row, 1) == 1 && !inks.empty()) to_rgb(inks.data(), width, to);
  }
}

// The function to which libjpeg's longjmp returns. The variables that it fills belong to the caller, because local
// variables that changed after setjmp have undefined values. Returns false on failure; failure.what says why.
bool decode(std::span<const std::uint8_t> bytes, Failure& failure, Decoder& d, jpeg_progress_mgr& progress,
            Image& image, std::vector<std::uint8_t>& inks) {
  if (setjmp(failure.back)) return false;
  jpeg_create_decompress(&d);
  d.progress = &progress;
  jpeg_mem_src(&d, bytes.data(), bytes.size());
  jpeg_read_header(&d, TRUE);
  d.out_color_space = d.num_components == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&d);
  read_rows(d, image, inks);
  jpeg_finish_decompress(&d);
  return true;
}

}  // namespace

Image decode_jpeg(std::span<const std::uint8_t> bytes) {
  Failure failure;
  Decoder d;
  Image image;
  std::vector<std::uint8_t> inks;  // [width, 4], if the image is CMYK
  jpeg_progress_mgr progress{};
  progress.progress_monitor = look_at_scans;
  d.err = jpeg_std_error(&failure);
  failure.error_exit = leave;
  failure.emit_message = warn;
  if (!decode(bytes, failure, d, progress, image, inks)) fail("JPEG is damaged or cut short (", failure.what, ")");
  return image;
}

}  // namespace mvmoe
