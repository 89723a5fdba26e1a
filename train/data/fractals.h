// train/data/fractals.h: generated images of iterated function systems, drawn when asked: nothing on disk.
//
// A genus is a system drawn at random. A class is a species: the system of its genus with small random changes. An
// image is the system of its species with smaller changes, rotated, mirrored, zoomed and shifted. So species of one
// genus look alike, as breeds of dogs do, and the genera are the coarse classes. Image i is a function of (seed, class,
// i).
#pragma once
#include <string>

#include "train/data/dataset.h"

namespace mvmoe {

// The part of a SPEC after `fractals:`. The keys have the names of the members.
struct FractalSpec {
  bool flat = false;                 // every species is a genus of its own: no coarse classes
  int classes = 1000, genera = 100;  // by default ten species a genus
  int images = 1300, test = 50;      // of a class
  int side = 32;                     // pixels
  std::uint64_t seed = 0;            // another seed gives other species
  bool colored = false;              // true: two colours are drawn for each image, independent of its class; else grey
  double genus_spread = 0.06;        // from genus to species: standard deviation of each entry of its maps
  double spread = 0.03;              // from species to image
  double rotation = 0.5;             // largest rotation to either side, in radians
  double shift = 0.05;               // largest shift from the middle, in sides, as far as there is room
  double zoom = 0.75;                // the attractor's longer side is at least this part of the image's
};

// `words`: "classes=100,genera=10" and the like, "flat", in any order; empty: the defaults. Throws UsageError that
// names the part.
FractalSpec parse_fractals(const std::string& words);

// Every key with its value. Two specifications of the same images give the same text.
std::string written(const FractalSpec& spec);

int genus_of_species(const FractalSpec& spec, int species);

}  // namespace mvmoe
