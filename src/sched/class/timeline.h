/// Timeline: the fair tasks that wait, by virtual run time. Linux: the rb_root_cached of cfs_rq.
///
/// A binary search tree through Task::run_node: whoever is before a task in time is in its left
/// subtree, all others in the right one; of equals the one that came later is behind. Walking it is
/// done here; keeping it flat, so that everything costs O(log n), in timeline.cc.
///
/// Invariants: 1. every node's `parent` leads back up, the root's is null; 2. a node in the tree
/// is_linked(), none outside; 3. tree_.first is the leftmost node. Guarded by the run queue's lock.
#pragma once

#include "lib/rbtree.h"
#include "sched/task.h"

namespace sched {

/// Virtual time wraps around, so the difference decides.
struct ByVruntime {
    bool operator()(const Task& a, const Task& b) const {
        return i64(a.se.vruntime - b.se.vruntime) < 0;
    }
};

class Timeline {
public:
    bool empty() const { return tree_.root == nullptr; }
    /// The task with the least virtual run time, in constant time; the one with the most. Null if
    /// nobody waits.
    Task* first() const { return task_of(tree_.first); }
    Task* last() const { return task_of(outermost(StaticRbNode::Right)); }
    /// The neighbours of a task that waits here; null at the ends.
    Task* next(const Task& task) const { return neighbour(task, StaticRbNode::Right); }
    Task* prev(const Task& task) const { return neighbour(task, StaticRbNode::Left); }

    /// A task that is in no tree waits here, at its vruntime, which stays while it does.
    void insert(Task& task);
    /// A task that waits here does so no more.
    void erase(Task& task);

private:
    using Tasks = RbTree<Task, &Task::run_node, ByVruntime>;

    static Task* task_of(StaticRbNode* node) { return Tasks::element(node); }
    StaticRbNode* outermost(StaticRbNode::Side side) const {
        StaticRbNode* at = tree_.root;
        while (at != nullptr && at->child[side] != nullptr) at = at->child[side];
        return at;
    }
    static Task* neighbour(const Task& task, StaticRbNode::Side side) {
        return task_of(rb_neighbour(task.run_node, side));
    }

    RbRoot tree_;
};

}  // namespace sched
