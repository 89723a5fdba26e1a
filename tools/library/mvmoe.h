/* mvmoe.h: the C interface of libmvmoe: a network from a weights file, and what it says of images.

     mvmoe_model* model = mvmoe_load("best.safetensors");
     mvmoe_prediction* said = model ? mvmoe_predict_file(model, "photo.jpg") : NULL;
     int labels[5];
     float probabilities[5];
     int count = said ? mvmoe_top(said, 5, labels, probabilities) : -1;
     if (count < 0) fprintf(stderr, "%s\n", mvmoe_error());
     for (int i = 0; i < count; ++i) printf("%f %s\n", probabilities[i], mvmoe_class_name(model, labels[i]));
     mvmoe_prediction_free(said);
     mvmoe_free(model);

   Errors. A function that gives a pointer gives NULL, one that gives a number gives -1; mvmoe_error then says in one
   line what was wrong. A null pointer is such an error, too. No call ends the process, throws or jumps.

   Threads. A model does not change once it is loaded: any number of threads may use one at once, and so a prediction. A
   call works on the thread that calls, starts no other, and leaves the caller's OpenMP settings as they were. Every
   thread that predicts at the same time takes working memory of its own, which the model keeps for the next. Only
   freeing must wait: what is freed may be in no other call, and in none after that: freed twice is as undefined as with
   free. The error text is each thread's own, and ends with it. A thread needs a stack of 256 KiB.

   Processes. While a network computes, the calling thread's signals wait; a handler runs when it is done. A child of
   fork may use a model that was in no call when it was made. A file of weights is read as a whole while it is loaded:
   it may be changed or removed afterwards, and the model stays the same. dlclose is allowed once all is freed. */
#ifndef MVMOE_H
#define MVMOE_H

#include <stddef.h>
#include <stdint.h>

#define MVMOE_API __attribute__((visibility("default")))

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mvmoe_model mvmoe_model;           /* a network with its weights */
typedef struct mvmoe_prediction mvmoe_prediction; /* what it said of one image; lives on when the model is freed */

/* A safetensors file that mvmoe wrote; or one of timm's with its config.json beside it; or the index JSON of several.
 */
MVMOE_API mvmoe_model* mvmoe_load(const char* path);
MVMOE_API void mvmoe_free(mvmoe_model* model); /* NULL: does nothing */

/* Names are UTF-8 where the data set's were, and live as long as the model; of a network that knows none they are
 * numbers. */
MVMOE_API int mvmoe_classes(const mvmoe_model* model);
MVMOE_API const char* mvmoe_class_name(const mvmoe_model* model, int label); /* 0 <= label < mvmoe_classes */

/* An image of any size, at most 100 million pixels: a JPEG or PNG file (by its content, whatever its name), the bytes
   of one, or pixels [height, width, 3], row by row without gaps: red, green, blue, 0 to 255. */
MVMOE_API mvmoe_prediction* mvmoe_predict_file(const mvmoe_model* model, const char* path);
MVMOE_API mvmoe_prediction* mvmoe_predict_encoded(const mvmoe_model* model, const void* bytes, size_t size);
MVMOE_API mvmoe_prediction* mvmoe_predict_rgb(const mvmoe_model* model, const uint8_t* pixels, int width, int height);
MVMOE_API void mvmoe_prediction_free(mvmoe_prediction* prediction); /* NULL: does nothing */

/* The `count` most probable classes, the first first, into labels and probabilities [count]. Gives how many were
   written: fewer where the network has fewer classes. */
MVMOE_API int mvmoe_top(const mvmoe_prediction* prediction, int count, int* labels, float* probabilities);

/* What was said of every class, before the softmax: [mvmoe_classes], until the prediction is freed. */
MVMOE_API const float* mvmoe_logits(const mvmoe_prediction* prediction);

/* The super-class of the most probable class, from 0; MVMOE_NONE where the network was not made from any. */
#define MVMOE_NONE (-2)
MVMOE_API int mvmoe_superclass(const mvmoe_prediction* prediction);

/* Gives how many experts ran for the image, 0 in a dense network, and writes at most `count` of them, the heaviest
   first: their numbers and gates [count]. With count 0 both may be NULL. */
MVMOE_API int mvmoe_experts(const mvmoe_prediction* prediction, int count, int* experts, float* gates);

/* Why the last call that failed on this thread did: one line, at most 1023 bytes, never NULL, "" where none has; whole
   characters where names are UTF-8. It lives until the next call that fails on this thread. */
MVMOE_API const char* mvmoe_error(void);

#ifdef __cplusplus
}
#endif
#endif
