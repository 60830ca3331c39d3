# Builds one kernel from one source tree:
#
#   make -f src/kernel.mk [SRC=src] [OUT=build/kernel] [LAB=boot VARIANT=starter] [DEBUG=1] [KASAN=1] [V=1]
#
# SRC may be any copy of src/ (a student's tree, a mutant); OUT receives everything that is made:
#   OUT/vitrine.elf      the kernel with symbols and debug information, for gdb and backtraces
#   OUT/vitrine.img.elf  the same, stripped: what goes into images (GRUB reads slowly)
#   OUT/vitrine.map      the linker's map
# Sources are found by pattern. Nothing here needs a package but g++ and grub-file, and nothing
# outside OUT is written, so several builds may run side by side.

HERE    := $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST))))
SRC     ?= $(HERE)
OUT     ?= build/kernel
CXX     := g++
PYTHON  ?= /usr/bin/python3
Q       := $(if $(V),,@)
say      = $(if $(V),,@printf '  %-6s %s\n' $(1) '$(2)')

# KASAN is the debug build with every access to memory checked.
DEBUG   := $(if $(KASAN),1,$(DEBUG))

# --- lab holes: a starter is the same source with one symbol undefined -----------------------
LABS    := BOOT TRAPS SCHEDULING PAGING SLAB VFS EXT4 BLOCK DRIVERS
upper    = $(shell printf '%s' '$(1)' | tr a-z A-Z)
HOLES   := $(if $(filter starter,$(VARIANT)),$(call upper,$(LAB)))
ifneq ($(filter-out starter,$(VARIANT)),)
$(error VARIANT=$(VARIANT) is unknown; the only variant is "starter")
endif
ifneq ($(filter-out $(LABS),$(HOLES)),)
$(error LAB=$(LAB) is unknown; labs are: $(LABS))
endif
ifeq ($(VARIANT)$(HOLES),starter)
$(error VARIANT=starter needs LAB=name; labs are: $(LABS))
endif
SOLVED  := $(addprefix -DSOLVED_,$(filter-out $(HOLES),$(LABS)))

# --- flags (each one's reason: handouts/kernel/invariants) -----------------------------------
# Most of an object file. What nobody will debug is built and copied faster without: DEBUG_INFO=
DEBUG_INFO ?= -g
CPPFLAGS := -I$(SRC) $(SOLVED) $(if $(DEBUG),-DDEBUG=1) $(if $(KASAN),-DKASAN=1) -MD -MP -fmacro-prefix-map=$(SRC)/=
COMMON   := -O2 $(DEBUG_INFO) -ffreestanding -nostdlib -mno-red-zone -mgeneral-regs-only -mcmodel=kernel \
            -fno-pic -no-pie -fno-lto -fno-omit-frame-pointer -fno-strict-aliasing \
            -fno-asynchronous-unwind-tables -fcf-protection=none -fno-stack-protector
CXXFLAGS := -std=gnu++20 $(COMMON) -fno-exceptions -fno-rtti -fno-threadsafe-statics \
            -D_GLIBCXX_ASSERTIONS -include $(SRC)/lib/freestanding.h \
            -Wall -Wextra -Wno-unused-parameter -Werror -Wframe-larger-than=1024
# What a debug build has checked by the compiler: core/ubsan; with KASAN=1, which is one, also core/kasan.
UBSAN    := -fsanitize=shift,bounds,bool,enum,signed-integer-overflow,integer-divide-by-zero,unreachable,return
UBSAN    := $(UBSAN),vla-bound,nonnull-attribute,returns-nonnull-attribute,builtin
ASAN     := -fsanitize=kernel-address -fasan-shadow-offset=0xdffffc0000000000 -fsanitize-address-use-after-scope \
            --param asan-globals=1 --param asan-stack=1 --param asan-instrumentation-with-call-threshold=0
