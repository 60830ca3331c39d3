/// PROBE(): a kernel function that the grader may call with inputs of its own.
///
///     static Result<usize> run(std::span<const std::byte> in, std::span<std::byte> out) { … }
///     PROBE(format) = {.name = "format", .run = run};
///
/// Every probe is a file in debugfs, /sys/kernel/debug/probe/<name>: write the input, then read the
/// answer. Since the inputs are drawn at run time, only doing the work gives the right answers.
///
/// A probe gets bytes from user space: it must not trust them. It runs in process context, may
/// sleep, and must leave the kernel as it was.
#pragma once

#include <span>

#include "lib/result.h"
#include "lib/types.h"

namespace debugfs {

inline constexpr usize kMaxProbeInput = 64 * 1024;
inline constexpr usize kMaxProbeOutput = 64 * 1024;

struct Probe {
    const char* name;
    /// Returns the length of the answer in `out`; an errno is what write(2) reports.
    Result<usize> (*run)(std::span<const std::byte> in, std::span<std::byte> out);
};

}  // namespace debugfs

#define PROBE(ident)                                                  \
    [[gnu::section(".probes"), gnu::aligned(alignof(debugfs::Probe)), \
      gnu::used]] static constinit const debugfs::Probe ident##_probe
