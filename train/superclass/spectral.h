// train/superclass/spectral.h: super-classes by normalised spectral clustering of the confusion graph.
//   S = confusion_graph(M)   d_i = sum_j S_ij   L = I - D^-1/2 S D^-1/2
//   class i is row i of the eigenvectors of the E smallest eigenvalues of L, scaled to unit length; k-means groups rows
//   source   Ng, Jordan, Weiss 2001; von Luxburg 2007, arXiv 0711.0189, sections 4 and 8.3
#pragma once
#include <functional>
#include <optional>

#include "train/superclass/confusion.h"
#include "train/superclass/division.h"

namespace mvmoe {

struct Spectrum {
  std::vector<double> values;  // [n], ascending, from 0 to 2
  DoubleMatrix vectors;        // [n, n], column k belongs to value k, orthonormal
};

// graph [n, n] must be symmetric, without negative entries, and with every degree above 0.
Spectrum laplacian_spectrum(const DoubleMatrix& graph);

// Divides the classes into E = `experts` super-classes, none empty. If `largest` is not 0, none has more classes than
// that. A class that is never confused is left out of the clustering (so the eigenvalues are those of the others), and
// then joins the smallest super-class. On one kind of processor the result is a function of the arguments. `begins` is
// called before each run of k-means. Throws as check_division does.
SuperClasses spectral_division(const Confusion& confusion, int experts, int largest, std::uint64_t seed,
                               const std::function<void(int run, int of)>& begins = {});

// lambda_{E+1} - lambda_E. The larger it is, the more clearly the graph falls into E parts. None if there is no
// eigenvalue number E + 1.
std::optional<double> eigengap(const std::vector<double>& eigenvalues, int experts);

// The E with the largest gap, from 2 to half the number of classes. With a larger E most super-classes would be single
// classes. None for fewer than four classes.
std::optional<int> suggested_experts(const std::vector<double>& eigenvalues);

}  // namespace mvmoe
