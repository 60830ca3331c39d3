// When memory is short: dropping pages of files that can be read again.
//
// The page caches that have had a page stand in a list. The shrinker takes the first, drops what
// nobody uses, and puts it at the end, so that all get their turn. Caches whose pages exist in
// memory only (tmpfs, shared memory) are not in it.

#include "mm/page_alloc.h"
#include "sched/sched.h"
#include "vm/cache/cache.h"
#include "vm/mm_struct.h"

namespace vm {

/// A sleeping lock: the shrinker only tries it, since it may be called by somebody who holds it.
struct SpaceList {
    sched::Mutex mutex{"page_caches"};
    List<AddressSpace, &AddressSpace::space_link_> spaces GUARDED_BY(mutex);

    static bool is_listed(const AddressSpace& space) { return space.space_link_.is_linked(); }
};

namespace {

constinit SpaceList list;

u64 shrink_page_cache(u64 wanted) NO_LOCK_ANALYSIS {
    if (!may_sleep() || !list.mutex.try_lock()) return 0;
    u64 freed = 0;
    for (usize left = list.spaces.size(); left > 0 && freed < wanted; left--) {
        AddressSpace& space = *list.spaces.pop_front();
        list.spaces.push_back(space);
        freed += space.shrink(wanted - freed);
    }
    list.mutex.unlock();
    return freed;
}

constinit mm::Shrinker shrinker{"page cache", shrink_page_cache};

}  // namespace

void remember_space(AddressSpace& space) {
    if (space.is_memory_only() || SpaceList::is_listed(space)) return;
    sched::MutexGuard guard(list.mutex);
    if (!SpaceList::is_listed(space)) list.spaces.push_back(space);
}

void forget_space(AddressSpace& space) {
    if (!SpaceList::is_listed(space)) return;
    sched::MutexGuard guard(list.mutex);
    list.spaces.remove(space);
}

void init_page_cache() { mm::register_shrinker(shrinker); }

}  // namespace vm
