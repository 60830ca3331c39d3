#!/usr/bin/python3
"""Builds the bootable disk image: one file that QEMU (pc, q35, UEFI) and Bochs boot from.

    LBA 0          MBR: GRUB's boot.img and our partition table
    LBA 1 ...      GRUB's core.img (BIOS), in the gap before the first partition
    1 MiB          partition 1, ext4: /boot/vitrine.elf, /boot/initramfs.cpio, /boot/grub/grub.cfg
                   and, if a tree is given, the root file system
    behind it      partition 2, FAT: EFI/BOOT/BOOTX64.EFI for UEFI firmware

No root, no loop device, no grub-install: mke2fs copies a folder into the file system it makes, and
mtools write the FAT. The two GRUB programs never change, so they are kept in a cache folder.

As a module: build_disk(kernel, output, initrd=..., cmdline=...). As a program: disk.py --help.
"""
import argparse
import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

SECTOR = 512
MIB = 1 << 20
FIRST_PARTITION = MIB
ESP_BYTES = 4 * MIB
GRUB = pathlib.Path("/usr/lib/grub")
BIOS_MODULES = "biosdisk part_msdos ext2 multiboot2 normal serial terminal echo test".split()
UEFI_MODULES = ("part_msdos part_gpt fat ext2 multiboot2 normal serial terminal echo test search "
                "search_fs_file all_video").split()
BIOS_CONFIG = "set root=(hd0,msdos1)\nset prefix=(hd0,msdos1)/boot/grub\nnormal\n"
UEFI_CONFIG = ("search --no-floppy --set=root --file /boot/vitrine.elf\n"
               "set prefix=($root)/boot/grub\nnormal\n")


class DiskError(Exception):
    """The image cannot be built; the text says why."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What may differ between two images beside the files in them."""
    cmdline: str = "console=ttyS0"
    timeout: int = 0          # seconds that GRUB's menu waits; 0: no menu
    tree: str | None = None   # a host folder that becomes the root file system of partition 1
    size_mib: int = 0         # of partition 1; 0: as large as its contents need
    esp: bool = True          # UEFI needs it; leaving it out saves a little time
    cache: str = "build/grub"


def build_disk(kernel, output, initrd=None, options=Options()):
    """Writes the image `output`, which appears only when it is complete. Raises DiskError."""
    output = pathlib.Path(output)
    for source in filter(None, (kernel, initrd)):
        if not pathlib.Path(source).is_file():
            raise DiskError(f"no such file: {source}")
    check_words(options.cmdline)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".disk-", dir=output.parent) as folder:
        work = pathlib.Path(folder)
        image = work / "disk.img"
        root = fill_root(work / "root", kernel, initrd, options)
        bios = grub_image(options.cache, "i386-pc", BIOS_MODULES, BIOS_CONFIG, "(hd0,msdos1)/boot/grub")
        linux_bytes = options.size_mib * MIB or room_for(root)
        esp_bytes = ESP_BYTES if options.esp else 0
        with open(image, "wb") as file:
            file.truncate(FIRST_PARTITION + linux_bytes + esp_bytes)
        make_ext4(image, root, linux_bytes)
        if options.esp:
            make_esp(image, FIRST_PARTITION + linux_bytes, options.cache)
        write_boot_sectors(image, bios.read_bytes(), linux_bytes, esp_bytes)
        os.replace(image, output)
    return output


def check_words(cmdline):
    """GRUB reads the command line as a script: refuse what it would not pass on as it is."""
    if not re.fullmatch(r"[\w \-+=,.:/@%*?\[\]^~!]*", cmdline, re.ASCII):
        raise DiskError(f"the command line has a character that GRUB would interpret: {cmdline!r}")


def grub_config(has_initrd, options):
    """grub.cfg. Without a menu the commands stand alone, so that an error of GRUB stays visible."""
    def load(cmdline):
        lines = [f"multiboot2 /boot/vitrine.elf {cmdline}".rstrip()]
        if has_initrd:
            lines.append("module2 /boot/initramfs.cpio initramfs")
        return lines

    entries = [("Vitrine", options.cmdline), ("Vitrine, quiet", f"{options.cmdline} quiet"),
               ("Vitrine, shell instead of init", f"{options.cmdline} rdinit=/bin/sh")]
    text = ["serial --unit=0 --speed=115200", "terminal_output serial console",
            f"set timeout={options.timeout}", "set default=0"]
    if options.timeout == 0:
        text += ["if " + "; then if ".join(load(options.cmdline)) + "; then boot; fi" +
                 ("; fi" if has_initrd else ""),
                 'echo "GRUB could not start /boot/vitrine.elf; the reason is above."', "sleep 5"]
    else:
        text.insert(1, "terminal_input serial console")
    for title, cmdline in entries:
        body = "".join(f"    {line}\n" for line in load(cmdline))
        text.append(f"menuentry '{title}' {{\n{body}}}")
    return "\n".join(text) + "\n"


