# Host unit tests: the pure parts of the kernel under GoogleTest, address and UB sanitizers.
#
#   make -f tests/host/host.mk host-tests [T='lib.list*'] [UNDER=lib] [SRC=src] [HOST_OUT=build/host]
#
# T selects the tests that run; UNDER builds those of one folder only, into a program of its own.
# A test file is one that starts with `// host-test` (also run in the kernel) or `// host-only`.
# All of lib/ is linked; what else a test needs it names on its second line, relative to SRC:
#   // host-sources: mm/page_alloc/zone.cc lib/memblock.cc
# More of them may follow on comment lines of their own.
SRC ?= src
HOST_OUT ?= build/host
HOST_DIR := $(dir $(lastword $(MAKEFILE_LIST)))
HOST_CXX ?= $(if $(shell command -v ccache),ccache) g++
LABS ?= BOOT TRAPS SCHED PAGING SLAB VFS EXT4 BLOCK DRIVERS
T ?= *
UNDER ?=
HOST_PROGRAM := $(HOST_OUT)/host-tests$(addprefix -,$(subst /,-,$(UNDER)))

HOST_FOUND := $(shell find $(SRC)/$(UNDER) -name '*_test.cc')
HOST_TESTS := $(shell awk 'FNR == 1 && /^\/\/ host-(test|only)$$/ { print FILENAME }' $(HOST_FOUND) /dev/null)
HOST_NAMED := $(addprefix $(SRC)/,$(shell awk ' \
	FNR == 2 && sub(/^\/\/ host-sources: /, "") { on = FILENAME; print; next } \
	on == FILENAME && /^\/\/( [^ ]+[.]cc)+$$/ { sub(/^\/\/ /, ""); print; next } \
	{ on = "" }' $(HOST_TESTS) /dev/null))
# cxxrt.cc stands in for libstdc++ and libgcc, which the host has.
HOST_LIB := $(filter-out %_test.cc %/cxxrt.cc,$(wildcard $(SRC)/lib/*.cc))
HOST_OBJS := $(patsubst $(SRC)/%.cc,$(HOST_OUT)/%.o,$(sort $(HOST_TESTS) $(HOST_NAMED) $(HOST_LIB)))

HOST_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
# The kernel's dialect without what only its image needs; never a libc header (see `-MMD` below).
HOST_FLAGS := -std=gnu++20 -O1 -g $(HOST_SANITIZE) -fno-exceptions -fno-rtti \
	-fno-threadsafe-statics -fno-omit-frame-pointer -fno-strict-aliasing -D_GLIBCXX_ASSERTIONS \
	-DHOST_TEST $(addprefix -DSOLVED_,$(LABS)) -Wall -Wextra \
	-Wno-unused-parameter -Werror -I$(SRC)
HOST_STRING := $(HOST_OUT)/lib/string.o $(HOST_OUT)/lib/string_test.o

.PHONY: host-tests host-tests-build
host-tests: $(HOST_PROGRAM)
	ASAN_OPTIONS=detect_stack_use_after_return=1 $< --gtest_brief=1 --gtest_filter='$(T)' \
		--gtest_output=xml:$(HOST_PROGRAM).xml
host-tests-build: $(HOST_PROGRAM)

$(HOST_PROGRAM): $(HOST_OBJS) $(HOST_OUT)/host_main.o
	$(HOST_CXX) $(HOST_SANITIZE) -o $@ $^ -lgtest -pthread

$(HOST_STRING): HOST_RENAME := -include $(HOST_DIR)rename_string.h -fno-builtin

$(HOST_OUT)/%.o: $(SRC)/%.cc
	@mkdir -p $(@D)
	$(HOST_CXX) $(HOST_FLAGS) -include $(SRC)/lib/freestanding.h $(HOST_RENAME) -MMD -MP -c -o $@ $<

$(HOST_OUT)/host_main.o: $(HOST_DIR)host_main.cc
	@mkdir -p $(@D)
	$(HOST_CXX) -std=gnu++20 -O1 -g $(HOST_SANITIZE) -D_GLIBCXX_ASSERTIONS -DHOST_TEST -Wall -Wextra \
		-Werror -I$(SRC) -MMD -MP -c -o $@ $<

-include $(HOST_OBJS:.o=.d) $(HOST_OUT)/host_main.d
