# mvmoe. `make help` lists the targets.
#
# Variables: ARCH (the processor to build for, default native), ONEDNN (a folder with include/ and lib/ of another
# oneDNN), LIBRARIES (the same for all the others, if they are not in the system's folders), MPI (1: for
# clusters), BUILD (default build), PREFIX (where to install to, default /usr/local), DESTDIR (a folder that stands for the
# root while installing).
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

ARCH ?= native
BUILD ?= build
PREFIX ?= /usr/local
# Of the C interface. The first number is the soname's: another one where programs must be compiled anew.
VERSION := 0.1.0
CXX := g++
CXXFLAGS ?= -O3
# g++ 12 sees overlaps in std::string's operator+ that are not there (GCC bug 105651): that one warning is off.
WARNINGS := -Wall -Wextra -Werror -Wno-restrict
# Neither errno nor traps are looked at, and NaN stays NaN: -ffast-math is never used. One set of objects serves the program
# and both libraries: position-independent, which costs nothing where no symbol can be replaced from outside (hidden).
override CXXFLAGS += -fPIC -fvisibility=hidden -std=c++20 -march=$(ARCH) -fopenmp -fno-math-errno -fno-trapping-math $(WARNINGS) -I. -MMD -MP
LDLIBS := -ldnnl -ljpeg -lz
# MPI=1: several processes train together. One of two files is linked; without it nothing of MPI is needed.
comm := engine/comm_local.cpp
MPICXX ?= mpicxx
ifdef MPI
comm := $(wildcard engine/mpi/*.cpp)
LDLIBS += $(shell $(MPICXX) --showme:link 2>/dev/null)
# Whatever is about to be compiled needs it; these targets compile nothing, or install it first.
ifeq ($(shell command -v $(MPICXX))$(filter setup test demo demo-glyphs cluster-test slurm-test clean help,$(MAKECMDGOALS)),)
$(error MPI=1 needs $(MPICXX), which is not here: make setup MPI=1 installs it)
endif
endif
ifdef ONEDNN
override CXXFLAGS += -isystem $(ONEDNN)/include
override LDFLAGS += -L$(ONEDNN)/lib -Wl,-rpath,$(ONEDNN)/lib
endif
ifdef LIBRARIES
override CXXFLAGS += -isystem $(LIBRARIES)/include
override LDFLAGS += -L$(LIBRARIES)/lib -Wl,-rpath,$(LIBRARIES)/lib
endif

# A command for everyone (make test) uses all cores, unless -j says otherwise.
make_all = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

chosen := $(filter-out engine/comm_local.cpp,$(wildcard engine/*.cpp)) $(comm)
library := $(patsubst %,$(BUILD)/%.o,$(chosen) $(wildcard ops/*.cpp models/*.cpp train/*.cpp train/*/*.cpp train/data/*.S tools/library/*.cpp))
gradcheck := $(patsubst %,$(BUILD)/%.o,$(wildcard tools/gradcheck/*.cpp tools/gradcheck/*/*.cpp))
report := $(patsubst %,$(BUILD)/%.o,$(wildcard tools/report/*.cpp tools/report/*.S))
program := $(patsubst %,$(BUILD)/%.o,$(wildcard tools/mvmoe/*.cpp tools/pipeline/*.cpp tools/study/*.cpp))
fuzzed := $(patsubst tests/fuzz/%.cpp,%,$(filter-out %/entry.cpp %_test.cpp,$(wildcard tests/fuzz/*.cpp)))
readers := $(patsubst %,$(BUILD)/tests/fuzz/%.cpp.o,$(fuzzed))
tests := $(readers) $(patsubst %,$(BUILD)/%.o,$(filter-out $(WITHOUT),$(wildcard tests/*/*_test.cpp tests/*.cpp)))
headers := $(wildcard engine/*.h ops/*.h models/*.h train/*.h train/*/*.h)
examples := $(patsubst tools/examples/%.cpp,$(BUILD)/examples/%,$(wildcard tools/examples/*.cpp))

.PHONY: all help install setup test demo demo-glyphs mutate fuzz fuzzers asan tsan format format-check check-all gradcheck examples bench bench-lanes bench-collapse kill-test hosts-test cluster-test slurm-test venv clean
all: $(BUILD)/mvmoe $(BUILD)/libmvmoe.a $(BUILD)/libmvmoe.so  ## build build/mvmoe, build/libmvmoe.a and build/libmvmoe.so

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

install: all  ## install the program, both libraries, headers and pkg-config files (PREFIX=/usr/local DESTDIR=)
	@tools/library/install.sh $(BUILD) "$(DESTDIR)" "$(PREFIX)" $(VERSION) "$(strip $(LDFLAGS) $(LDLIBS))" $(headers)

setup:  ## install what is missing (apt, as root or by sudo); touches nothing where all is there
	@MPI=$(MPI) tools/setup.sh

demo: setup  ## set up, build, run the whole method on fractals that are drawn on the way: dense, then with experts
	+@$(make_all) all
	@bash tools/demo.sh $(BUILD)

demo-glyphs: setup  ## the same on the embedded letters and digits, of which there are too few for experts to win
	+@$(make_all) all
	@bash tools/demo_glyphs.sh $(BUILD)

test: setup  ## set up, build, run every test; the last line counts them
	+@$(make_all) all $(BUILD)/mvmoe-tests examples $(if $(MPI),$(BUILD)/network)
	@tools/test.sh $(BUILD)

gradcheck: all  ## check every op's backward against its double-precision reference
	@$(BUILD)/mvmoe gradcheck

mutate: setup  ## break every backward, one by one: a test must turn red each time
	@tools/mutate/mutate.sh

# Sanitizers build everything anew, each into a folder of its own. To warn is the ordinary build's affair.
sanitize := -O1 -g1 -fno-omit-frame-pointer -fno-sanitize-recover=all
memory := address,undefined,float-cast-overflow

FUZZ_SECONDS ?= 60
fuzz: setup  ## a minute (FUZZ_SECONDS) of made-up files for each reader of a file from outside (needs clang)
	@tools/needs.sh "make fuzz" clang++:clang
	+@$(make_all) BUILD=$(BUILD)/fuzz CXX=clang++ WARNINGS=-w \
	  CXXFLAGS="$(sanitize) -fsanitize=fuzzer-no-link,$(memory)" LDFLAGS="-fsanitize=fuzzer,$(memory)" fuzzers
	@bash tests/fuzz/fuzz.sh $(BUILD)/fuzz $(FUZZ_SECONDS) $(fuzzed)

asan: setup  ## every GoogleTest and the fuzzers' corpora under AddressSanitizer and UBSan
	+@$(make_all) BUILD=$(BUILD)/asan WARNINGS=-w CXXFLAGS="$(sanitize) -fsanitize=$(memory)" LDFLAGS="-fsanitize=$(memory)" $(BUILD)/asan/mvmoe-tests
	@bash tests/sanitize/run.sh $(BUILD)/asan

# The test that counts allocations replaces operator new, which ThreadSanitizer replaces too: one of the two can.
replaces_new := tests/train/allocation_test.cpp
# clang's: it has an OpenMP runtime that tells ThreadSanitizer of its barriers. g++'s has not, and gives false reports.
tsan: setup  ## every GoogleTest under ThreadSanitizer, which must report a seeded race (needs clang, libomp-dev, llvm)
	@tools/needs.sh "make tsan" clang++:clang '/usr/lib/llvm-*/lib/libarcher.so:libomp-dev' llvm-symbolizer:llvm
	+@$(make_all) BUILD=$(BUILD)/tsan CXX=clang++ WARNINGS=-w CXXFLAGS="$(sanitize) -fsanitize=thread" LDFLAGS="-fsanitize=thread" WITHOUT=$(replaces_new) \
	  $(BUILD)/tsan/mvmoe-tests $(BUILD)/tsan/seeded_race
	@bash tests/sanitize/tsan.sh $(BUILD)/tsan

sources = $(shell git ls-files -- '*.h' '*.cpp')
format:  ## lay every source out anew, as .clang-format says
	@tools/needs.sh "make format" clang-format-14:clang-format-14
	@clang-format-14 -i $(sources)

format-check:  ## fail where make format would change something (installs clang-format 14 where it is missing)
	@tools/cluster/setup.sh "make format-check" clang-format-14:clang-format-14
	@clang-format-14 --dry-run -Werror $(sources)

check-all:  ## make test, asan and tsan, one after the other
	@$(MAKE) --no-print-directory test
	@$(MAKE) --no-print-directory asan
	@$(MAKE) --no-print-directory tsan

fuzzers: $(addprefix $(BUILD)/fuzz-,$(fuzzed))

examples: $(examples)  ## build the small networks in tools/examples

bench: all  ## the engine against PyTorch and others, pair by pair (PEERS=FOLDER PYTHON=..): ratios and missed goals
	@PEERS="$(PEERS)" PYTHON="$(or $(PYTHON),$(BUILD)/venv/bin/python)" bash tools/bench/compare.sh $(BUILD)/mvmoe

bench-lanes: $(BUILD)/bench/lanes  ## lanes of images against batch-wide operations, on this machine
	@$<

bench-collapse: all  ## learned routing with and without a balance loss: what each expert gets
	@bash tools/bench/collapse.sh $(BUILD)/mvmoe

KILLS ?= 200
kill-test: all  ## kill -9 a run on glyphs at KILLS random moments: it must end as if undisturbed
	@bash tools/bench/kill.sh $(BUILD)/mvmoe $(KILLS)

mpi_needs := mpirun:openmpi-bin mpicxx:libopenmpi-dev
# The program is linked anew with MPI, in the same folder; the next make links it without.
hosts-test:  ## ranks on several hosts (network namespaces), one of them cut off: a minute; needs root and MPI
	@tools/needs.sh "make hosts-test" $(mpi_needs) ip:iproute2
	+@$(make_all) MPI=1 all $(BUILD)/network
	@bash tests/cluster/hosts.sh $(BUILD)/mvmoe

cluster-test:  ## the same, and ranks against one: ten minutes (SHORT=1: without whole trainings, four); installs MPI
	@$(MAKE) --no-print-directory setup MPI=1
	@tools/cluster/setup.sh "make cluster-test" $(mpi_needs) ip:iproute2
	@$(MAKE) --no-print-directory hosts-test
	+@$(make_all) MPI=1 $(BUILD)/mvmoe-tests
	@bash tests/cli/ranks.sh $(BUILD)/mvmoe
	@bash tests/cli/expert_parallel.sh $(BUILD)/mvmoe
	@$(if $(SHORT),,bash tests/cluster/accuracy.sh $(BUILD)/mvmoe)

slurm-test:  ## a real Slurm of one node: preempted jobs save, queue again, end as if undisturbed (installs Slurm, MPI)
	@$(MAKE) --no-print-directory setup MPI=1
	@tools/cluster/setup.sh "make slurm-test" $(mpi_needs) /usr/sbin/munged:munge /usr/sbin/slurmctld:slurmctld /usr/sbin/slurmd:slurmd sbatch:slurm-client
	+@$(make_all) MPI=1 all
	@bash tests/cluster/slurm.sh $(BUILD)/mvmoe

venv:  ## a Python environment for golden values and peers (never needed to build, train or test)
	python3 -m venv $(BUILD)/venv && $(BUILD)/venv/bin/pip install -r tools/onnx/requirements.txt

clean:  ## remove the build folder
	rm -rf $(BUILD)

$(BUILD)/libmvmoe.a: $(library) $(BUILD)/libraries
	@rm -f $@
	ar rcs $@ $(library)

$(BUILD)/libmvmoe.so: $(library) tools/library/exports.map $(BUILD)/libraries
	$(CXX) -shared -fopenmp $(LDFLAGS) -Wl,-soname,libmvmoe.so.$(firstword $(subst ., ,$(VERSION))) \
	  -Wl,--version-script=tools/library/exports.map -Wl,-z,defs $(library) $(LDLIBS) -o $@

$(BUILD)/mvmoe: $(program) $(gradcheck) $(report) $(BUILD)/libmvmoe.a
	$(CXX) -fopenmp $(LDFLAGS) $^ $(LDLIBS) -o $@

# tests/models/executed_macs_test.cpp stands between gemm and its callers.
gemm := _ZN5mvmoe4gemmERKNS_6MatrixES2_S2_NS_7FactorsENS_7KernelsE
$(BUILD)/mvmoe-tests: $(tests) $(gradcheck) $(report) $(filter-out %/main.cpp.o,$(program)) $(BUILD)/libmvmoe.a
	$(CXX) -fopenmp $(LDFLAGS) -Wl,--wrap=$(gemm) $^ $(LDLIBS) -lgtest -lgtest_main -o $@

flag_objects := $(patsubst %,$(BUILD)/tools/mvmoe/%.cpp.o,augment_options flags hints machine options recipes train_options)
$(BUILD)/fuzz-%: $(BUILD)/entry/%.o $(readers) $(flag_objects) $(BUILD)/libmvmoe.a
	$(CXX) -fopenmp $(LDFLAGS) $^ $(LDLIBS) -lgtest -o $@

$(BUILD)/seeded_race: $(BUILD)/tests/sanitize/seeded_race.cpp.o $(BUILD)/engine/threads.cpp.o
	$(CXX) $(LDFLAGS) $^ -o $@

$(BUILD)/entry/%.o: tests/fuzz/entry.cpp tests/fuzz/readers.h $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -DREADER=$* -c $< -o $@

$(BUILD)/examples/%: $(BUILD)/tools/examples/%.cpp.o $(BUILD)/libmvmoe.a
	@mkdir -p $(@D)
	$(CXX) -fopenmp $(LDFLAGS) $^ $(LDLIBS) -o $@

$(BUILD)/bench/%: $(BUILD)/tools/bench/%.cpp.o $(BUILD)/libmvmoe.a
	@mkdir -p $(@D)
	$(CXX) -fopenmp $(LDFLAGS) $^ $(LDLIBS) -o $@

# MPI's C++ interface, long abandoned, is not compiled: g++ warns of it.
$(BUILD)/network: $(BUILD)/tools/cluster/network.cpp.o $(patsubst %,$(BUILD)/engine/%.cpp.o,mpi/ring compressed random)
	@tools/needs.sh "make $@" $(MPICXX):libopenmpi-dev
	$(MPICXX) -fopenmp $(LDFLAGS) $^ -o $@

# These run on any x86-64, to say that the rest does not.
$(BUILD)/tools/mvmoe/processor_check.cpp.o $(BUILD)/engine/processor.cpp.o $(BUILD)/tools/library/load.cpp.o: override CXXFLAGS += -march=x86-64

# g++ 12 takes what AVX-512's own header leaves undefined on purpose, inlined into Eigen, for a mistake (GCC bug 105593).
$(BUILD)/train/superclass/spectral.cpp.o: override CXXFLAGS += -Wno-maybe-uninitialized

# An augmentation gives the bytes that Pillow gives, and a fractal is the same, on every processor: a product and a sum are not fused into one rounding.
$(BUILD)/train/augment/%.cpp.o $(BUILD)/train/data/fractal%.cpp.o: override CXXFLAGS += -ffp-contract=off

# The flags are part of every object: other flags, another compiler: another object.
$(BUILD)/flags: FORCE
	@mkdir -p $(BUILD)
	@echo '$(CXX) $(CXXFLAGS)' | cmp -s - $@ || echo '$(CXX) $(CXXFLAGS)' > $@
# What is linked, too: with and without MPI, everything is linked anew.
$(BUILD)/libraries: FORCE
	@mkdir -p $(BUILD)
	@echo '$(comm) $(LDFLAGS) $(LDLIBS)' | cmp -s - $@ || echo '$(comm) $(LDFLAGS) $(LDLIBS)' > $@
.PHONY: FORCE

$(BUILD)/engine/mpi/%.o $(BUILD)/tools/cluster/network%.o: override CXXFLAGS += $(patsubst -I%,-isystem %,$(shell $(MPICXX) --showme:compile 2>/dev/null))

.SECONDARY:

$(BUILD)/%.cpp.o: %.cpp $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) $(CXXFLAGS) -c $< -o $@

$(BUILD)/train/data/%.S.o: train/data/%.S train/data/glyphs.gz $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) -c $< -o $@

$(BUILD)/tools/report/%.S.o: tools/report/%.S tools/report/style.css $(BUILD)/flags
	@mkdir -p $(@D)
	$(CXX) -c $< -o $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