# Every caller has a frame of its own there, so that stacks in reports are whole.
SANITIZE := $(if $(DEBUG),$(UBSAN) -fno-optimize-sibling-calls -Wframe-larger-than=2048) $(if $(KASAN),$(ASAN) -Wframe-larger-than=6144)
LDFLAGS  := -m elf_x86_64 -nostdlib -static --build-id=none -z noexecstack \
            -z max-page-size=0x1000 -T $(SRC)/arch/x86_64/kernel.ld

# --- sources: x_test.cc is compiled in, unless its first line says "// host-only" ------------
CC_FILES := $(sort $(shell find $(SRC) -name '*.cc' -not -path '$(SRC)/vdso/*'))
AS_FILES := $(sort $(shell find $(SRC) -name '*.S' -not -path '$(SRC)/vdso/*'))
TESTS    := $(filter %_test.cc,$(CC_FILES))
HOSTONLY := $(if $(TESTS),$(shell awk 'FNR == 1 && index($$0, "// host-only") == 1 { print FILENAME }' $(TESTS)))
# Variants are files, too: these folders are part of debug builds only.
CHECKS   := core/validator core/ubsan fs/procfs/debug fs/debugfs/debug mm/fault mm/poison
SHADOWED := core/kasan mm/kasan arch/x86_64/kasan fs/debugfs/kasan
LEFT_OUT := $(if $(DEBUG),,$(CHECKS:%=$(SRC)/%/%)) $(if $(KASAN),,$(SHADOWED:%=$(SRC)/%/%))
# With KASAN its quarantine stands between these tests and the allocator: no object comes back at once.
LEFT_OUT += $(if $(KASAN),$(filter $(SRC)/mm/slab/%_test.cc,$(CC_FILES)))
SOURCES  := $(filter-out $(HOSTONLY) $(LEFT_OUT),$(CC_FILES)) $(AS_FILES)
object    = $(patsubst $(SRC)/%,$(OUT)/obj/%.o,$(1))
OBJECTS  := $(call object,$(SOURCES))
# What the checks are made of cannot be checked; the slab allocator writes into free objects.
UNCHECKED := $(filter-out %_test.cc,$(filter $(patsubst %,$(SRC)/%/%,$(SHADOWED) core/ubsan mm/slab) \
             $(SRC)/arch/x86_64/boot/entry.cc,$(CC_FILES)))
$(call object,$(UNCHECKED)): SANITIZE :=
# Only these see SOLVED_*: switching LAB or VARIANT rebuilds them alone (a header: everything).
HOLED    := $(shell grep -rl --include=*.cc --include=*.S --include=*.h SOLVED_ $(SRC))
HOLED    := $(if $(filter %.h,$(HOLED)),$(SOURCES),$(HOLED))
ifeq ($(SOURCES),)
$(error no sources under SRC=$(SRC))
endif

.PHONY: all FORCE
.DELETE_ON_ERROR:
all: $(OUT)/vitrine.elf $(OUT)/vitrine.img.elf

# A stamp holds the text of a command line and changes only when that text does.
stamp = mkdir -p $(@D) && echo '$(1)' | cmp -s - $@ || echo '$(1)' > $@
$(OUT)/.flags: FORCE
	@$(call stamp,$(CXX) $(COMMON) $(CXXFLAGS) $(SANITIZE) $(DEBUG) $(KASAN) $(SRC))
$(OUT)/.solved: FORCE
	@$(call stamp,$(SOLVED))
$(OUT)/.objects: FORCE
	@$(call stamp,$(OBJECTS))
$(OBJECTS): $(OUT)/.flags
$(call object,$(HOLED)): $(OUT)/.solved

$(OUT)/obj/%.cc.o: $(SRC)/%.cc
	$(call say,CXX,$*.cc)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(CXXFLAGS) $(SANITIZE) $(if $(SANITIZE),-Wno-array-bounds) -c $< -o $@
