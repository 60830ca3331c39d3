// LAB FILE (03-scheduling): the order in which fair tasks wait. Linux: kernel/sched/fair.c
// (__enqueue_entity, __dequeue_entity).

#include "sched/class/timeline.h"

#include "lib/lab.h"

namespace sched {

/// LAB scheduling, task 3 "The timeline" (handouts/03-scheduling.md). Write the body.
///   Before  the task is in no tree.
///   After   it is in this one, behind all that are not behind it in virtual time, and first() is
///           right. The number of steps grew with the logarithm of how many wait, at most.
///   Use     ByVruntime(), task_of(), task.run_node; and tree_.insert(node, parent, side), which
///           hangs a node below `parent` on that side, keeps the tree flat and tree_.first right.
///           Or a tree of your own on the same nodes: the invariants of timeline.h are all that
///           others rely on.
///   Check   `make grade LAB=scheduling T=timeline`
///   Think   two tasks have the same vruntime. What may go wrong if the new one goes first?
void Timeline::insert(Task& task) {
#ifdef SOLVED_SCHEDULING
    StaticRbNode* parent = nullptr;
    StaticRbNode* at = tree_.root;
    StaticRbNode::Side side = StaticRbNode::Left;
    while (at != nullptr) {
        parent = at;
        side = ByVruntime()(task, *task_of(at)) ? StaticRbNode::Left : StaticRbNode::Right;
        at = at->child[side];
    }
    tree_.insert(task.run_node, parent, side);
#else
    lab_todo("scheduling", "Timeline::insert");
#endif
}

/// LAB scheduling, task 3 "The timeline" (handouts/03-scheduling.md). Write the body.
///   Before  the task is in this tree.
///   After   it is in none, the others are in their order, and first() is right. In O(log n).
///   Use     tree_.erase(node), or what fits your own insert().
///   Check   `make grade LAB=scheduling T=timeline`
void Timeline::erase(Task& task) {
#ifdef SOLVED_SCHEDULING
    tree_.erase(task.run_node);
#else
    lab_todo("scheduling", "Timeline::erase");
#endif
}

}  // namespace sched
