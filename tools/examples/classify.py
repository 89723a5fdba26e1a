"""The same from Python, by ctypes alone: python3 classify.py LIBRARY WEIGHTS IMAGE, LIBRARY being libmvmoe.so's path."""

import ctypes
import sys

if len(sys.argv) != 4:
    sys.exit(__doc__)
library, weights, image = sys.argv[1:]
mvmoe = ctypes.CDLL(library)
mvmoe.mvmoe_load.restype = mvmoe.mvmoe_predict_file.restype = ctypes.c_void_p
mvmoe.mvmoe_class_name.restype = mvmoe.mvmoe_error.restype = ctypes.c_char_p


def needed(pointer):
    if pointer is None:
        sys.exit("classify.py: " + mvmoe.mvmoe_error().decode(errors="replace"))
    return ctypes.c_void_p(pointer)


model = needed(mvmoe.mvmoe_load(weights.encode()))
said = needed(mvmoe.mvmoe_predict_file(model, image.encode()))
labels, probabilities = (ctypes.c_int * 5)(), (ctypes.c_float * 5)()
for i in range(mvmoe.mvmoe_top(said, 5, labels, probabilities)):
    name = mvmoe.mvmoe_class_name(model, labels[i])
    print(f"{probabilities[i]:.6f} {name.decode(errors='replace')}")
mvmoe.mvmoe_prediction_free(said)
mvmoe.mvmoe_free(model)
