// host-test
#include "lib/scope_guard.h"

#include "lib/result.h"
#include "lib/test.h"

namespace {

Result<void> step(bool succeeds) {
    if (!succeeds) return EIO;
    return {};
}

/// Takes something, which only success may keep.
Result<void> take(bool succeeds, int& taken) {
    taken++;
    ScopeGuard undo([&] { taken--; });
    TRY(step(succeeds));
    undo.dismiss();
    return {};
}

}  // namespace

TEST(scope_guard_undoes_failures_only, "lib.scope_guard.undo") {
    int taken = 0;
    EXPECT(take(true, taken).ok());
    EXPECT_EQ(taken, 1);
    EXPECT_EQ(take(false, taken).error(), EIO);
    EXPECT_EQ(taken, 1);
}
