/// ScopeGuard: something to do when this scope is left, unless it turns out to be unnecessary.
///
///     ScopeGuard undo([&] { unmap(range); });
///     TRY(fill(range));
///     undo.dismiss();  // all went well
#pragma once

#include <concepts>
#include <utility>

/// Calls `action` at the end of its life, at most once. The action cannot fail and must not
/// return from the enclosing function.
template <std::invocable Action>
class [[nodiscard]] ScopeGuard {
public:
    explicit ScopeGuard(Action action) : action_(std::move(action)) {}
    ScopeGuard(const ScopeGuard&) = delete;
    ScopeGuard& operator=(const ScopeGuard&) = delete;
    ~ScopeGuard() {
        if (armed_) action_();
    }

    /// There is nothing to do any more.
    void dismiss() { armed_ = false; }

private:
    Action action_;
    bool armed_ = true;
};
