# make bench: what system calls cost here and on Linux, in instructions. The same static program is
# /init of both machines.
#
#   build/initramfs-bench.cpio   /init (the benchmark); /tiny, /static, /dynamic (what it starts)
#   LINUX=path                   a vmlinuz to compare with; by default Debian's, fetched by apt once
#                                (LINUX=none: compare with the numbers in linux-6.1.txt)
#   WALL=1                       also by the clock on the wall, which sees what instructions hide
BENCH_SOURCES := $(wildcard userland/bench/*.c)
BENCH_FLAGS   := -static -O2 -std=gnu11 -Wall -Wextra -Werror -Wl,--build-id=none -s

$(B)/userland/bench/init: $(BENCH_SOURCES) $(wildcard userland/bench/*.h) userland/bench/bench.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' MUSL $@
	@$(MUSL_CC) $(BENCH_FLAGS) $(BENCH_SOURCES) -o $@

$(B)/userland/bench/tiny: userland/bench/tiny/tiny.c userland/bench/bench.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' CC $@
	@gcc $(BENCH_FLAGS) -nostdlib -ffreestanding $< -o $@

$(B)/userland/bench/static:  HOW = gcc -O2 -static -s
$(B)/userland/bench/dynamic: HOW = gcc -O2 -s
$(B)/userland/bench/static $(B)/userland/bench/dynamic: userland/bench/glibc/nothing.c userland/bench/bench.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' CC $@
	@$(HOW) $< -o $@

BENCH_PROGRAMS := $(addprefix $(B)/userland/bench/,init tiny static dynamic)
BENCH_LIBS     := /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/libc.so.6

$(B)/initramfs-bench.cpio: $(BENCH_PROGRAMS) mkfs/cpio.py userland/bench/bench.mk
	@printf '  %-6s %s\n' CPIO $@
	@printf '%s\n' 'dir /dev 755' 'nod /dev/console 600 c 5 1' 'nod /dev/null 666 c 1 3' 'nod /dev/zero 666 c 1 5' \
	    $(foreach p,$(BENCH_PROGRAMS),'file /$(notdir $(p)) $(p) 755') \
	    $(foreach l,$(BENCH_LIBS),"file $(l) $$(realpath $(l)) 755") > $(B)/bench.manifest
	@$(CPIO) -o $@ -m $(B)/bench.manifest

bench: $(KIMAGE) $(B)/initramfs-bench.cpio ## instructions of system calls, ours and Linux' [LINUX=vmlinuz|none] [WALL=1]
	$(call need,run)
	@$(PYTHON) userland/bench/bench.py --kernel $(KIMAGE) --initrd $(B)/initramfs-bench.cpio \
	    --out $(B)/bench $(if $(LINUX),--linux '$(LINUX)') $(if $(WALL),--wall)
