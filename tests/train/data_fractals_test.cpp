// What could be wrong and still look like fractals: an image that depends on how many there are, on a thread or on the
// compiler's rounding; test images that are training images; a class that is another one's double, empty or a blob;
// genera that mean nothing; a rotation by the wrong angle.
#include "train/data/fractals.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <set>
#include <thread>

#include "engine/files.h"
#include "tests/engine/helpers.h"
#include "tests/train/helpers.h"
#include "train/data/fractal.h"

namespace mvmoe {
namespace {

using Bytes = std::vector<std::uint8_t>;

DataSet fractals(const std::string& words) { return load_dataset("fractals:" + words); }

Bytes image(const ImageSet& set, int index) {
  Bytes bytes(set.image_bytes());
  set.draw(index, bytes.data());
  return bytes;
}

std::uint32_t checksum(const std::string& words, bool test, int index) {
  const DataSet data = fractals(words);
  return crc32_of(image(test ? data.test : data.train, index));
}

std::string parsing(const std::string& words) {
  return message_of<UsageError>([&] { load_dataset("fractals:" + words); });
}

double lit(const Bytes& picture) {
  return static_cast<double>(std::count_if(picture.begin(), picture.end(), [](int v) { return v > 0; })) /
         static_cast<double>(picture.size());
}

// A change of these means that every number measured on fractals so far is about other images.
TEST(Fractals, ImagesAreTheSameOnEveryProcessor) {
  EXPECT_EQ(checksum("", false, 0), 289172485u);
  EXPECT_EQ(checksum("", false, 1'234'567), 2156118050u);
  EXPECT_EQ(checksum("", true, 49'999), 1947514789u);
  EXPECT_EQ(checksum("classes=20,genera=4,side=224,seed=7", false, 3), 1362204925u);
  EXPECT_EQ(checksum("classes=20,flat,color=image", true, 5), 497926986u);
}

TEST(Fractals, TheDefaultHasImageNetsShape) {
  const DataSet data = load_dataset("fractals");
  EXPECT_EQ(data.train.size(), 1'300'000);
  EXPECT_EQ(data.test.size(), 50'000);
  EXPECT_EQ(data.classes.size(), 1000u);
  EXPECT_EQ(data.coarse_classes.size(), 100u);
  EXPECT_EQ(data.train.side, 32);
  EXPECT_EQ(data.train.channels, 1);
  EXPECT_EQ(data.classes[0], "g00s000");
  EXPECT_EQ(data.classes[999], "g99s999");
  std::vector<int> images(1000), species(100);
  for (const int label : data.train.labels) ++images[static_cast<std::size_t>(label)];
  for (const int genus : data.coarse_of_class) ++species[static_cast<std::size_t>(genus)];
  EXPECT_EQ(images, std::vector<int>(1000, 1300));
  EXPECT_EQ(species, std::vector<int>(100, 10));
}

TEST(Fractals, AHundredThousandTrainingImagesAreAllDifferentAndNoneIsATestImage) {
  const DataSet data = fractals("classes=100,genera=10,images=1000,test=20");
  std::set<std::string> seen;
  for (const ImageSet* set : {&data.train, &data.test})
    for (int i = 0; i < set->size(); ++i) {
      const Bytes bytes = image(*set, i);
      EXPECT_TRUE(seen.emplace(bytes.begin(), bytes.end()).second) << i;
    }
}

TEST(Fractals, AnImageIsAFunctionOfSeedClassAndNumberAlone) {
  const DataSet few = fractals("classes=30,genera=3,images=7,test=2"),
                many = fractals("classes=30,genera=3,images=100,test=9");
  for (const int species : {0, 13, 29})
    for (const int number : {0, 6}) {
      EXPECT_EQ(image(few.train, species * 7 + number), image(many.train, species * 100 + number));
      EXPECT_EQ(image(few.test, species * 2 + 1), image(many.test, species * 9 + 1));
    }
  const DataSet other = fractals("classes=30,genera=3,images=7,test=2,seed=1");
  EXPECT_NE(image(few.train, 3), image(other.train, 3));
  EXPECT_NE(image(few.train, 0), image(few.test, 0));
}

TEST(Fractals, AnyThreadDrawsTheSame) {
  const DataSet data = fractals("classes=10,genera=2,images=20");
  std::vector<Bytes> alone, threaded(200);
  for (int i = 0; i < 200; ++i) alone.push_back(image(data.train, i));
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = t; i < 200; i += 4) threaded[static_cast<std::size_t>(i)] = image(data.train, i);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(alone, threaded);
}

TEST(Fractals, AHeldOutPartDrawsItsOwnImages) {
  const DataSet data = fractals("classes=10,genera=2,images=20");
  const std::vector<bool> held_out = choose_holdout(data.train.labels, 10, 0.1f, 3);
  const ImageSet part = part_of(data.train, held_out, true), rest = part_of(data.train, held_out, false);
  ASSERT_EQ(part.size(), 20);
  ASSERT_EQ(rest.size(), 180);
  for (int i = 0, of_part = 0, of_rest = 0; i < data.train.size(); ++i) {
    const bool out = held_out[static_cast<std::size_t>(i)];
    EXPECT_EQ(image(data.train, i), out ? image(part, of_part) : image(rest, of_rest)) << i;
    EXPECT_EQ(data.train.labels[static_cast<std::size_t>(i)],
              (out ? part : rest).labels[static_cast<std::size_t>(out ? of_part++ : of_rest++)]);
  }
}

TEST(Fractals, NoClassIsEmptyOrABlob) {
  for (const char* words : {"images=8,test=1", "images=8,test=1,seed=5", "classes=200,flat,images=8,test=1",
                            "classes=100,images=8,test=1,side=96"}) {
    const DataSet data = fractals(words);
    for (std::size_t c = 0; c < data.classes.size(); ++c) {
      double filled = 0;
      for (int i = 0; i < 8; ++i) filled += lit(image(data.train, static_cast<int>(8 * c) + i)) / 8;
      EXPECT_GT(filled, 0.06) << words << " " << data.classes[c];
      EXPECT_LT(filled, 0.55) << words << " " << data.classes[c];
    }
  }
}

// Pictures of a species are nearer to those of its genus than to those of others, and nearer still to its own.
TEST(Fractals, SpeciesOfAGenusLookAlike) {
  constexpr int classes = 40, images = 60;
  const DataSet data = fractals("classes=40,genera=4,images=60,rotation=0");
  std::vector<std::vector<double>> mean(2 * classes, std::vector<double>(32 * 32));  // of the even images, of the odd
  for (int i = 0; i < data.train.size(); ++i) {
    const Bytes picture = image(data.train, i);
    std::vector<double>& sum = mean[static_cast<std::size_t>(i / images + classes * (i % 2))];
    for (std::size_t p = 0; p < picture.size(); ++p) sum[p] += picture[p] / (255.0 * images / 2);
  }
  const auto distance = [&](int a, int b) {
    double sum = 0;
    for (std::size_t p = 0; p < 32 * 32; ++p)
      sum += std::pow(mean[static_cast<std::size_t>(a)][p] - mean[static_cast<std::size_t>(classes + b)][p], 2);
    return sum;
  };
  double own = 0, genus = 0, others = 0;
  int of_genus = 0, of_others = 0;
  for (int a = 0; a < classes; ++a)
    for (int b = 0; b < classes; ++b) {
      if (a == b) own += distance(a, b) / classes;
      else if (a / 10 == b / 10) genus += distance(a, b), ++of_genus;
      else others += distance(a, b), ++of_others;
    }
  genus /= of_genus, others /= of_others;
  EXPECT_LT(1.3 * own, genus);
  EXPECT_LT(1.3 * genus, others);
}

TEST(Fractals, MeanAndDeviationAreThoseOfTheImages) {
  for (const char* words : {"classes=20,genera=4,images=25", "classes=20,genera=4,images=25,color=image"}) {
    const DataSet data = fractals(words);
    const std::size_t planes = static_cast<std::size_t>(data.train.channels), pixels = 32 * 32;
    for (std::size_t c = 0; c < 3; ++c) {
      double sum = 0, squares = 0;
      for (int i = 0; i < data.train.size(); ++i) {
        const Bytes picture = image(data.train, i);
        for (std::size_t p = 0; p < pixels; ++p) {
          const double v = picture[(planes == 3 ? c : 0) * pixels + p] / 255.0;
          sum += v, squares += v * v;
        }
      }
      const double n = static_cast<double>(data.train.size()) * pixels;
      EXPECT_NEAR(data.mean[c], sum / n, 1e-5) << words;
      EXPECT_NEAR(data.std[c], std::sqrt(squares / n - sum / n * sum / n), 1e-5) << words;
    }
  }
}

TEST(Fractals, ColoursHaveTwoEndsAndKeepThePicture) {
  const DataSet grey = fractals("classes=10,genera=2,images=5"),
                colored = fractals("classes=10,genera=2,images=5,color=image");
  for (int i = 0; i < 50; ++i) {
    const Bytes g = image(grey.train, i), c = image(colored.train, i);
    std::set<int> colours;
    for (std::size_t p = 0; p < 32 * 32; ++p)
      if (g[p] == 0) colours.insert(c[p] << 16 | c[1024 + p] << 8 | c[2048 + p]);
    EXPECT_EQ(colours.size(), 1u) << i;  // black is one colour
    const std::size_t brightest = static_cast<std::size_t>(std::max_element(g.begin(), g.end()) - g.begin());
    EXPECT_FALSE(colours.contains(c[brightest] << 16 | c[1024 + brightest] << 8 | c[2048 + brightest])) << i;
  }
}

TEST(Fractals, FlatSpeciesHaveNoGenera) {
  const DataSet data = fractals("flat,classes=30,images=3");
  EXPECT_TRUE(data.coarse_classes.empty());
  EXPECT_TRUE(data.coarse_of_class.empty());
  EXPECT_EQ(data.classes[7], "s07");
}

TEST(Fractals, SpecsThatMeanTheSameAreTheSameData) {
  EXPECT_EQ(written(parse_fractals("")),
            written(parse_fractals("images=1300,classes=1000,genera=100,spread=0.030,color=grey")));
  EXPECT_EQ(crc32_of(load_dataset("fractals").train), crc32_of(load_dataset("fractals:genera=100").train));
  EXPECT_NE(crc32_of(load_dataset("fractals").train), crc32_of(load_dataset("fractals:seed=1").train));
  EXPECT_NE(crc32_of(load_dataset("fractals").train), crc32_of(load_dataset("fractals:spread=0.031").train));
  const DataSet even = fractals("images=50");
  EXPECT_NE(crc32_of(even.train), crc32_of(even.test));
  EXPECT_EQ(parse_fractals("classes=250").genera, 25);
  EXPECT_EQ(parse_fractals("classes=7").genera, 1);
}

TEST(Fractals, ErrorsNameThePart) {
  const std::string all =
      " (classes, genera, images, test, side, genus-spread, spread, rotation, shift, zoom, seed, color, flat)";
  EXPECT_EQ(parsing("clases=10"), "--data: fractals: 'clases=10' is no KEY=VALUE of it: did you mean classes?" + all);
  EXPECT_EQ(parsing("xyz"), "--data: fractals: 'xyz' is no KEY=VALUE of it" + all);
  EXPECT_EQ(parsing("classes"),
            "--data: fractals: 'classes' is no KEY=VALUE of it: did you mean classes=NUMBER?" + all);
  EXPECT_EQ(parsing("flat=1"), "--data: fractals: 'flat=1' is no KEY=VALUE of it: did you mean flat?" + all);
  EXPECT_EQ(parsing("classes=ten"), "--data: fractals: classes=ten must be a whole number from 2 to 1000000");
  EXPECT_EQ(parsing("classes=10.5"), "--data: fractals: classes=10.5 must be a whole number from 2 to 1000000");
  EXPECT_EQ(parsing("side=8"), "--data: fractals: side=8 must be a whole number from 16 to 512");
  EXPECT_EQ(parsing("spread=nan"), "--data: fractals: spread=nan must be a number from 0 to 1");
  EXPECT_EQ(parsing("seed=-1"), "--data: fractals: seed=-1 must be a whole number from 0 to 18446744073709551615");
  EXPECT_EQ(parsing("color=red"), "--data: fractals: color=red must be grey or image");
  EXPECT_EQ(parsing("classes=10,genera=11"), "--data: fractals: genera=11 is more than classes=10");
  EXPECT_EQ(parsing("flat,genera=3"), "--data: fractals: flat has no genera: leave genera= out");
  EXPECT_EQ(parsing("side=32,side=64"), "--data: fractals: side is given twice");
  EXPECT_EQ(parsing("classes=1000000,images=3000"),
            "--data: fractals: 1000000 classes of 3000 images are 3000000000, more than 2147483647");
}

// The largest stretch of a map, by trying many directions.
double stretch(const AffineMap& m) {
  double most = 0;
  for (int i = 0; i < 1000; ++i) {
    const double angle = std::numbers::pi * i / 1000, x = std::cos(angle), y = std::sin(angle);
    most = std::max(most, std::hypot(m.a * x + m.b * y, m.c * x + m.d * y));
  }
  return most;
}

TEST(Fractal, EveryMapIsAContraction) {
  int at_the_bound = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {
    Random random(1, Place::test, 0, i);
    const FractalSystem system = random_system(random), other = moved(system, 0.3, random);
    EXPECT_GE(system.count, 2);
    EXPECT_LE(system.count, 5);
    for (int m = 0; m < system.count; ++m) {
      EXPECT_LE(stretch(system.maps[m]), 0.95 + 1e-9);
      EXPECT_LE(stretch(other.maps[m]), 0.95 + 1e-9);
      at_the_bound += stretch(system.maps[m]) > 0.95 - 1e-4;
    }
  }
  EXPECT_GT(at_the_bound, 100);  // a larger one is shrunk to the bound, not further
}

TEST(Fractal, MovesByTheSpread) {
  Random random(1, Place::test);
  FractalSystem still{.maps = {{}, {}}, .count = 2};
  double sum = 0, squares = 0;
  constexpr int draws = 5000;
  for (int i = 0; i < draws; ++i) {
    const FractalSystem other = moved(still, 0.1, random);
    for (int m = 0; m < 2; ++m)
      for (const double entry :
           {other.maps[m].a, other.maps[m].b, other.maps[m].c, other.maps[m].d, other.maps[m].e, other.maps[m].f})
        sum += entry, squares += entry * entry;
  }
  EXPECT_NEAR(sum / (12.0 * draws), 0, 0.002);
  EXPECT_NEAR(std::sqrt(squares / (12.0 * draws)), 0.1, 0.001);
}

// Three maps that halve the plane towards the corners of a triangle: Sierpinski's gasket. A picture's lit pixels,
// turned back, lie in the triangle and not in the hole in its middle.
TEST(Fractal, ATurnedGasketIsAGasketTurned) {
  const FractalSystem gasket{.maps = {{0.5, 0, 0, 0.5, 0, 0}, {0.5, 0, 0, 0.5, 0.5, 0}, {0.5, 0, 0, 0.5, 0.25, 0.5}},
                             .count = 3};
  constexpr int side = 200;
  for (const double angle : {0.0, 0.4, -1.3, 3.0, -3.1})
    for (const bool mirrored : {false, true}) {
      Random random(3, Place::test);
      Bytes picture(side * side);
      draw_fractal(gasket, {.rotation = angle, .mirrored = mirrored, .zoom = 0.9}, side, random, picture.data());
      const double corners[3][2] = {{0, 0}, {1, 0}, {0.5, 1}};
      double turned[3][2], low[2] = {9, 9}, high[2] = {-9, -9};
      for (int k = 0; k < 3; ++k) {
        const double x = mirrored ? -corners[k][0] : corners[k][0], y = corners[k][1];
        turned[k][0] = std::cos(angle) * x - std::sin(angle) * y,
        turned[k][1] = std::sin(angle) * x + std::cos(angle) * y;
        for (int d = 0; d < 2; ++d) low[d] = std::min(low[d], turned[k][d]), high[d] = std::max(high[d], turned[k][d]);
      }
      const double longer = std::max(high[0] - low[0], high[1] - low[1]), scale = 0.9 * (side - 1) / longer;
      int outside = 0, in_the_hole = 0, inside = 0;
      for (int row = 0; row < side; ++row)
        for (int column = 0; column < side; ++column) {
          if (picture[static_cast<std::size_t>(row * side + column)] == 0) continue;
          const double x = (column + 0.5 - (side - scale * (high[0] - low[0])) / 2) / scale + low[0];
          const double y = (row + 0.5 - (side - scale * (high[1] - low[1])) / 2) / scale + low[1];
          double weight[3];  // barycentric
          for (int k = 0; k < 3; ++k) {
            const double* a = turned[(k + 1) % 3];
            const double* b = turned[(k + 2) % 3];
            const double whole = (b[0] - a[0]) * (turned[k][1] - a[1]) - (b[1] - a[1]) * (turned[k][0] - a[0]);
            weight[k] = ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])) / whole;
          }
          const double margin = 0.02, least = std::min({weight[0], weight[1], weight[2]}),
                       most = std::max({weight[0], weight[1], weight[2]});
          if (least < -margin) ++outside;
          else if (most < 0.5 - margin) ++in_the_hole;
          else ++inside;
        }
      EXPECT_EQ(outside, 0) << angle << " " << mirrored;
      EXPECT_EQ(in_the_hole, 0) << angle << " " << mirrored;
      EXPECT_GT(inside, 3000) << angle << " " << mirrored;
    }
}

TEST(Fractal, TheShiftsReachBothEdges) {
  const FractalSystem gasket{.maps = {{0.5, 0, 0, 0.5, 0, 0}, {0.5, 0, 0, 0.5, 0.5, 0}, {0.5, 0, 0, 0.5, 0.25, 0.5}},
                             .count = 3};
  const auto extent = [&](double shift_x, double shift_y) {
    Random random(3, Place::test);
    constexpr int side = 40;
    Bytes picture(side * side);
    draw_fractal(gasket, {.zoom = 0.5, .shift_x = shift_x, .shift_y = shift_y}, side, random, picture.data());
    int left = side, right = 0, top = side, bottom = 0;
    for (int i = 0; i < side * side; ++i)
      if (picture[static_cast<std::size_t>(i)] > 0)
        left = std::min(left, i % side), right = std::max(right, i % side), top = std::min(top, i / side),
        bottom = std::max(bottom, i / side);
    return std::vector<int>{left, right, top, bottom};
  };
  EXPECT_EQ(extent(-0.5, -0.5), (std::vector<int>{0, 19, 0, 19}));
  const std::vector<int> end = extent(0.5, 0.5);
  EXPECT_EQ(end[1], 39);
  EXPECT_EQ(end[3], 39);
  const std::vector<int> middle = extent(0, 0.1);  // 40 pixels, 20 of them lit: 10 on either side
  EXPECT_EQ(middle[0], 10);
  EXPECT_EQ(middle[2], 14);
}

}  // namespace
}  // namespace mvmoe
