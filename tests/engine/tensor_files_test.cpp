// Several safetensors files as one. Wrong but plausible, and what shows it: a name in the index that leads out of its
// folder followed before it is refused; a tensor taken from another file than the index says; one that no file has.
#include <gtest/gtest.h>

#include "engine/pickled.h"
#include "engine/tensor_files.h"
#include "tests/engine/helpers.h"

namespace mvmoe {
namespace {

class TensorFilesTest : public testing::Test {
 protected:
  TensorFilesTest() {
    float a[] = {1, 2}, b[] = {3};
    write_safetensors(folder_ / "one.safetensors", {{"a", {a, {2}}}}, {});
    write_safetensors(folder_ / "two.safetensors", {{"b", {b, {1}}}}, {});
  }
  std::string index(const std::string& text) {
    put_file(folder_ / "index.json", text);
    return message_of([&] { TensorFiles files(folder_ / "index.json"); });
  }
  TemporaryFolder folder_;
};

TEST_F(TensorFilesTest, TensorsOfAllFiles) {
  EXPECT_EQ(index(R"({"metadata": {}, "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})"),
            "nothing was thrown");
  const TensorFiles files(folder_ / "index.json");
  EXPECT_EQ(files.count(), 2u);
  EXPECT_EQ(files.entries().size(), 2u);
  EXPECT_EQ(files.verify(), 2);
  EXPECT_EQ(files.find("c"), nullptr);
  float a[2], b[1];
  files.read("a", {a, {2}});
  files.read("b", {b, {1}});
  EXPECT_EQ(a[1], 2);
  EXPECT_EQ(b[0], 3);
}

TEST_F(TensorFilesTest, NothingOutsideTheFolderIsOpened) {
  const std::string start = (folder_ / "index.json").string() + ": says that tensor 'a' is in ",
                    end = ": must be the plain name of a file beside it";
  for (const std::string name : {"../one.safetensors", "/etc/passwd", "sub/one.safetensors", "..", ".", "", "a\\\\b"}) {
    const std::string shown = name == "a\\\\b" ? "a\\b" : name;
    EXPECT_EQ(index("{\"weight_map\": {\"a\": \"" + name + "\"}}"), start + "'" + shown + "'" + end);
  }
  EXPECT_EQ(index(R"({"weight_map": {"a": 7}})"), start + "no file" + end);
}

TEST_F(TensorFilesTest, AnIndexThatIsNone) {
  const std::string start = (folder_ / "index.json").string() + ": ";
  for (const char* text : {"[]", "{}", R"({"weight_map": 3})", R"({"weight_map": {}})"})
    EXPECT_EQ(index(text),
              start + "is no index of safetensors files: it has no weight_map of tensors and the files they are in")
        << text;
  EXPECT_EQ(index(R"({"weight_map": {"a": "one.safetensors", "a": "two.safetensors"}})"),
            start + "the index names 'a' twice");
  EXPECT_EQ(index("{"), start + "the index is not valid JSON at its byte 2");
}

TEST_F(TensorFilesTest, IndexAndFilesContradict) {
  const std::string one = (folder_ / "one.safetensors").string(), shown = (folder_ / "index.json").string();
  EXPECT_EQ(index(R"({"weight_map": {"b": "one.safetensors"}})"),
            one + ": has no tensor 'b', which " + shown + " says is there");
  EXPECT_EQ(index(R"({"weight_map": {"b": "two.safetensors", "c": "two.safetensors"}})"),
            (folder_ / "two.safetensors").string() + ": has no tensor 'c', which " + shown + " says is there");
  float ab[] = {1};
  write_safetensors(folder_ / "three.safetensors", {{"a", {ab, {1}}}, {"c", {ab, {1}}}}, {});
  EXPECT_EQ(
      index(R"({"weight_map": {"a": "one.safetensors", "c": "three.safetensors"}})"),
      (folder_ / "three.safetensors").string() + ": has the tensor 'a', which " + shown + " does not say is there");
  EXPECT_EQ(index(R"({"weight_map": {"a": "gone.safetensors"}})"),
            (folder_ / "gone.safetensors").string() + ": No such file or directory");
}

TEST_F(TensorFilesTest, PickledFilesAreToldApartAndNotOpened) {
  const auto opening = [&](const std::string& name, const std::string& bytes) {
    put_file(folder_ / name, bytes);
    return message_of([&] { SafetensorsFile file(folder_ / name); });
  };
  const std::string zip("PK\x03\x04\0\0\x08\x08\0\0", 10), pickle("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9", 9);
  for (const auto& [name, bytes] : {std::pair<std::string, std::string>{"a.pt", zip},
                                    {"pytorch_model.bin", zip},
                                    {"named.safetensors", pickle},
                                    {"b.pth", pickle},
                                    {"c.ckpt", "x"}}) {
    const std::string path = (folder_ / name).string(), message = opening(name, bytes);
    EXPECT_EQ(message, path + ": " + pickled_advice(folder_ / name));
    EXPECT_NE(message.find("weights_only=True"), std::string::npos);
    EXPECT_TRUE(message.ends_with("'" + path + "' '" +
                                  std::filesystem::path(path).replace_extension(".safetensors").string() + "'"))
        << message;
  }
  EXPECT_TRUE(pickled_advice("it's.pt").ends_with(R"('it'\''s.pt' 'it'\''s.safetensors')"));
}

}  // namespace
}  // namespace mvmoe
