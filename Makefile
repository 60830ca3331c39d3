# Vitrine: the only entry. `make help` lists the targets; everything made goes to build/.
#
# This file only says what there is to do; how is said by the fragments it includes and by
# src/kernel.mk, which is also used alone (the grader builds submissions with it).

PYTHON  ?= /usr/bin/python3
MACHINE ?= pc
MEM     ?= 128
SMP     ?= 1
CMDLINE ?=
EMU     ?= both
B       := build

# A starter or a debug kernel is built beside the reference, never over it.
VARIANT_NAME := $(if $(filter starter,$(VARIANT)),-$(LAB)-starter)$(if $(KASAN),-kasan,$(if $(DEBUG),-debug))
KOUT    := $(B)/kernel$(VARIANT_NAME)
KERNEL  := $(KOUT)/vitrine.elf
KIMAGE  := $(KOUT)/vitrine.img.elf
DISK    := $(B)/disk$(VARIANT_NAME).img
KBUILD   = $(MAKE) --no-print-directory -f src/kernel.mk SRC=src OUT=$(KOUT)
need     = @tests/packages/ensure $(1)
absent   = @echo 'make $@: not built yet: $(1)' >&2; exit 2
export PYTHON

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: FORCE help doctor kernel images run run-fast run-uefi bochs debug grade mutants trace bench \
        student check check-quick test test-quick soak handouts clean need-build compile_commands.json

include userland/userland.mk
include mkfs/mkfs.mk
include userland/bench/bench.mk
include tests/tests.mk
include handouts/handouts.mk

help: ## this list
	@echo 'Vitrine, an instrumented teaching operating system. Targets:'
	@sed -n 's/^\([a-z_.-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | sort \
	    | awk -F '\t' '{ printf "  %-22s %s\n", $$1, $$2 }'
	@echo 'Variables: SMP=n MEM=MiB MACHINE=pc|q35 CMDLINE="words" DEBUG=1 KASAN=1 LAB=name VARIANT=starter V=1'

doctor: ## check compiler, emulators, Python, disk space; say what to do
	@$(PYTHON) tests/check/doctor.py

# --- build -----------------------------------------------------------------------------------
need-build:
	$(call need,build)

kernel: $(KIMAGE) ## build/kernel/vitrine.elf (LAB=x VARIANT=starter: with the holes of lab x)

# Made anew only when its contents change, so what hangs on it is rebuilt only then.
$(KIMAGE): FORCE | need-build
	@+$(KBUILD)

images: $(DISK) $(B)/initramfs-lab.cpio $(B)/initramfs-hello.cpio \
        $(B)/initramfs-procps.cpio $(B)/initramfs-debug.cpio $(B)/initramfs-bench.cpio ## disk image and initramfs archives

compile_commands.json: ## for editors and clangd
	$(call need,build check)
	@+bear --output $@ -- $(MAKE) --no-print-directory -k -B -f src/kernel.mk SRC=src OUT=$(B)/compdb

# --- run -------------------------------------------------------------------------------------
RUN = $(PYTHON) mkfs/run.py --machine $(MACHINE) --mem $(MEM) --smp $(SMP)

run: $(DISK) ## QEMU, booted by GRUB from the disk image, console here (Ctrl-A X quits)
	$(call need,run)
	@$(RUN) disk $(DISK)

run-fast: $(KIMAGE) $(B)/initramfs.cpio ## QEMU without firmware and boot loader (PVH)
	$(call need,run)
	@$(RUN) direct $(KIMAGE) $(B)/initramfs.cpio $(CMDLINE)

run-uefi: $(DISK) ## QEMU with UEFI firmware (OVMF) and the same disk image
	$(call need,run)
	@$(RUN) uefi $(DISK)

bochs: $(DISK) ## Bochs with the same disk image, console here (Ctrl-A X quits)
	$(call need,run)
	@$(PYTHON) mkfs/bochs_console.py --mem $(MEM) --smp $(SMP) $(DISK)

debug: $(KIMAGE) $(B)/initramfs.cpio ## QEMU stopped at its first instruction, and gdb on it
	$(call need,run)
	@$(RUN) --gdb $(KERNEL) direct $(KIMAGE) $(B)/initramfs.cpio $(CMDLINE)

# --- labs ------------------------------------------------------------------------------------
GRADER = PYTHONPATH=grader $(PYTHON) -m vitrine_grader
lab_images = kernel $(B)/initramfs-lab.cpio

grade: $(lab_images) ## grade LAB=boot [T=pattern] [EMU=qemu|bochs|both] [SUBMISSION=dir]
	$(call need,run test)
	$(if $(LAB),,$(error which lab? make grade LAB=boot))
	@$(GRADER) grade $(LAB) --emu $(EMU) $(if $(T),--tests '$(T)') $(if $(SEED),--seed '$(SEED)') \
	    $(if $(SUBMISSION),--submission '$(SUBMISSION)')

mutants: $(lab_images) ## LAB=boot [EMU=qemu|bochs|both]: reference, starter, mutants, alternates, adversaries
	$(call need,run test)
	$(if $(LAB),,$(error which lab? make mutants LAB=boot))
	@$(GRADER) mutants $(LAB) $(if $(filter file,$(origin EMU)),,--emu $(EMU))

student: ## a tree without solutions for students
	$(call absent,the writer of student trees)

trace: export TRACE_CMD := $(value CMD)
trace: $(KIMAGE) $(B)/initramfs.cpio ## build/trace: CTF of a run [EVENTS=sched:*,..] [CMD="shell words"] [SECONDS=n]
	$(call need,run test)
	@PYTHONPATH=grader $(PYTHON) -m vitrine_grader.trace --kernel $(KIMAGE) --initrd $(B)/initramfs.cpio \
	    --out $(B)/trace --smp $(SMP) $(if $(EVENTS),--events '$(EVENTS)') $(if $(SECONDS),--seconds '$(SECONDS)') \
	    $(if $(BUFFER),--buffer '$(BUFFER)') $(if $(CMD),--command "$$TRACE_CMD")

clean: ## remove everything that was made
	rm -rf $(B) compile_commands.json