$(OUT)/obj/%.S.o: $(SRC)/%.S
	$(call say,AS,$*.S)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(COMMON) -Wa,--noexecstack -c $< -o $@

# --- the vDSO: a shared object for user mode, linked by itself and carried in the image as data ---
VDSO_FLAGS := -std=gnu++20 -O2 -ffreestanding -fPIC -fvisibility=hidden -mgeneral-regs-only \
              -fno-exceptions -fno-rtti -fno-stack-protector -fcf-protection=none \
              -fasynchronous-unwind-tables -include $(SRC)/lib/freestanding.h -Wall -Wextra -Werror
VDSO_LD    := -m elf_x86_64 -shared -soname linux-vdso.so.1 -Bsymbolic --hash-style=both \
              --build-id=sha1 --eh-frame-hdr -z noexecstack -z max-page-size=4096
VDSO_OBJECTS := $(patsubst $(SRC)/vdso/%,$(OUT)/vdso/%.o,$(sort $(wildcard $(SRC)/vdso/*.cc $(SRC)/vdso/*.S)))
$(OUT)/vdso/%.o: $(SRC)/vdso/% $(OUT)/.flags
	$(call say,VDSO,$*)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(CPPFLAGS) $(if $(filter %.cc,$<),$(VDSO_FLAGS)) -Wa,--noexecstack -c $< -o $@
$(OUT)/vdso/vdso.so: $(VDSO_OBJECTS) $(SRC)/vdso/vdso.ld
	$(Q)ld $(VDSO_LD) -T $(SRC)/vdso/vdso.ld $(VDSO_OBJECTS) -o $@.full
	$(Q)objcopy --strip-unneeded $@.full $@
$(OUT)/obj/process/exec/vdso_image.S.o: $(OUT)/vdso/vdso.so
$(OUT)/obj/process/exec/vdso_image.S.o: COMMON += -Wa,-I$(OUT)/vdso

# --- three links: the symbol table of the last one is made from the addresses of the second ---
# The first has an empty table. The second has a table of the right size, so from then on nothing
# moves, whatever lies behind .kallsyms; the third has the right addresses. `verify` proves it.
# Debug information, 30 MB of it, is only in the last: it moves nothing.
link = $(CXX) -c $(OUT)/$(1).S -o $(OUT)/$(1).o && \
       ld $(LDFLAGS) $(3) -Map=$(OUT)/vitrine.map $(OBJECTS) $(OUT)/$(1).o -o $(2)

$(OUT)/pass2.elf: $(OBJECTS) $(OUT)/.objects $(SRC)/arch/x86_64/kernel.ld $(HERE)/kallsyms.py
	$(call say,LD,pass 1 and 2)
	$(Q)$(PYTHON) $(HERE)/kallsyms.py empty $(OUT)/kallsyms1.S
	$(Q)$(call link,kallsyms1,$(OUT)/pass1.elf,--strip-debug)
	$(Q)$(PYTHON) $(HERE)/kallsyms.py table $(OUT)/pass1.elf $(OUT)/kallsyms2.S
	$(Q)$(call link,kallsyms2,$@,--strip-debug)

$(OUT)/vitrine.elf: $(OUT)/pass2.elf
	$(call say,LD,$@)
	$(Q)$(PYTHON) $(HERE)/kallsyms.py table $< $(OUT)/kallsyms3.S
	$(Q)$(call link,kallsyms3,$@)
	$(Q)$(PYTHON) $(HERE)/kallsyms.py verify $< $@
	$(Q)grub-file --is-x86-multiboot2 $@ || \
	    { echo "$@: no multiboot2 header in the first 32 KiB: GRUB cannot boot it"; exit 1; }

$(OUT)/vitrine.img.elf: $(OUT)/vitrine.elf
	$(Q)objcopy --strip-all $< $@

-include $(OBJECTS:.o=.d) $(VDSO_OBJECTS:.o=.d)
