# Programs that run inside the system, all found by pattern:
#   userland/NAME/*.c         one static musl program   build/userland/NAME
#   userland/tests/NAME.c     one static musl program   build/userland/tests/NAME
#   userland/tests/NAME_glibc.c  the same, with glibc
#   userland/hello/           "hello" built four ways, C++ with threads, Google Benchmark   build/userland/hello/*
#   userland/debuggee/       for debuggers, with symbols   build/userland/debuggee
#   userland/bench/           see userland/bench/bench.mk
#   userland/holdings/*.c     part of each program that names it in USES_NAME
# A shared header is included from userland/ ("tests/check.h").

U          := $(B)/userland
MUSL_CC    := musl-gcc
MUSL_FLAGS := -static -Os -std=gnu11 -Wall -Wextra -Werror -Iuserland \
              -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections \
              -Wl,--gc-sections -Wl,--build-id=none -Wl,-z,noseparate-code -s

U_HEADERS  := $(wildcard userland/*.h userland/*/*.h)
U_DIRS     := $(filter-out tests hello bench debuggee holdings,$(patsubst userland/%/,%,$(sort $(dir $(wildcard userland/*/*.c)))))
USES_fuzz    := holdings
USES_stress  := holdings
USES_hostile := holdings
USES_scarce  := holdings
USES_pressure := holdings
U_PROGRAMS := $(addprefix $(U)/,$(U_DIRS))
U_TESTS    := $(patsubst userland/%.c,$(U)/%,$(wildcard userland/tests/*.c))
HELLOS     := $(addprefix $(U)/hello/,static-glibc static-pie-glibc dynamic-glibc static-musl threads-static \
              threads-dynamic measure)

userland: $(U_PROGRAMS) $(U_TESTS) $(HELLOS) ## the programs that run inside the system
.PHONY: userland

sources = $(foreach part,$(1) $(USES_$(1)),$(wildcard userland/$(part)/*.c))

define program
$(U)/$(1): $(call sources,$(1)) $(U_HEADERS) userland/userland.mk | need-build
	@mkdir -p $$(@D)
	@printf '  %-6s %s\n' MUSL $$@
	@$(MUSL_CC) $(MUSL_FLAGS) $(call sources,$(1)) -o $$@
endef
$(foreach name,$(U_DIRS),$(eval $(call program,$(name))))

$(U)/tests/%: userland/tests/%.c $(U_HEADERS) userland/userland.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' MUSL $@
	@$(MUSL_CC) $(MUSL_FLAGS) $< -o $@

$(U)/tests/%_glibc: userland/tests/%_glibc.c $(U_HEADERS) userland/userland.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' CC $@
	@gcc -static -O2 -std=gnu11 -Wall -Wextra -Werror -Iuserland -s $< -o $@

# --- the unmodified programs that issue "Done" names -----------------------------------------
HELLO_FLAGS := -std=c++20 -O2 -Wall -Wextra -Werror -s
$(U)/hello/static-glibc:     HOW = g++ $(HELLO_FLAGS) -static
$(U)/hello/static-pie-glibc: HOW = g++ $(HELLO_FLAGS) -static-pie -fPIE
$(U)/hello/dynamic-glibc:    HOW = g++ $(HELLO_FLAGS) -pie -fPIE
$(U)/hello/%-glibc: userland/hello/hello.cc userland/userland.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' CXX $@
	@$(HOW) $< -o $@
$(U)/hello/static-musl: userland/hello/hello.c userland/userland.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' MUSL $@
	@$(MUSL_CC) $(MUSL_FLAGS) $< -o $@

$(U)/hello/threads-static:  HOW = g++ $(HELLO_FLAGS) -static
$(U)/hello/threads-dynamic: HOW = g++ $(HELLO_FLAGS)
$(U)/hello/threads-%: userland/hello/threads.cc userland/userland.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' CXX $@
	@$(HOW) $< -o $@
$(U)/hello/measure: userland/hello/measure.cc userland/userland.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' CXX $@
	@g++ $(HELLO_FLAGS) $< -o $@ -lbenchmark

# --- what the debuggers in initramfs-debug.cpio are tried on -------------------------------------
$(U)/debuggee: userland/debuggee/debuggee.c userland/userland.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' CC $@
	@gcc -std=gnu11 -g -O0 -Wall -Wextra -Werror -no-pie -fno-pie $< -o $@ -lpthread
