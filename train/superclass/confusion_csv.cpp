#include "train/superclass/confusion_csv.h"

#include <charconv>
#include <cmath>

#include "engine/error.h"
#include "engine/files.h"
#include "train/superclass/class_names.h"

namespace mvmoe {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 28;  // 3000 classes of entries written in full
constexpr std::size_t most_classes = 10'000;

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

// Reads the fields of a file, one after the other.
struct CsvFields {
  std::string shown;  // the file's name, for errors
  std::string_view rest;
  bool line_ended = false;  // true if the last field read was the last of its line

  std::string next() {
    const std::string field = rest.starts_with('"') ? next_quoted() : next_plain();
    line_ended = !rest.starts_with(',');
    if (rest.starts_with("\r\n")) rest.remove_prefix(2);
    else if (!rest.empty()) rest.remove_prefix(1);
    return field;
  }

 private:
  std::string next_plain() {
    std::size_t end = std::min(rest.find_first_of(",\n"), rest.size());
    if (end > 0 && end < rest.size() && rest[end] == '\n' && rest[end - 1] == '\r') --end;
    const std::string field(rest.substr(0, end));
    rest.remove_prefix(end);
    return field;
  }

  std::string next_quoted() {
    std::string field;
    for (rest.remove_prefix(1);;) {
      const std::size_t quote = rest.find('"');
      if (quote == std::string_view::npos)
        fail(shown, ": the quote before ", in_quotes(field + std::string(rest.substr(0, 40))), " is never closed");
      field += rest.substr(0, quote);
      rest.remove_prefix(quote + 1);
      if (!rest.starts_with('"')) break;  // a doubled quote stands for one
      field += '"';
      rest.remove_prefix(1);
    }
    if (!rest.empty() && !rest.starts_with(',') && !rest.starts_with('\n') && !rest.starts_with("\r\n"))
      fail(shown, ": behind the quoted name ", in_quotes(field), " must be a comma or the line's end");
    return field;
  }
};

std::vector<std::string> read_header(CsvFields& fields) {
  std::vector<std::string> classes;
  std::map<std::string, std::size_t> column_of;
  fields.next();  // the top left field is not used
  while (!fields.line_ended) {
    classes.push_back(as_utf8(fields.next()));
    const auto [earlier, fresh] = column_of.emplace(classes.back(), classes.size());
    if (!fresh)
      fail(fields.shown, ": columns ", earlier->second, " and ", classes.size(), " are both named ",
           in_quotes(classes.back()));
    if (classes.size() > most_classes) fail(fields.shown, ": names more than ", most_classes, " classes");
  }
  if (classes.empty()) fail(fields.shown, ": its header names no classes");
  return classes;
}

// Returns "" and fills the entry, or says what is wrong with the field.
std::string complaint(const std::string& field, double& entry) {
  const auto parsed = std::from_chars(field.data(), field.data() + field.size(), entry);
  if (parsed.ec == std::errc::invalid_argument || parsed.ptr != field.data() + field.size())
    return in_quotes(field) + " is not a number";
  if (parsed.ec != std::errc{} || !std::isfinite(entry)) return printable(field) + " is not finite";
  return entry < 0 ? printable(field) + " is negative" : "";
}

}  // namespace

void write_confusion(const std::filesystem::path& path, const Confusion& confusion) {
  index_of_names(confusion.classes, printable(path.string()));
  std::string out = "class";
  for (const std::string& name : confusion.classes) out += "," + csv_field(as_utf8(name));
  out += "\n";
  for (std::size_t r = 0; r < confusion.classes.size(); ++r) {
    out += csv_field(as_utf8(confusion.classes[r]));
    for (const double value : confusion.matrix[static_cast<int>(r)]) {
      char digits[40];
      out += ",";
      out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
    }
    out += "\n";
  }
  write_file(path, out);
}

Confusion read_confusion(const std::filesystem::path& path) {
  const std::string shown = printable(path.string());
  const std::vector<std::uint8_t> bytes = read_file(path, largest_file);
  CsvFields fields{.shown = shown, .rest = without_mark({reinterpret_cast<const char*>(bytes.data()), bytes.size()})};
  while (fields.rest.ends_with('\n') || fields.rest.ends_with('\r')) fields.rest.remove_suffix(1);
  if (fields.rest.empty()) fail(shown, ": is empty, must be a confusion matrix as mvmoe confusion writes it");

  Confusion out;
  out.classes = read_header(fields);
  const int C = static_cast<int>(out.classes.size());
  const std::map<std::string, int> index = index_of_names(out.classes, shown);
  // Rows are added to `values` as they are read, so a long header alone takes no memory for C rows.
  out.matrix.rows = out.matrix.columns = C;
  for (int r = 0; r < C || !fields.rest.empty(); ++r) {
    const std::string wanted = r < C ? out.classes[r] : "";
    if (fields.rest.empty()) fail(shown, ": the row of ", in_quotes(wanted), " is missing");
    const std::string name = as_utf8(fields.next()), row = text(shown, ": row ", r + 1);
    const auto known = index.find(name);
    if (known == index.end()) fail(row, " is named ", in_quotes(name), ", which is no column");
    if (known->second < r) fail(row, " is ", in_quotes(name), " again, as row ", known->second + 1);
    if (known->second > r)
      fail(row, " is ", in_quotes(name), ", must be ", in_quotes(wanted),
           ": rows stand in the header's order, and none is missing");
    for (int c = 0; c < C; ++c) {
      if (fields.line_ended) fail(row, " (", printable(name), ") has ", c, " entries, must have ", C);
      double& entry = out.matrix.values.emplace_back();
      if (const std::string wrong = complaint(fields.next(), entry); !wrong.empty())
        fail(row, " (", printable(name), "), column ", c + 1, " (", printable(out.classes[c]), "): ", wrong);
    }
    if (!fields.line_ended) fail(row, " (", printable(name), ") has more than ", C, " entries");
  }
  return out;
}

}  // namespace mvmoe
