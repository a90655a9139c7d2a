# SPDX-License-Identifier: GPL-2.0-only
# `make help` lists the targets. Everything that is built goes into build/.

PREFIX   ?= /usr/local
DESTDIR  ?=
CC       ?= gcc
CLANG    ?= clang
# Debian's own: its pytest is no other python's.
PYTHON   ?= /usr/bin/python3
BUILD    := build

# /usr/sbin is in root's PATH only, and bpftool is there.
BPFTOOL  ?= $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v bpftool)
LIBS     := -lbpf -ldw -lelf -lz -llzma -ljansson -lZydis -liberty -lm -pthread

CFLAGS   := -std=gnu11 -O2 -g -Wall -Wextra -Werror -fstack-protector-strong
LDFLAGS  := -Wl,-z,relro,-z,now
ifeq ($(DEBUG),1)
  CFLAGS := -std=gnu11 -Og -g3 -Wall -Wextra -Werror
  BUILD  := build/debug
endif
ifeq ($(ASAN),1)
  CFLAGS  += -O1 -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
  LDFLAGS += -fsanitize=address,undefined
  BUILD   := build/asan
endif

CPPFLAGS     := -D_GNU_SOURCE -I. -Iuser -I$(BUILD)
USER_SOURCES := $(wildcard user/*.c user/*/*.c)
USER_OBJECTS := $(USER_SOURCES:%.c=$(BUILD)/%.o)
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS   := $(UNIT_SOURCES:%.c=$(BUILD)/%)
WORKLOADS    := $(addprefix $(BUILD)/workloads/,lazywrite shiftbuf growbuf)
VARIANTS     := $(addprefix $(BUILD)/variants/lazywrite,-static -static-pie -musl -musl-static -inlined)
STRIPPED     := $(addprefix $(BUILD)/variants/lazywrite,-stripped -static-stripped -musl-static-stripped)
LIVE_TARGETS := $(patsubst tests/live/targets/%.c,$(BUILD)/targets/%,$(wildcard tests/live/targets/*.c)) \
                $(patsubst tests/live/targets/%.cc,$(BUILD)/targets/%,$(wildcard tests/live/targets/*.cc)) \
                $(patsubst tests/live/targets/%.rs,$(BUILD)/targets/%,$(wildcard tests/live/targets/*.rs)) \
                $(patsubst tests/live/targets/%.go,$(BUILD)/targets/%,$(wildcard tests/live/targets/*.go)) \
                $(BUILD)/targets/lazygo-stripped $(BUILD)/targets/lazygo-pie
# What tests/live/targets/parts/shim.c can be: preloaded, or in the program itself.
SHIMS      := jump call helper next own both rust
OWN_COPIES := jump call helper own both rust
LINKINGS   := static static-pie musl musl-static
LIVE_TARGETS += $(addprefix $(BUILD)/targets/doors-,$(LINKINGS)) \
                $(addprefix $(BUILD)/targets/sizes-,$(LINKINGS)) \
                $(patsubst %,$(BUILD)/targets/doors-own-%,$(OWN_COPIES)) \
                $(patsubst %,$(BUILD)/targets/libshim-%.so,$(SHIMS)) \
                $(BUILD)/targets/musl-host $(BUILD)/targets/musl-plugin.so \
                $(BUILD)/targets/musl-tailing-stripped
# Call paths to a copy: tests/live/targets/chain.c as compilers are told to leave them.
CHAINS := $(addprefix $(BUILD)/targets/chain,-O0 -O0-bare -O2-pointers -O2-clang -no-frames -static \
            -musl -musl-static -stripped)
LIVE_TARGETS += $(CHAINS) $(BUILD)/targets/libchain.so
# Copy routines that the planner's unit tests call.
LOOPS := $(patsubst %,$(BUILD)/targets/loops-%.so,O1 O2 O3 Os clang)
# Loops that it must tell apart: those and other copies, and what is none.
LOOPS_INLINED := $(patsubst %,$(BUILD)/targets/inlined-%.so,O1 O2 O3 Os clang avx2 avx512)
LOOPS_OTHER   := $(LOOPS_INLINED:$(BUILD)/targets/inlined-%=$(BUILD)/targets/others-%)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help deps deps-tests need need-tests demo check check-unit check-live check-asan \
        check-fuzz fuzz execute-gates bench install clean

all: need
	@$(MAKE) --no-print-directory $(BUILD)/memwatch $(WORKLOADS)

help:
	@echo 'make                 build build/memwatch and build/workloads/'
	@echo 'sudo make demo       install what is missing, build, watch the bundled workload'
	@echo 'sudo make check      install what is missing, build, run all tests'
	@echo 'make check-unit      the unit tests alone (no root)'
	@echo 'sudo make check-live the live tests alone'
	@echo 'sudo make bench      measure what memwatch costs beside nothing and other tracers'
	@echo '                     (BENCH="loops flushes programs hits loss attach memory pauses":'
	@echo '                     some; BENCH=minute: one more; 700 MB in build/bench)'
	@echo 'make fuzz            broken files and code, FUZZ_SECONDS=30 for each target'
	@echo 'make execute-gates   the planner: mutated copy routines in an emulator, EXECUTED_PLANS=100000'
	@echo 'make deps            install the packages that the build lacks (root)'
	@echo 'make deps-tests      those of the tests as well (root)'
	@echo 'make install         into PREFIX (/usr/local), under DESTDIR'
	@echo 'make clean           remove build/'
	@echo 'DEBUG=1, ASAN=1      other builds, in build/debug and build/asan'
	@echo 'V=1                  show the commands'

# ---- packages: what is missing, and the one command that installs it ----

# A program, a header or a module of Python's, and the Debian package that brings it.
PROGRAMS      := clang:clang bpftool:bpftool
HEADERS       := stdio.h:libc6-dev bpf/libbpf.h:libbpf-dev gelf.h:libelf-dev \
                 elfutils/libdw.h:libdw-dev elfutils/debuginfod.h:libdebuginfod-dev zlib.h:zlib1g-dev \
                 jansson.h:libjansson-dev Zydis/Zydis.h:libzydis-dev lzma.h:liblzma-dev \
                 libiberty/demangle.h:libiberty-dev
TEST_PROGRAMS := g++:g++ musl-gcc:musl-tools go:golang-go rustc:rustc xz:xz-utils node:nodejs perl:perl-base \
                 sqlite3:sqlite3 redis-check-rdb:redis-tools
TEST_HEADERS  := cmocka.h:libcmocka-dev unicorn/unicorn.h:libunicorn-dev
TEST_MODULES  := pytest:python3-pytest
# What `clang -fsanitize=fuzzer,address` links: clang only recommends its package.
TEST_RUNTIMES := libclang_rt.fuzzer-x86_64.a:libclang-rt-dev

what     = $(firstword $(subst :, ,$(1)))
package  = $(lastword $(subst :, ,$(1)))
programs = $(foreach n,$(1),$(if $(shell PATH="$$PATH:/usr/sbin:/sbin" command -v $(call what,$(n))),,$(call package,$(n))))
headers  = $(foreach n,$(1),$(if $(wildcard /usr/include/$(call what,$(n)) /usr/include/*/$(call what,$(n))),,$(call package,$(n))))
runtimes = $(foreach n,$(1),$(if $(wildcard $(dir $(shell $(CLANG) -print-libgcc-file-name -rtlib=compiler-rt 2>/dev/null))$(call what,$(n))),,$(call package,$(n))))
modules  = $(foreach n,$(1),$(if $(wildcard /usr/lib/python3*/*-packages/$(call what,$(n))),,$(call package,$(n))))

MISSING      = $(strip $(call programs,$(PROGRAMS)) $(call headers,$(HEADERS)))
TEST_MISSING = $(strip $(MISSING) $(call programs,$(TEST_PROGRAMS)) \
  $(call headers,$(TEST_HEADERS)) $(call modules,$(TEST_MODULES)) $(call runtimes,$(TEST_RUNTIMES)))

# What is missing, what needs it, and the target that installs it.
define need_packages
@missing="$(1)"; if [ -n "$$missing" ]; then \
  echo "$(2) these packages: $$missing"; \
  echo "Install them with: sudo make $(3)"; exit 1; fi
endef

define install_packages
@missing="$(1)"; log=$${TMPDIR:-/tmp}/memwatch-deps.log; \
if [ -z "$$missing" ]; then exit 0; fi; \
echo "Missing packages: $$missing"; \
if ! command -v apt-get >/dev/null; then \
  echo "There is no apt-get here: install what this system calls these packages."; exit 1; fi; \
if [ "$$(id -u)" != 0 ]; then echo "Install them with: sudo make $(2)"; exit 1; fi; \
echo "Installing them ..."; \
{ apt-get update && DEBIAN_FRONTEND=noninteractive \
  apt-get install -y --no-install-recommends $$missing; } >$$log 2>&1 || \
  { tail -n 20 $$log; echo "The packages could not be installed; all of it is in $$log"; exit 1; }
endef

need:
	$(call need_packages,$(MISSING),memwatch needs,deps)

need-tests:
	$(call need_packages,$(TEST_MISSING),memwatch and its tests need,deps-tests)

deps:
	$(call install_packages,$(MISSING),deps)

deps-tests:
	$(call install_packages,$(TEST_MISSING),deps-tests)

# V=1 shows the commands.
Q := $(if $(filter 1,$(V)),,@)

# ---- the tool ----

$(BUILD)/memwatch.bpf.o: bpf/memwatch.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	@echo "  CLANG $@"
	$(Q)$(CLANG) -target bpf -mcpu=v3 -g -O2 -Wall -Wextra -Wno-unused-parameter -Werror \
	  -I/usr/include/$(shell $(CC) -dumpmachine) -D__TARGET_ARCH_x86 -c $< -o $@

$(BUILD)/memwatch.skel.h: $(BUILD)/memwatch.bpf.o
	@echo "  SKEL  $@"
	$(Q)$(BPFTOOL) gen skeleton $< name memwatch_bpf > $@

$(BUILD)/user/attach/tracer.o: $(BUILD)/memwatch.skel.h

$(BUILD)/user/%.o: user/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/memwatch: $(USER_OBJECTS)
	@echo "  CC    $@"
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# ---- workloads: no sanitizers, no debug flags; what they copy must be what they say ----

WORKLOAD_PARTS := workloads/truth.c workloads/arguments.c
WORKLOAD_FLAGS := -std=gnu11 -O2 -g -Wall -Wextra -Werror -pthread -Iworkloads

$(BUILD)/workloads/lazywrite: workloads/lazybuf.c
$(BUILD)/workloads/%: workloads/%.c $(WORKLOAD_PARTS) $(wildcard workloads/*.h) Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(WORKLOAD_FLAGS) -o $@ $(filter %.c,$^)

# ---- the bundled workload in every kind of linking, for the tests ----

$(BUILD)/variants/lazywrite-static: VARIANT_FLAGS = -static
$(BUILD)/variants/lazywrite-static-pie: VARIANT_FLAGS = -static-pie
$(BUILD)/variants/lazywrite-musl: VARIANT_CC = musl-gcc
$(BUILD)/variants/lazywrite-musl-static: VARIANT_CC = musl-gcc
$(BUILD)/variants/lazywrite-musl-static: VARIANT_FLAGS = -static
# The flush has no code of its own.
$(BUILD)/variants/lazywrite-inlined: VARIANT_FLAGS = -DINLINE_FLUSH
$(VARIANTS) $(BUILD)/variants/lazywrite: workloads/lazywrite.c workloads/lazybuf.c $(WORKLOAD_PARTS) $(wildcard workloads/*.h) Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(or $(VARIANT_CC),$(CC)) $(WORKLOAD_FLAGS) $(VARIANT_FLAGS) -o $@ $(filter %.c,$^)

$(STRIPPED): %-stripped: %
	@echo "  STRIP $@"
	$(Q)strip -o $@ $<

# ---- tests ----

UNIT_OBJECTS = $(filter-out $(BUILD)/user/main.o,$(USER_OBJECTS))

$(BUILD)/tests/unit/%: tests/unit/%.c $(UNIT_OBJECTS) Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(CPPFLAGS) -DVARIANTS='"$(BUILD)/variants"' \
	  -DTARGETS='"$(BUILD)/targets"' -Itests/unit $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(UNIT_OBJECTS) -lcmocka $(LIBS)

TARGET_FLAGS := -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror

$(addprefix $(BUILD)/targets/,doors-static sizes-static): KIND_FLAGS = -static
$(addprefix $(BUILD)/targets/,doors-static-pie sizes-static-pie): KIND_FLAGS = -static-pie
$(addprefix $(BUILD)/targets/,doors-musl sizes-musl): KIND_CC = musl-gcc
$(addprefix $(BUILD)/targets/,doors-musl-static sizes-musl-static): KIND_CC = musl-gcc
$(addprefix $(BUILD)/targets/,doors-musl-static sizes-musl-static): KIND_FLAGS = -static
define linked_target
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(or $(KIND_CC),$(CC)) $(TARGET_FLAGS) -pthread $(KIND_FLAGS) -o $@ $<
endef
$(addprefix $(BUILD)/targets/doors-,$(LINKINGS)): tests/live/targets/doors.c Makefile
	$(linked_target)

$(addprefix $(BUILD)/targets/sizes-,$(LINKINGS)): tests/live/targets/sizes.c Makefile
	$(linked_target)

$(BUILD)/targets/doors-own-%: tests/live/targets/doors.c tests/live/targets/parts/shim.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(TARGET_FLAGS) -fno-builtin -DSHIM_$* -rdynamic -o $@ $(filter %.c,$^)

$(BUILD)/targets/libshim-%.so: tests/live/targets/parts/shim.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(TARGET_FLAGS) -fno-builtin -DSHIM_$* -fPIC -shared -o $@ $<

$(BUILD)/targets/musl-host: tests/live/targets/parts/host.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)musl-gcc $(TARGET_FLAGS) -o $@ $<

$(BUILD)/targets/musl-tailing: tests/live/targets/parts/tailing.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)musl-gcc $(TARGET_FLAGS) -static -o $@ $<

$(BUILD)/targets/musl-tailing-stripped: $(BUILD)/targets/musl-tailing
	@echo "  STRIP $@"
	$(Q)strip -o $@ $<

$(BUILD)/targets/chain-O0: CHAIN_FLAGS = -O0
$(BUILD)/targets/chain-O0-bare: CHAIN_FLAGS = -O0 -fomit-frame-pointer
$(BUILD)/targets/chain-O2-pointers: CHAIN_FLAGS = -O2 -fno-omit-frame-pointer
$(BUILD)/targets/chain-O2-clang: CHAIN_CC = $(CLANG)
# Nothing but frame pointers tells where a caller is.
$(BUILD)/targets/chain-no-frames: CHAIN_FLAGS = -O2 -fno-omit-frame-pointer -fno-asynchronous-unwind-tables -g0
$(BUILD)/targets/chain-static: CHAIN_FLAGS = -O2 -static -Wl,-w
$(BUILD)/targets/chain-musl $(BUILD)/targets/chain-musl-static: CHAIN_CC = musl-gcc
$(BUILD)/targets/chain-musl-static: CHAIN_FLAGS = -O2 -static
$(filter-out %-stripped,$(CHAINS)): tests/live/targets/chain.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(or $(CHAIN_CC),$(CC)) $(TARGET_FLAGS) $(or $(CHAIN_FLAGS),-O2) -o $@ $<

$(BUILD)/targets/chain-stripped: $(BUILD)/targets/chain
	@echo "  STRIP $@"
	$(Q)strip -o $@ $<

$(BUILD)/targets/libchain.so: tests/live/targets/parts/chain_library.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(TARGET_FLAGS) -fPIC -shared -o $@ $<

# Loops as they are written: neither recognised as memcpy() nor in need of it.
$(BUILD)/targets/%-clang.so: LOOP_CC = $(CLANG) -O2
$(BUILD)/targets/%-avx2.so: LOOP_CC = $(CC) -O3 -mavx2 -fno-tree-loop-distribute-patterns
$(BUILD)/targets/%-avx512.so: LOOP_CC = $(CLANG) -O3 -mavx512bw -mavx512vl -mprefer-vector-width=512
define compiled_loops
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(or $(LOOP_CC),$(CC) -$* -fno-tree-loop-distribute-patterns) -std=gnu11 -Wall -Wextra -Werror \
	  -ffreestanding -fPIC -shared -nostdlib -o $@ $(filter %.c,$^)
endef
$(LOOPS): $(BUILD)/targets/loops-%.so: tests/unit/plan/copy_loops.c Makefile
	$(compiled_loops)

$(LOOPS_INLINED): $(BUILD)/targets/inlined-%.so: tests/unit/plan/inlined_loops.c tests/unit/plan/copy_loops.c Makefile
	$(compiled_loops)

$(LOOPS_OTHER): $(BUILD)/targets/others-%.so: tests/unit/plan/other_loops.c Makefile
	$(compiled_loops)

$(BUILD)/targets/musl-plugin.so: tests/live/targets/parts/plugin.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)musl-gcc $(TARGET_FLAGS) -fPIC -shared -o $@ $<

$(BUILD)/targets/%: tests/live/targets/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -pthread -o $@ $< -ldl

$(BUILD)/targets/%: tests/live/targets/%.cc Makefile
	@mkdir -p $(@D)
	@echo "  CXX   $@"
	$(Q)$(CXX) -O2 -g -Wall -Wextra -Werror -pthread -o $@ $<

$(BUILD)/targets/%: tests/live/targets/%.rs Makefile
	@mkdir -p $(@D)
	@echo "  RUSTC $@"
	$(Q)rustc -O -g -D warnings -o $@ $<

# Without a module, the network or the user's own cache and settings.
GO := GO111MODULE=off GOTOOLCHAIN=local GOFLAGS= GOCACHE=$(abspath $(BUILD))/go-cache go build

$(BUILD)/targets/%: tests/live/targets/%.go Makefile
	@mkdir -p $(@D)
	@echo "  GO    $@"
	$(Q)$(GO) -o $@ $<

$(BUILD)/targets/lazygo-stripped: tests/live/targets/lazygo.go Makefile
	@mkdir -p $(@D)
	@echo "  GO    $@"
	$(Q)$(GO) -ldflags='-s -w' -o $@ $<

$(BUILD)/targets/lazygo-pie: tests/live/targets/lazygo.go Makefile
	@mkdir -p $(@D)
	@echo "  GO    $@"
	$(Q)$(GO) -buildmode=pie -ldflags='-s -w' -o $@ $<

check-unit: need-tests
	@$(MAKE) --no-print-directory $(BUILD)/memwatch.bpf.o $(UNIT_TESTS) $(VARIANTS) $(LOOPS) $(LOOPS_INLINED) \
	  $(LOOPS_OTHER) $(BUILD)/targets/lazygo $(BUILD)/targets/doors-musl-static $(CHAINS) \
	  $(BUILD)/targets/libchain.so $(addprefix $(BUILD)/targets/,chain chain_cxx)
	@set -e; for test in $(UNIT_TESTS); do echo "== $$test"; $$test; done
	MEMWATCH_BUILD=$(BUILD) $(PYTHON) -m pytest -q -p no:cacheprovider tests/unit

check-live: need-tests
	@$(MAKE) --no-print-directory $(BUILD)/memwatch $(WORKLOADS) $(VARIANTS) $(STRIPPED) $(LIVE_TARGETS)
	MEMWATCH_BUILD=$(BUILD) $(PYTHON) -m pytest -p no:cacheprovider --junitxml=$(BUILD)/live-tests.xml tests/live $(PYTEST_ARGS)

# ---- fuzzing: broken files and code, with clang's libFuzzer, ASan and UBSan ----

FUZZ_SECONDS ?= 30
FUZZ         := build/fuzz
FUZZ_TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SOURCES := $(filter user/elf/% user/plan/% user/stack/% user/record/% user/base/%,$(USER_SOURCES))
FUZZ_OBJECTS := $(FUZZ_SOURCES:%.c=$(FUZZ)/%.o)
FUZZ_CFLAGS  := -std=gnu11 -O2 -g -Wall -Wextra -Werror -fno-omit-frame-pointer \
                -fsanitize=address,undefined -fno-sanitize-recover=undefined
# The planner compares known values by the million: traced, that is half of a case's time.
FUZZ_COVER   := -fno-sanitize-coverage=trace-cmp
$(patsubst %.c,$(FUZZ)/%.o,$(wildcard user/plan/size_*.c)): FUZZ_CFLAGS += $(FUZZ_COVER)
# A file may claim any size: malloc() refuses, as it does without ASan, and nothing ends there.
FUZZ_ENV     := ASAN_OPTIONS=allocator_may_return_null=1:detect_leaks=1
FUZZ_LIMITS  := -max_len=65536 -rss_limit_mb=512 -timeout=5

$(FUZZ)/user/%.o: user/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CLANG $@"
	$(Q)$(CLANG) $(CPPFLAGS) -fsanitize=fuzzer-no-link $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

# Gates under an emulator: without ASan, which it does not go with.
EXECUTED_PLANS ?= 100000
PLAN_OBJECTS   := $(filter $(BUILD)/user/plan/% $(BUILD)/user/base/%,$(USER_OBJECTS))

$(BUILD)/tests/execute_gates: tests/fuzz/execute_gates.c $(PLAN_OBJECTS) Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(PLAN_OBJECTS) -lunicorn $(LIBS)

$(FUZZ)/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_OBJECTS) Makefile
	@mkdir -p $(@D)
	@echo "  CLANG $@"
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_CFLAGS) -fsanitize=fuzzer -MMD -MP -MF $@.d -o $@ $< $(FUZZ_OBJECTS) $(LIBS)

# Whose copy routines are seeds.
COPYING := build/variants/lazywrite-static $(LOOPS:$(BUILD)/%=build/%) \
           $(addprefix build/targets/,doors-musl-static lazygo)

# Seeds that only the writer of recordings can make.
RECORD_OBJECTS := $(filter $(BUILD)/user/record/% $(BUILD)/user/base/%,$(USER_OBJECTS))

$(BUILD)/tests/make_recordings: tests/fuzz/make_recordings.c $(RECORD_OBJECTS) Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -o $@ $< $(RECORD_OBJECTS) $(LIBS)

$(FUZZ)/seeds: tests/fuzz/make_seeds.py $(wildcard tests/fuzz/seeds/*/*) $(COPYING) $(BUILD)/tests/make_recordings
	@rm -rf $@
	@echo "  SEEDS $@"
	$(Q)$(PYTHON) $< $@ $(COPYING)
	$(Q)$(BUILD)/tests/make_recordings $@/recording

# Goes on where the last run ended: build/fuzz/corpus/ holds what was found to be new.
fuzz: need-tests
	@$(MAKE) --no-print-directory $(FUZZ)/seeds $(FUZZ_TARGETS:%=$(FUZZ)/fuzz_%)
	@set -e; for target in $(FUZZ_TARGETS); do echo "== $$target"; mkdir -p $(FUZZ)/corpus/$$target; \
	  $(FUZZ_ENV) $(FUZZ)/fuzz_$$target $(FUZZ_LIMITS) -max_total_time=$(FUZZ_SECONDS) -verbosity=0 \
	    -print_final_stats=1 \
	    -artifact_prefix=$(FUZZ)/$$target- $(FUZZ)/corpus/$$target $(FUZZ)/seeds/$$target; done

# Plans for mutated copy routines, executed; FIRST: the first mutant, another each time.
FIRST ?= 0
execute-gates: need-tests
	@$(MAKE) --no-print-directory $(FUZZ)/seeds $(BUILD)/tests/execute_gates
	$(BUILD)/tests/execute_gates $(FUZZ)/seeds/gates $(EXECUTED_PLANS) $(FUZZ)/false-gate $(FIRST)

# The seeds, and the same few thousand cases made from them each time.
check-fuzz: need-tests
	@$(MAKE) --no-print-directory $(FUZZ)/seeds $(FUZZ_TARGETS:%=$(FUZZ)/fuzz_%)
	@$(MAKE) --no-print-directory execute-gates EXECUTED_PLANS=300
	@set -e; for target in $(FUZZ_TARGETS); do echo "== $$target"; rm -rf $(FUZZ)/check; \
	  cp -r $(FUZZ)/seeds/$$target $(FUZZ)/check; \
	  $(FUZZ_ENV) $(FUZZ)/fuzz_$$target $(FUZZ_LIMITS) -seed=1 -entropic=0 -runs=5000 -verbosity=0 \
	    -artifact_prefix=$(FUZZ)/$$target- $(FUZZ)/check >$(FUZZ)/check.log 2>&1 || \
	    { cat $(FUZZ)/check.log; exit 1; }; done

# The unit tests and one live run under ASan and UBSan.
check-asan: need-tests
	@$(MAKE) --no-print-directory ASAN=1 check-unit
	@$(MAKE) --no-print-directory ASAN=1 check-live PYTEST_ARGS='-m sanitized'

check: deps-tests
	@$(MAKE) --no-print-directory check-unit
	@$(MAKE) --no-print-directory check-fuzz
	@$(MAKE) --no-print-directory check-live
	@$(MAKE) --no-print-directory check-asan

# ---- figures ----

# Without builtins: a copy is a call of libc's routine, and none is merged with another.
BENCH_PLAIN := $(addprefix $(BUILD)/bench/,idle copies hits timed)

$(BENCH_PLAIN): $(BUILD)/bench/%: tests/bench/targets/%.c $(wildcard tests/bench/targets/*.h) Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -fno-builtin -pthread -o $@ $< -ldl

$(BUILD)/bench/lazy: tests/bench/targets/lazy.c workloads/lazybuf.c workloads/truth.c $(wildcard workloads/*.h tests/bench/targets/*.h) Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) $(WORKLOAD_FLAGS) -o $@ $(filter %.c,$^)

$(BUILD)/bench/big.o: tests/bench/targets/big.c Makefile
	@mkdir -p $(@D)
	@echo "  CC    $@"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Werror -c -o $@ $<

$(BUILD)/bench/big-plain $(BUILD)/bench/big-cxx: $(BUILD)/bench/big-%: $(BUILD)/bench/big.o tests/bench/big.py
	@echo "  BIG   $@"
	$(Q)$(PYTHON) tests/bench/big.py $* $< $@

$(BUILD)/bench/big-stripped: $(BUILD)/bench/big-plain
	@echo "  STRIP $@"
	$(Q)strip -o $@ $<

BENCH_TARGETS := $(BENCH_PLAIN) $(addprefix $(BUILD)/bench/,lazy big-plain big-stripped big-cxx)

# BENCH="attach memory": some of them. The peers are measured where they are installed.
bench: need-tests
	@$(MAKE) --no-print-directory $(BUILD)/memwatch $(BENCH_TARGETS)
	@MEMWATCH_BUILD=$(BUILD) $(PYTHON) -B tests/bench/bench.py $(BENCH)

demo: deps
	@$(MAKE) --no-print-directory all
	$(BUILD)/memwatch

# ---- install ----

install: all
	install -D -m 755 $(BUILD)/memwatch $(DESTDIR)$(PREFIX)/bin/memwatch
	install -D -m 755 $(BUILD)/workloads/lazywrite $(DESTDIR)$(PREFIX)/libexec/memwatch/lazywrite

clean:
	rm -rf build

-include $(USER_OBJECTS:.o=.d) $(UNIT_TESTS:%=%.d) $(BUILD)/tests/execute_gates.d $(BUILD)/tests/make_recordings.d $(FUZZ_OBJECTS:.o=.d) $(wildcard $(FUZZ)/fuzz_*.d)
