/* tests/cli/lib/host.c: a program that has libmvmoe.so as a plugin: host LIBRARY WEIGHTS IMAGE. It opens, uses and closes it
   10 times, while a timer's signals come in; whatever it is told must stay the same. */
#include <dlfcn.h>
#include <mvmoe.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

static volatile sig_atomic_t signals;

/* Writes over what lies below the stack pointer, as any handler does. */
static void on_signal(int number) {
  volatile char used[4096];
  memset((void*)used, number, sizeof used);
  ++signals;
}

static struct {
  mvmoe_model* (*load)(const char*);
  void (*free)(mvmoe_model*);
  mvmoe_prediction* (*predict)(const mvmoe_model*, const char*);
  void (*prediction_free)(mvmoe_prediction*);
  const float* (*logits)(const mvmoe_prediction*);
  const char* (*error)(void);
} mvmoe;

static int find(void* library, const char* name, void* function) {
  *(void**)function = dlsym(library, name);
  return *(void**)function != NULL;
}

static int use(const char* path, const char* weights, const char* image, float* said) {
  void* const library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!library) return fprintf(stderr, "%s\n", dlerror()), 0;
  if (!find(library, "mvmoe_load", &mvmoe.load) || !find(library, "mvmoe_free", &mvmoe.free) || !find(library, "mvmoe_predict_file", &mvmoe.predict) ||
      !find(library, "mvmoe_prediction_free", &mvmoe.prediction_free) || !find(library, "mvmoe_logits", &mvmoe.logits) || !find(library, "mvmoe_error", &mvmoe.error))
    return fprintf(stderr, "%s\n", dlerror()), 0;
  mvmoe_model* const model = mvmoe.load(weights);
  if (!model) return fprintf(stderr, "%s\n", mvmoe.error()), 0;
  for (int i = 0; i < 200; ++i) {
    mvmoe_prediction* const prediction = mvmoe.predict(model, image);
    if (!prediction) return fprintf(stderr, "%s\n", mvmoe.error()), 0;
    const float first = mvmoe.logits(prediction)[0];
    mvmoe.prediction_free(prediction);
    if (*said != 0 && *said != first) return fprintf(stderr, "said %g, and then %g\n", (double)*said, (double)first), 0;
    *said = first;
  }
  mvmoe.free(model);
  if (mvmoe.load("gone") || !*mvmoe.error()) return fprintf(stderr, "what is gone was loaded\n"), 0;
  return dlclose(library) == 0;
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, NULL);
  const struct itimerval often = {{0, 100}, {0, 100}};
  setitimer(ITIMER_REAL, &often, NULL);
  float said = 0;
  for (int i = 0; i < 10; ++i)
    if (!use(argv[1], argv[2], argv[3], &said)) return 1;
  printf("%d signals\n", (int)signals);
  return signals == 0;
}
