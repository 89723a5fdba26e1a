// train/superclass/graph.h: the confusion graph: classes joined by how often one is taken for the other.
#pragma once
#include "train/superclass/matrix.h"

namespace mvmoe {

// S [C, C] = (P + P^T) / 2 with a diagonal of zeros, where P is the matrix with each row divided by its sum, so that a
// class counts the same however many images it has. A row of zeros stays one. Symmetric to the bit.
// Source: Jin et al. 2017; Daxberger et al. 2023, arXiv 2309.04354, section 3.
DoubleMatrix confusion_graph(const DoubleMatrix& confusion);

}  // namespace mvmoe
