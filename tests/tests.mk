# Checks and tests. tests/run_tests.py runs the layers one after the other and adds them up.

CHECK := $(PYTHON) tests/check

check-quick: ## style and architecture of the sources, no build (< 20 s)
	$(call need,check)
	@$(CHECK)/check.py --quick

check: kernel ## check-quick, and what only the built kernel and clang can tell
	$(call need,build check)
	@$(CHECK)/check.py --kernel $(KOUT)

FILES ?= $(shell find src userland tests -name '*.cc' -o -name '*.h' -o -name '*.c')
format: ## lay out C and C++ with clang-format 14 (FILES="src/mm/page.cc ...": these only)
	$(call need,check)
	@clang-format-14 -i $(FILES)
.PHONY: format

TEST_NEEDS = build run check test

test: ## what a change can break: all but what takes long (< 25 min)
	$(call need,$(TEST_NEEDS))
	@+$(PYTHON) tests/run_tests.py

test-all: ## every test of the project: also the labs' proofs, and long runs (most of an hour)
	$(call need,$(TEST_NEEDS))
	@+$(PYTHON) tests/run_tests.py --size all
.PHONY: test-all

test-quick: ## the main paths of everything, after a small change (< 4 min once built)
	$(call need,$(TEST_NEEDS))
	@+$(PYTHON) tests/run_tests.py --size quick

SOAK_QEMU  ?= 1000
SOAK_BOCHS ?= 100
soak: $(KIMAGE) $(B)/initramfs.cpio $(DISK) ## boot SOAK_QEMU=1000 times on QEMU, SOAK_BOCHS=100 on Bochs
	$(call need,run test)
	@$(PYTHON) tests/system/soak.py --qemu $(SOAK_QEMU) --bochs $(SOAK_BOCHS) $(if $(SEED),--seed $(SEED)) \
	    $(if $(ONLY),--only $(ONLY)) --kernel $(KIMAGE) --initrd $(B)/initramfs.cpio --disk $(DISK)

FUZZ_CALLS ?= 10000000
fuzz: $(KIMAGE) $(B)/initramfs.cpio ## hostile system calls: [FUZZ_CALLS=10000000] [SEED=n FIRST=worker] [ONLY=call] [SMP=4] [DEBUG=1]
	$(call need,run test)
	@$(PYTHON) tests/system/fuzz.py --calls $(FUZZ_CALLS) $(if $(SEED),--seed $(SEED)) $(if $(FIRST),--first $(FIRST)) \
	    $(if $(ONLY),--only $(ONLY)) $(if $(filter file,$(origin SMP)),,--smp $(SMP)) \
	    --kernel $(KIMAGE) --initrd $(B)/initramfs.cpio
.PHONY: fuzz

STRESS_SECONDS ?= 1800
stress: $(KIMAGE) $(B)/initramfs.cpio ## tasks under load: [STRESS_SECONDS=1800] [SEED=n] [ONLY=kind ROUND=n] [SMP=4] [DEBUG=1]
	$(call need,run test)
	@$(PYTHON) tests/system/stress.py --seconds $(STRESS_SECONDS) $(if $(SEED),--seed $(SEED)) \
	    $(if $(ONLY),--only $(ONLY)) $(if $(ROUND),--round $(ROUND)) $(if $(filter file,$(origin SMP)),,--smp $(SMP)) \
	    --kernel $(KIMAGE) --initrd $(B)/initramfs.cpio
.PHONY: stress

stress-vm: $(KIMAGE) $(B)/initramfs.cpio ## more memory wanted than there is: [STRESS_SECONDS=1800] [SEED=n] [SMP=4] [DEBUG=1]
	$(call need,run test)
	@$(PYTHON) tests/system/stress_vm.py --seconds $(STRESS_SECONDS) $(if $(SEED),--seed $(SEED)) \
	    $(if $(filter file,$(origin SMP)),,--smp $(SMP)) --kernel $(KIMAGE) --initrd $(B)/initramfs.cpio
.PHONY: stress-vm

numbers: $(KIMAGE) images userland ## start-up time, sizes, memory needed, beside their aims
	$(call need,run test)
	@$(PYTHON) tests/system/figures.py
.PHONY: numbers

recording: $(DISK) ## type a session in QEMU and draw it for README.md
	$(call need,run test)
	@$(PYTHON) handouts/record.py --disk $(DISK) --output handouts/_static/session.svg
.PHONY: recording

pictures: $(KIMAGE) $(B)/initramfs.cpio ## play scenes for scheduler and memory and draw them for the kernel book
	$(call need,run test)
	@$(PYTHON) handouts/trace_pictures.py
	@$(PYTHON) handouts/memory_pictures.py
.PHONY: pictures

fault-alloc: FORCE ## every allocation made for a fixed workload fails once (a debug kernel): [ONLY=step] [NTH=n] [CHANCE=rounds] [SMP=4]
	$(call need,build run test)
	@+$(MAKE) --no-print-directory DEBUG=1 kernel $(B)/initramfs.cpio
	@$(PYTHON) tests/system/fault_alloc.py $(if $(ONLY),--only $(ONLY)) $(if $(NTH),--nth $(NTH) --verbose) \
	    $(if $(CHANCE),--chance $(CHANCE)) $(if $(filter file,$(origin SMP)),,--smp $(SMP)) \
	    --kernel $(B)/kernel-debug/vitrine.img.elf --initrd $(B)/initramfs.cpio
.PHONY: fault-alloc
