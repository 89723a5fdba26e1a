// tools/examples/classify_c.c: the same by the C interface.
#include <mvmoe.h>
#include <stdio.h>

int main(int argc, char** argv) {
  if (argc != 3) return fprintf(stderr, "usage: classify_c WEIGHTS IMAGE\n"), 2;
  mvmoe_model* model = mvmoe_load(argv[1]);
  mvmoe_prediction* said = model ? mvmoe_predict_file(model, argv[2]) : NULL;
  int labels[5];
  float probabilities[5];
  const int count = said ? mvmoe_top(said, 5, labels, probabilities) : -1;
  if (count < 0) fprintf(stderr, "classify_c: %s\n", mvmoe_error());
  for (int i = 0; i < count; ++i) printf("%.6f %s\n", probabilities[i], mvmoe_class_name(model, labels[i]));
  mvmoe_prediction_free(said);
  mvmoe_free(model);
  return count < 0;
}
