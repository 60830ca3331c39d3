/// Names for clang's thread-safety attributes; g++ ignores them. `make check` runs the analysis.
#pragma once

#ifdef __clang__
#define LOCK_ATTRIBUTE(x) __attribute__((x))
#else
#define LOCK_ATTRIBUTE(x)
#endif

#define CAPABILITY(name) LOCK_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY LOCK_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(lock) LOCK_ATTRIBUTE(guarded_by(lock))
#define REQUIRES(...) LOCK_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) LOCK_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) LOCK_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) LOCK_ATTRIBUTE(try_acquire_capability(__VA_ARGS__))
#define RELEASE(...) LOCK_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NO_LOCK_ANALYSIS LOCK_ATTRIBUTE(no_thread_safety_analysis)
