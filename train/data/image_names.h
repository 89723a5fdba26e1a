// train/data/image_names.h: decides by its name if a file is an image, a picture of a kind that is not supported, or
// hidden.
#pragma once
#include <filesystem>
#include <string>

namespace mvmoe {

constexpr const char* read_endings = "jpg, jpeg, jpe, jfif, png, bmp, gif";

// Ends in one of read_endings, in any case.
bool has_image_name(const std::filesystem::path& path);

// The ending if it is that of a picture of a kind that is not supported (webp, tif, tiff, avif, heic, heif, jp2, jxl);
// else empty.
std::string unread_picture(const std::filesystem::path& path);

// Begins with `.` or `@`, or is __MACOSX: .ipynb_checkpoints, ._1.jpg, .Trashes, @eaDir. Never a class and never an
// image.
bool is_hidden(const std::filesystem::path& name);

}  // namespace mvmoe
