// Descriptor tables: numbers to open files. And what else of a process the file system needs:
// its root and working directory.
//
// Files are dropped only after the table's lock: closing may write, wait, or close others.
#include "fs/fd_table.h"

#include <bit>
#include <limits>

#include "fs/locks/file_lock.h"
#include "mm/own.h"
#include "mm/rcu_free.h"
#include "mm/vmalloc.h"
#include "sched/signal_struct.h"
#include "sched/task.h"

namespace fs {
namespace {

constexpr u32 kFirstCapacity = 64;
constexpr usize kLargestKmalloc = 64 * 1024;  // tables beyond need not be contiguous

/// close(2) of one descriptor of `file` in `table`, which thereby loses its record locks on it.
void filp_close(Ref<File> file, FdTable& table) {
    file->ops->flush(*file);
    if (file->inode() != nullptr) release_locks(*file->inode(), LockKind::Posix, &table);
}

}  // namespace

// --- reservations -----------------------------------------------------------------------------

FdReservation::FdReservation(FdReservation&& from)
    : table_(std::exchange(from.table_, nullptr)), number_(from.number_) {}

FdReservation::~FdReservation() {
    if (!table_) return;
    IrqGuard guard(table_->lock_);
    table_->free_slot_locked(static_cast<u32>(number_));
}

void FdReservation::install(Ref<File> file) {
    FdTable* table = std::exchange(table_, nullptr);
    IrqGuard guard(table->lock_);
    FdTable::Slot& slot = *table->slots_.get_protected()->at(number_);
    ASSERT(slot.reserved && slot.file.get_protected() == nullptr);
    slot.file.assign(file.leak());
    slot.reserved = false;
}

// --- the array of slots -----------------------------------------------------------------------

Result<FdTable::Slots*> FdTable::Slots::create(u32 capacity) {
    const usize room = bytes(capacity);
    void* const memory =
        TRY(room > kLargestKmalloc ? mm::vmalloc(room)
                                   : mm::kmalloc(room, mm::Gfp::Kernel | mm::Gfp::Zero));
    return new (memory) Slots{.rcu = {}, .capacity = capacity};  // all slots are zero: empty
}

void FdTable::Slots::destroy() {
    if (bytes(capacity) > kLargestKmalloc) return mm::vfree(this);
    mm::kfree(this);
}

/// Frees an array that readers may be looking at. May sleep: large ones, which are rare, cannot be
/// freed from a callback.
void FdTable::free_slots_rcu(Slots* slots) {
    if (Slots::bytes(slots->capacity) <= kLargestKmalloc) {
        return mm::kfree_rcu<Slots, &Slots::rcu>(*slots);
    }
    synchronize_rcu();
    slots->destroy();
}

// --- the table --------------------------------------------------------------------------------

Result<FdTable*> FdTable::create() {
    auto table = TRY(mm::make<FdTable>());
    return table.leak();
}

/// Makes room for at least `wanted` slots. ENOMEM.
Result<void> FdTable::grow(usize wanted) {
    const u32 capacity =
        std::bit_ceil(static_cast<u32>(wanted < kFirstCapacity ? kFirstCapacity : wanted));
    Slots* const larger = TRY(Slots::create(capacity));
    Slots* old;
    {
        IrqGuard guard(lock_);
        old = slots_.get_protected();
        if (old != nullptr && old->capacity >= capacity) {
            old = larger;  // somebody else was quicker
        } else {
            for (u32 i = 0; old != nullptr && i < old->capacity; i++) {
                Slot& to = *larger->at(i);
                to.file.assign(old->at(i)->file.get_protected());
                to.reserved = old->at(i)->reserved;
                to.close_on_exec = old->at(i)->close_on_exec;
            }
            slots_.assign(larger);
        }
    }
    if (old == larger) {
        larger->destroy();
    } else if (old != nullptr) {
        free_slots_rcu(old);
    }
    return {};
}

u32 FdTable::find_free_locked(u32 from) const {
    Slots* const slots = slots_.get_protected();
    if (slots == nullptr) return from;
    while (from < slots->capacity && slots->at(from)->is_taken()) from++;
    return from;
}

void FdTable::free_slot_locked(u32 number) {
    Slot& slot = *slots_.get_protected()->at(number);
    slot.reserved = slot.close_on_exec = false;
    if (number < first_free_) first_free_ = number;
}

Result<FdReservation> FdTable::reserve(u32 limit, int from, bool close_on_exec) {
    const u32 wanted = static_cast<u32>(from);
    for (;;) {
        u32 number;
        {
            IrqGuard guard(lock_);
            const bool from_first = wanted <= first_free_;
            number = find_free_locked(from_first ? first_free_ : wanted);
            if (number >= limit) return EMFILE;
            if (number < capacity_locked()) {
                Slot& slot = *slots_.get_protected()->at(number);
                slot.reserved = true;
                slot.close_on_exec = close_on_exec;
                if (from_first) first_free_ = number + 1;
                return FdReservation(*this, static_cast<int>(number));
            }
        }
        TRY(grow(number + 1));
    }
}

FdTable::Slot* FdTable::slot_locked(int fd) {
    Slots* const slots = slots_.get_protected();
    if (slots == nullptr || !slots->has(fd)) return nullptr;
    Slot* const slot = slots->at(fd);
    return slot->file.get_protected() != nullptr ? slot : nullptr;
}

/// A file with a reference of its own; null if there is none. A file whose count is zero was taken
/// out of its slot before that, so looking again finds another, or none.
File* FdTable::find_shared(int fd) {
    RcuReadGuard guard;
    for (;;) {
        Slots* const slots = slots_.get();
        if (slots == nullptr || !slots->has(fd)) return nullptr;
        File* const file = slots->at(fd)->file.get();
        if (file == nullptr || file->ref_count.inc_not_zero()) return file;
    }
}

Result<Ref<File>> FdTable::get(int fd) {
    File* const file = find_shared(fd);
    if (file == nullptr) return EBADF;
    return Ref<File>::adopt(file);
}

File* FdTable::find_for_call(int fd, bool& counted) {
    // Only the task itself could give its table to others, and it is busy with this call.
    counted = ref_count.value() != 1;
    if (counted) return find_shared(fd);
    Slots* const slots = slots_.get_protected();
    if (slots == nullptr || !slots->has(fd)) return nullptr;
    return slots->at(fd)->file.get_protected();
}

/// Takes the file out; null if there is none.
Ref<File> FdTable::take(int fd) {
    IrqGuard guard(lock_);
    Slot* slot = slot_locked(fd);
    if (!slot) return nullptr;
    File* const file = slot->file.replace(nullptr);
    free_slot_locked(static_cast<u32>(fd));
    return Ref<File>::adopt(file);
}

Result<void> FdTable::close(int fd) {
    Ref<File> file = take(fd);
    if (!file) return EBADF;
    filp_close(std::move(file), *this);
    return {};
}

Result<void> FdTable::install_at(int to, Ref<File> file, bool close_on_exec, u32 limit) {
    if (to < 0 || static_cast<u32>(to) >= limit) return EBADF;
    TRY(grow_to(static_cast<u32>(to) + 1));
    Ref<File> replaced;
    {
        IrqGuard guard(lock_);
        Slot& slot = *slots_.get_protected()->at(to);
        if (slot.reserved) return EBUSY;  // another thread is about to open a file there
        if (File* const old = slot.file.replace(file.leak())) replaced = Ref<File>::adopt(old);
        slot.close_on_exec = close_on_exec;
    }
    if (replaced) filp_close(std::move(replaced), *this);
    return {};
}

Result<void> FdTable::grow_to(u32 wanted) {
    {
        IrqGuard guard(lock_);
        if (wanted <= capacity_locked()) return {};
    }
    return grow(wanted);
}

Result<bool> FdTable::close_on_exec(int fd) {
    IrqGuard guard(lock_);
    const Slot* slot = slot_locked(fd);
    if (!slot) return EBADF;
    return slot->close_on_exec;
}

Result<void> FdTable::set_close_on_exec(int fd, bool on) {
    IrqGuard guard(lock_);
    Slot* slot = slot_locked(fd);
    if (!slot) return EBADF;
    slot->close_on_exec = on;
    return {};
}

int FdTable::next_open(int from) {
    RcuReadGuard guard;
    Slots* const slots = slots_.get();
    if (slots == nullptr) return -1;
    for (int fd = from < 0 ? 0 : from; slots->has(fd); fd++) {
        if (slots->at(fd)->file.get() != nullptr) return fd;
    }
    return -1;
}

void FdTable::do_close_on_exec() {
    for (int fd = next_open(0); fd >= 0; fd = next_open(fd + 1)) {
        auto marked = close_on_exec(fd);
        if (marked.ok() && marked.value()) (void)close(fd);
    }
}

void FdTable::close_range(unsigned first, unsigned last, bool only_mark) {
    if (first > std::numeric_limits<int>::max()) return;
    for (int fd = next_open(static_cast<int>(first)); fd >= 0 && static_cast<unsigned>(fd) <= last;
         fd = next_open(fd + 1)) {
        (void)(only_mark ? set_close_on_exec(fd, true) : close(fd));
    }
}

/// Copies as much of `from` as there is room for; says how many slots it has.
u32 FdTable::copy_slots(FdTable& from) NO_LOCK_ANALYSIS {
    IrqGuard guard(from.lock_);  // nobody else knows of us yet
    const u32 wanted = from.capacity_locked();
    if (wanted > capacity_locked()) return wanted;
    for (u32 i = 0; i < wanted; i++) {
        const Slot& slot = *from.slots_.get_protected()->at(i);
        File* const file = slot.file.get_protected();
        if (file == nullptr) continue;
        Slot& copy = *slots_.get_protected()->at(i);
        copy.file.assign(Ref<File>::share(file).leak());
        copy.close_on_exec = slot.close_on_exec;
    }
    first_free_ = 0;
    return wanted;
}

Result<FdTable*> FdTable::duplicate() {
    auto copy = Ref<FdTable>::adopt(TRY(create()));
    u32 wanted = kFirstCapacity;
    do {
        TRY(copy->grow_to(wanted));
        wanted = copy->copy_slots(*this);
    } while (wanted > copy->capacity());
    return copy.leak();
}

u32 FdTable::capacity_locked() const {
    const Slots* const slots = slots_.get_protected();
    return slots != nullptr ? slots->capacity : 0;
}

u32 FdTable::capacity() {
    IrqGuard guard(lock_);
    return capacity_locked();
}

void FdTable::release(FdTable* table) NO_LOCK_ANALYSIS {
    table->close_range(0, ~0u, false);
    // Nobody has a reference to the table any more, so nobody reads in it.
    if (Slots* const slots = table->slots_.get_protected()) slots->destroy();
    mm::destroy(table);
}

// --- the running task's -----------------------------------------------------------------------

FdTable& current_files() { return *sched::current().files; }

Result<FdFile> fdget(int fd) {
    bool counted;
    File* const file = current_files().find_for_call(fd, counted);
    if (file == nullptr) return EBADF;
    return FdFile(file, counted);
}

Result<Ref<File>> fget(int fd) { return current_files().get(fd); }

Result<FdReservation> reserve_fd(bool close_on_exec, int from) {
    const u64 limit = sched::current().signal->rlimits[abi::RLIMIT_NOFILE].current;
    const u32 top = limit > std::numeric_limits<int>::max() ? std::numeric_limits<int>::max()
                                                            : static_cast<u32>(limit);
    return current_files().reserve(top, from, close_on_exec);
}

// --- root and working directory ---------------------------------------------------------------

Result<FsStruct*> FsStruct::create(const Path& root, const Path& cwd, u32 umask) {
    auto fs = TRY(mm::make<FsStruct>());
    fs->set_root(root);
    fs->set_cwd(cwd);
    fs->umask = umask;
    return fs.leak();
}

Result<FsStruct*> FsStruct::duplicate() { return create(root(), cwd(), umask.load()); }

void FsStruct::release(FsStruct* fs) { mm::destroy(fs); }

Path FsStruct::root() {
    IrqGuard guard(lock_);
    return root_;
}

Path FsStruct::cwd() {
    IrqGuard guard(lock_);
    return cwd_;
}

void FsStruct::set_root(const Path& path) {
    Path old = path;  // then the old one, dropped after the lock
    IrqGuard guard(lock_);
    std::swap(root_.mount, old.mount);
    std::swap(root_.dentry, old.dentry);
}

void FsStruct::set_cwd(const Path& path) {
    Path old = path;
    IrqGuard guard(lock_);
    std::swap(cwd_.mount, old.mount);
    std::swap(cwd_.dentry, old.dentry);
}

}  // namespace fs
