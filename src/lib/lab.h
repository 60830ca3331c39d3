/// The stop that stands in a hole of a lab until a student fills it.
///
/// A hole is the body of one whole function under `#ifdef SOLVED_<LAB>`; the other branch calls
/// lab_todo(). So a starter builds and boots as far as its lab allows, then says what is missing.
#pragma once

/// Names the lab and the function that is still empty, and stops: the machine (the kernel:
/// core/log) or the test (the host: tests/host). Callable from any context; takes no lock.
[[noreturn]] void lab_todo(const char* lab, const char* function);
