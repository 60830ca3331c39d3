/// ELF64 files as exec reads them. See: System V ABI, "Object Files"; x86-64 psABI.
#pragma once

#include "abi/types.h"

namespace abi {

inline constexpr u8 kElfMagic[4] = {0x7f, 'E', 'L', 'F'};
inline constexpr u8 ELFCLASS64 = 2, ELFDATA2LSB = 1, EV_CURRENT = 1;
inline constexpr u16 ET_EXEC = 2, ET_DYN = 3;
inline constexpr u16 EM_X86_64 = 62;

struct Elf64Ehdr {
    u8 magic[4];
    u8 file_class, data, ident_version, os_abi;
    u8 ident_rest[8];
    u16 type, machine;
    u32 version;
    u64 entry;
    u64 phoff, shoff;
    u32 flags;
    u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};
static_assert(sizeof(Elf64Ehdr) == 64);

inline constexpr u32 PT_LOAD = 1, PT_INTERP = 3, PT_PHDR = 6, PT_GNU_STACK = 0x6474'e551;
inline constexpr u32 PF_X = 1, PF_W = 2, PF_R = 4;

struct Elf64Phdr {
    u32 type, flags;
    u64 offset;
    u64 vaddr, paddr;
    u64 filesz, memsz;
    u64 align;
};
static_assert(sizeof(Elf64Phdr) == 56);

}  // namespace abi
