// Dropping all pages of files that can be read again, for /proc/sys/vm/drop_caches. (When memory is
// short, reclaim/ looks at single pages.)
//
// The page caches that have had a page stand in a list. Caches whose pages exist in memory only
// (tmpfs, shared memory) are not in it.

#include "mm/page_alloc.h"
#include "sched/sched.h"
#include "vm/cache/cache.h"
#include "vm/lru.h"
#include "vm/mm_struct.h"

namespace vm {

struct SpaceList {
    sched::Mutex mutex{"page_caches"};
    List<AddressSpace, &AddressSpace::space_link_> spaces GUARDED_BY(mutex);

    static bool is_listed(const AddressSpace& space) { return space.space_link_.is_linked(); }
};

namespace {

constinit SpaceList list;

}  // namespace

u64 drop_page_cache() {
    lru_add_drain_all();
    sched::MutexGuard guard(list.mutex);
    u64 freed = 0;
    for (AddressSpace& space : list.spaces) freed += space.shrink(~u64{0});
    return freed;
}

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

}  // namespace vm
