// train/superclass/graph.h: the confusion graph: an edge between two classes says how often they are confused.
#pragma once
#include "train/superclass/matrix.h"

namespace mvmoe {

// S [C, C] = (P + P^T) / 2 with zeros on the diagonal. P is the confusion matrix with each row divided by its sum, so
// that a class with many images counts no more than one with few. A row of zeros stays a row of zeros. S is exactly
// symmetric.
// Source: Jin et al. 2017; Daxberger et al. 2023, arXiv 2309.04354, section 3.
DoubleMatrix confusion_graph(const DoubleMatrix& confusion);

}  // namespace mvmoe
