/// Reports of what the language leaves undefined.
#pragma once

#include "core/ubsan/data.h"

namespace ubsan {

/// How often something was reported, and what it was the last time: for tests.
struct Report {
    u64 count;
    const char* kind;
};
Report last_report();

/// While it lives, a place is reported each time, and the kernel is not tainted: bugs are planted.
class Planting {
public:
    Planting();
    ~Planting();
    Planting(const Planting&) = delete;
};

}  // namespace ubsan
