/// How a file tells poll(2), select(2) and epoll(7) to come back later.
#pragma once

#include "sched/wait_queue.h"

namespace fs {

/// Handed to FileOperations::poll, which calls wait_on() for every queue that will be woken when
/// its answer may change. Implemented by poll(2) and epoll.
class PollTable {
public:
    virtual void wait_on(sched::WaitQueue& queue) = 0;

protected:
    ~PollTable() = default;
};

}  // namespace fs
