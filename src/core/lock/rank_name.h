/// The names of the lock ranks, for reports.
#pragma once

#include "core/lock/rank.h"

/// "WaitQueue". Never null.
const char* rank_name(LockRank rank);
