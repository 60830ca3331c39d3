/// How the kernel says "this may fail": Result<T>, and TRY() to pass a failure on.
#pragma once

#include <new>
#include <utility>

#include "abi/errno.h"
#include "lib/assert.h"

/// The outcome of an operation that can fail: a T, or the Errno that says why there is none.
///
/// A caller must look: the class is [[nodiscard]], and reading the wrong half panics. Return
/// either half directly (`return page;` or `return ENOMEM;`).
template <class T>
class [[nodiscard]] Result {
public:
    Result(T value) : error_(0), value_(std::move(value)) {}
    Result(Errno why) : error_(static_cast<int>(why)) {}
    Result(Result&& from) : error_(from.error_) {
        if (ok()) new (&value_) T(std::move(from.value_));
    }
    Result& operator=(Result&&) = delete;
    ~Result() {
        if (ok()) value_.~T();
    }

    bool ok() const { return error_ == 0; }
    Errno error() const {
        ASSERT(!ok());
        return static_cast<Errno>(error_);
    }
    T& value() {
        ASSERT(ok());
        return value_;
    }
    T take() {
        ASSERT(ok());
        return std::move(value_);
    }

private:
    int error_;  // 0: value_ is alive
    union {
        T value_;
    };
};

/// An operation that yields nothing but success (`return {};`) or the reason it failed.
template <>
class [[nodiscard]] Result<void> {
public:
    Result() = default;
    Result(Errno why) : error_(static_cast<int>(why)) {}

    bool ok() const { return error_ == 0; }
    Errno error() const {
        ASSERT(!ok());
        return static_cast<Errno>(error_);
    }
    void take() const { ASSERT(ok()); }

private:
    int error_ = 0;
};

/// The value of a Result, or else return its error from the enclosing function.
#define TRY(expr)                                        \
    ({                                                   \
        auto try_result = (expr);                        \
        if (!try_result.ok()) return try_result.error(); \
        try_result.take();                               \
    })