def fill_root(root, kernel, initrd, options):
    """The folder that becomes partition 1."""
    if options.tree:
        shutil.copytree(options.tree, root, symlinks=True)
    (root / "boot/grub").mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kernel, root / "boot/vitrine.elf")
    if initrd:
        shutil.copyfile(initrd, root / "boot/initramfs.cpio")
    (root / "boot/grub/grub.cfg").write_text(grub_config(initrd is not None, options), encoding="ascii")
    return root


def room_for(root):
    """Bytes for a file system that holds `root` and leaves room to work: whole MiB, at least 16."""
    used = sum(4096 + path.lstat().st_size for path in root.rglob("*"))
    return max(16 * MIB, (2 * used + 8 * MIB) // MIB * MIB)


def make_ext4(image, root, size):
    run("mke2fs", "-q", "-F", "-t", "ext4", "-L", "vitrine", "-U", "56495452-494e-4500-0000-000000000001",
        "-E", f"offset={FIRST_PARTITION},hash_seed=56495452-494e-4500-0000-000000000002,root_owner=0:0",
        "-d", root, image, f"{size // 1024}k")


def make_esp(image, start, cache):
    """A FAT file system at byte `start`, with GRUB where UEFI firmware looks for a boot loader."""
    loader = grub_image(cache, "x86_64-efi", UEFI_MODULES, UEFI_CONFIG, "/boot/grub")
    at = f"{image}@@{start}"
    run("mformat", "-i", at, "-T", str(ESP_BYTES // SECTOR), "-h", "16", "-s", "63", "-N", "56495452", "::")
    run("mmd", "-i", at, "::EFI", "::EFI/BOOT")
    run("mcopy", "-i", at, loader, "::EFI/BOOT/BOOTX64.EFI")


def write_boot_sectors(image, core, linux_bytes, esp_bytes):
    """The MBR with its partition table, and core.img behind it."""
    if SECTOR + len(core) > FIRST_PARTITION:
        raise DiskError(f"GRUB's core image has {len(core)} bytes: too large for the gap")
    start = FIRST_PARTITION // SECTOR
    table = partition(0x83, start, linux_bytes // SECTOR, active=True)
    if esp_bytes:
        table += partition(0xEF, start + linux_bytes // SECTOR, esp_bytes // SECTOR)
    code = (GRUB / "i386-pc/boot.img").read_bytes()[:440]
    mbr = code + struct.pack("<IH", 0x56495452, 0) + table.ljust(64, b"\0") + b"\x55\xaa"
    with open(image, "r+b") as file:
        file.write(mbr + core)


def partition(kind, start, sectors, active=False):
    """One entry of the partition table; the cylinder fields say "look at the sector numbers"."""
    return struct.pack("<B3sB3sII", 0x80 if active else 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff",
                       start, sectors)


def grub_image(cache, platform, modules, config, prefix):
    """GRUB's program for one platform, from the cache or made now."""
    key = hashlib.sha256(repr((platform, modules, config, prefix)).encode()).hexdigest()[:12]
    made = pathlib.Path(cache) / f"{platform}-{key}.img"
    if made.exists():
        return made
    made.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=made.parent) as folder:
        script, program = pathlib.Path(folder) / "early.cfg", pathlib.Path(folder) / "program"
        script.write_text(config, encoding="ascii")
        run("grub-mkimage", "-O", platform, "-o", program, "-c", script, "-p", prefix, *modules)
        os.replace(program, made)
    return made


def run(*command):
    command = [str(word) for word in command]
    environment = {**os.environ, "MTOOLS_SKIP_CHECK": "1", "PATH": os.environ["PATH"] + ":/sbin:/usr/sbin"}
    try:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
    except FileNotFoundError as why:
        raise DiskError(f"{command[0]} is not installed (make doctor)") from why
    if done.returncode:
        raise DiskError(f"{command[0]}: {done.stdout.decode(errors='replace').strip()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd")
    parser.add_argument("--cmdline", default=Options.cmdline)
    parser.add_argument("--timeout", type=int, default=0, help="seconds GRUB's menu waits (0: no menu)")
    parser.add_argument("--tree", help="a folder that becomes the root file system")
    parser.add_argument("--size", type=int, default=0, metavar="MIB", help="of the ext4 partition")
    parser.add_argument("--no-esp", action="store_true", help="leave UEFI out")
    parser.add_argument("--cache", default=Options.cache)
    parser.add_argument("-o", "--output", required=True)
    wanted = parser.parse_args()
    options = Options(wanted.cmdline.strip(), wanted.timeout, wanted.tree, wanted.size,
                      not wanted.no_esp, wanted.cache)
    try:
        build_disk(wanted.kernel, wanted.output, wanted.initrd, options)
    except (DiskError, OSError) as why:
        sys.exit(f"disk.py: {why}")


if __name__ == "__main__":
    main()
