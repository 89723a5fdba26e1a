#include "train/superclass/spectral.h"

#define EIGEN_DONT_PARALLELIZE  // the same bits for any number of threads
#include <eigen3/Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/error.h"
#include "train/superclass/graph.h"
#include "train/superclass/kmeans.h"

namespace mvmoe {
namespace {

std::vector<double> degrees(const DoubleMatrix& graph) {
  std::vector<double> d;
  for (int i = 0; i < graph.rows; ++i) d.push_back(std::accumulate(graph[i].begin(), graph[i].end(), 0.0));
  return d;
}

DoubleMatrix subgraph(const DoubleMatrix& graph, const std::vector<int>& kept) {
  const int n = static_cast<int>(kept.size());
  DoubleMatrix part(n, n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) part.at(i, j) = graph.at(kept[i], kept[j]);
  return part;
}

// Points [n, k]: the first k eigenvectors, rows scaled to unit length.
DoubleMatrix embedding(const Spectrum& spectrum, int k) {
  const int n = spectrum.vectors.rows;
  DoubleMatrix points(n, k);
  for (int i = 0; i < n; ++i) {
    double squares = 0;
    for (int j = 0; j < k; ++j) squares += spectrum.vectors.at(i, j) * spectrum.vectors.at(i, j);
    // If the graph has more separate parts than k, the first k vectors may hold only rounding errors for some parts.
    // Scaled to length 1 these would scatter the classes, so such classes stay together at 0.
    if (squares < 1e-16) continue;
    for (int j = 0; j < k; ++j) points.at(i, j) = spectrum.vectors.at(i, j) / std::sqrt(squares);
  }
  return points;
}

// Into how many of the E super-classes the `connected` classes are divided; the isolated classes are in the rest. At
// most half as many as there are connected classes, so that a super-class has two classes on average. But at least so
// many that the isolated classes can fill the rest, and that no super-class exceeds `largest`.
int spectral_groups(int connected, int isolated, int experts, int largest) {
  int groups = std::max(experts - isolated, std::min(experts, connected / 2));
  if (largest != 0) groups = std::max(groups, (connected + largest - 1) / largest);
  return groups;
}

}  // namespace

Spectrum laplacian_spectrum(const DoubleMatrix& graph) {
  const int n = graph.rows;
  const std::vector<double> d = degrees(graph);
  Eigen::MatrixXd laplacian(n, n);
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j) laplacian(i, j) = (i == j) - graph.at(i, j) / std::sqrt(d[i]) / std::sqrt(d[j]);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(laplacian);
  if (solver.info() != Eigen::Success) fail("the eigenvalues of the confusion graph's Laplacian did not converge");
  Spectrum spectrum{.values = {}, .vectors = {n, n}};
  for (int k = 0; k < n; ++k) {
    spectrum.values.push_back(std::max(0.0, solver.eigenvalues()[k]));  // rounding may give -1e-16 for 0
    for (int i = 0; i < n; ++i) spectrum.vectors.at(i, k) = solver.eigenvectors()(i, k);
  }
  return spectrum;
}

SuperClasses spectral_division(const Confusion& confusion, int experts, int largest, std::uint64_t seed,
                               const std::function<void(int, int)>& begins) {
  const int C = static_cast<int>(confusion.classes.size());
  check_division(C, experts, largest);
  const DoubleMatrix graph = confusion_graph(confusion.matrix);
  const std::vector<double> d = degrees(graph);
  std::vector<int> connected, isolated, group(static_cast<std::size_t>(C)), sizes(static_cast<std::size_t>(experts));
  for (int c = 0; c < C; ++c) (d[c] > 0 ? connected : isolated).push_back(c);

  SuperClasses out{.classes = confusion.classes, .of_class = {}, .count = experts, .method = "spectral", .seed = seed};
  if (!connected.empty()) {
    const Spectrum spectrum = laplacian_spectrum(subgraph(graph, connected));
    const int groups =
        spectral_groups(static_cast<int>(connected.size()), static_cast<int>(isolated.size()), experts, largest);
    const Grouping grouping = k_means(embedding(spectrum, groups), groups, seed, 100, begins);
    const std::vector<int> found = numbered_by_lowest_class(largest == 0 ? grouping.group : bounded(grouping, largest));
    for (std::size_t i = 0; i < connected.size(); ++i) ++sizes[group[connected[i]] = found[i]];
    out.eigenvalues = spectrum.values;
  }
  for (const int c : isolated) {
    group[c] = static_cast<int>(std::min_element(sizes.begin(), sizes.end()) - sizes.begin());
    ++sizes[group[c]];
  }
  out.of_class = numbered_by_lowest_class(group);
  return out;
}

std::optional<double> eigengap(const std::vector<double>& eigenvalues, int experts) {
  if (experts < 1 || experts >= static_cast<int>(eigenvalues.size())) return {};
  return eigenvalues[experts] - eigenvalues[experts - 1];
}

std::optional<int> suggested_experts(const std::vector<double>& eigenvalues) {
  std::optional<int> best;
  for (int e = 2; e <= static_cast<int>(eigenvalues.size()) / 2; ++e)
    if (!best || *eigengap(eigenvalues, e) > *eigengap(eigenvalues, *best) + 1e-12) best = e;
  return best;
}

}  // namespace mvmoe
