# make bench: what system calls cost here and on Linux, in instructions. The same static program is
# /init of both machines.
#
#   build/initramfs-bench.cpio   /init (the benchmark), /tiny (what it starts)
#   LINUX=path                   a vmlinuz to compare with; by default Debian's, fetched by apt once
#                                (LINUX=none: compare with the numbers in linux-6.1.txt)
#   WALL=1                       also by the clock on the wall, which sees what instructions hide
BENCH_SOURCES := $(wildcard userland/bench/*.c)
BENCH_FLAGS   := -static -O2 -std=gnu11 -Wall -Wextra -Werror -Wl,--build-id=none -s

$(B)/userland/bench/init: $(BENCH_SOURCES) userland/bench/bench.h userland/bench/bench.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' MUSL $@
	@$(MUSL_CC) $(BENCH_FLAGS) $(BENCH_SOURCES) -o $@

$(B)/userland/bench/tiny: userland/bench/tiny/tiny.c userland/bench/bench.mk | need-build
	@mkdir -p $(@D)
	@printf '  %-6s %s\n' CC $@
	@gcc $(BENCH_FLAGS) -nostdlib -ffreestanding $< -o $@

$(B)/initramfs-bench.cpio: $(B)/userland/bench/init $(B)/userland/bench/tiny mkfs/cpio.py userland/bench/bench.mk
	@printf '  %-6s %s\n' CPIO $@
	@printf '%s\n' 'dir /dev 755' 'nod /dev/console 600 c 5 1' 'nod /dev/null 666 c 1 3' 'nod /dev/zero 666 c 1 5' \
	    'file /init $(B)/userland/bench/init 755' 'file /tiny $(B)/userland/bench/tiny 755' > $(B)/bench.manifest
	@$(CPIO) -o $@ -m $(B)/bench.manifest

bench: $(KIMAGE) $(B)/initramfs-bench.cpio ## instructions of system calls, ours and Linux' [LINUX=vmlinuz|none] [WALL=1]
	$(call need,run)
	@$(PYTHON) userland/bench/bench.py --kernel $(KIMAGE) --initrd $(B)/initramfs-bench.cpio \
	    --out $(B)/bench $(if $(LINUX),--linux '$(LINUX)') $(if $(WALL),--wall)
