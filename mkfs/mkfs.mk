# Images: the initramfs archives and the disk. All of it is made without root.
#   build/initramfs-lab.cpio    small: /init, /sbin/init, /sbin/agent; for graders
#   build/initramfs.cpio        the same, our test programs, and Debian's busybox with all a person expects
#   build/initramfs-hello.cpio  programs from Debian's g++ and musl, with their shared libraries
#   build/initramfs-procps.cpio Debian's ps, top, free and their kin, with their shared libraries
#   build/initramfs-debug.cpio  strace and gdbserver, and a program to try them on
#   build/disk.img              MBR, GRUB, ESP and an ext4 partition; boots QEMU, Bochs and OVMF

BUSYBOX   := /bin/busybox
CPIO      := $(PYTHON) mkfs/cpio.py
LAB_FILES := $(addprefix $(U)/,init agent labtool schedtool vmtool)
OWN_FILES := $(filter-out $(LAB_FILES),$(U_PROGRAMS)) $(U_TESTS)
ROOTFS    := $(shell find mkfs/rootfs -type f -o -type l)
LIBS      := /lib64/ld-linux-x86-64.so.2 $(addprefix /lib/x86_64-linux-gnu/,libc.so.6 libm.so.6 libgcc_s.so.1) \
             $(addprefix /usr/lib/x86_64-linux-gnu/,libstdc++.so.6 libbenchmark.so.1debian)

# file lines for programs: userland/NAME goes to /sbin, userland/tests/NAME to /tests
file_lines = $(foreach p,$(1),'file $(if $(filter $(U)/tests/%,$(p)),/tests,/sbin)/$(notdir $(p)) $(p) 755')

$(B)/lab.manifest: $(LAB_FILES) mkfs/base.manifest mkfs/mkfs.mk
	@{ cat mkfs/base.manifest; printf '%s\n' $(call file_lines,$(LAB_FILES)); } > $@

$(B)/initramfs-lab.cpio: $(B)/lab.manifest mkfs/cpio.py
	@printf '  %-6s %s\n' CPIO $@
	@$(CPIO) -o $@ -m $(B)/lab.manifest

$(B)/own.manifest: $(OWN_FILES) mkfs/mkfs.mk
	@printf '%s\n' $(call file_lines,$(OWN_FILES)) > $@

# Debian's packages bring it; on a new machine that happens after this file was read.
$(BUSYBOX): | need-build ;

# --list-full gives the paths at which Debian's build expects its applets (bin/ls, sbin/init ...);
# our own /sbin/init comes later in the list of manifests and so replaces busybox's.
$(B)/busybox.manifest: $(BUSYBOX) mkfs/mkfs.mk | need-build
	@mkdir -p $(@D)
	@{ echo 'file /bin/busybox $(BUSYBOX) 755'; \
	   $(BUSYBOX) --list-full | grep -vx -e bin/busybox -e linuxrc | sed 's|.*|slink /& /bin/busybox|'; } > $@

$(B)/initramfs.cpio: $(B)/busybox.manifest $(B)/lab.manifest $(B)/own.manifest $(ROOTFS) mkfs/cpio.py
	@printf '  %-6s %s\n' CPIO $@
	@$(CPIO) -o $@ -t mkfs/rootfs -m $(B)/busybox.manifest -m $(B)/lab.manifest -m $(B)/own.manifest

# Shared objects go to the paths at which Debian has them, symbolic links followed.
$(B)/hello.manifest: $(HELLOS) mkfs/mkfs.mk
	@{ for p in $(HELLOS); do echo "file /hello/$${p##*/} $$p 755"; done; \
	   for l in $(LIBS); do echo "file $$l $$(realpath $$l) 755"; done; } > $@

$(B)/initramfs-hello.cpio: $(B)/hello.manifest $(B)/initramfs.cpio
	@printf '  %-6s %s\n' CPIO $@
	@$(CPIO) -o $@ -t mkfs/rootfs -m $(B)/busybox.manifest -m $(B)/lab.manifest -m $(B)/hello.manifest

# Debian's procps at Debian's paths, which so replace busybox's programs of the same name.
PROCPS   := /bin/ps /sbin/sysctl $(addprefix /usr/bin/,free pgrep pkill pmap pwdx slabtop top uptime vmstat)
TERMINFO := $(addprefix /lib/terminfo/,d/dumb l/linux v/vt100)

$(PROCPS): | need-build ;

$(B)/procps.manifest: $(PROCPS) $(U)/load mkfs/mkfs.mk | need-build
	@{ for p in $(PROCPS) $$(ldd $(PROCPS) | grep -o '/[^: ]*\.so[^: ]*' | sort -u) $(TERMINFO); do \
	     echo "file $$p $$(realpath $$p) 755"; done; printf '%s\n' $(call file_lines,$(U)/load); } > $@

$(B)/initramfs-procps.cpio: $(B)/procps.manifest $(B)/initramfs.cpio
	@printf '  %-6s %s\n' CPIO $@
	@$(CPIO) -o $@ -t mkfs/rootfs -m $(B)/busybox.manifest -m $(B)/lab.manifest -m $(B)/procps.manifest

# Debian's debuggers, each with the shared objects that it asks for.
DEBUGGERS := /usr/bin/strace /usr/bin/gdbserver
$(DEBUGGERS): | need-build ;

$(B)/debug.manifest: $(DEBUGGERS) $(U)/debuggee mkfs/mkfs.mk
	@{ for p in $(DEBUGGERS); do echo "file $$p $$p 755"; done; echo 'file /usr/bin/debuggee $(U)/debuggee 755'; \
	   for l in $$(ldd $(DEBUGGERS) $(U)/debuggee | grep -o '/[^ :]*\.so[^ :]*' | sort -u); do \
	       echo "file $$l $$(realpath $$l) 755"; done; } > $@

$(B)/initramfs-debug.cpio: $(B)/debug.manifest $(B)/initramfs.cpio
	@printf '  %-6s %s\n' CPIO $@
	@$(CPIO) -o $@ -t mkfs/rootfs -m $(B)/busybox.manifest -m $(B)/lab.manifest -m $(B)/debug.manifest

# --- the disk --------------------------------------------------------------------------------
DISK_CMDLINE = console=ttyS0 $(CMDLINE)

$(B)/.cmdline: FORCE
	@mkdir -p $(@D)
	@echo '$(DISK_CMDLINE)' | cmp -s - $@ || echo '$(DISK_CMDLINE)' > $@

$(DISK): $(KIMAGE) $(B)/initramfs.cpio $(B)/.cmdline mkfs/disk.py
	@printf '  %-6s %s\n' DISK $@
	@$(PYTHON) mkfs/disk.py --kernel $(KIMAGE) --initrd $(B)/initramfs.cpio --cmdline '$(DISK_CMDLINE)' -o $@
