// Descriptor tables: numbers to open files. And what else of a process the file system needs:
// its root and working directory.
//
// Files are dropped only after the table's lock: closing may write, wait, or close others.
#include "fs/fd_table.h"

#include <bit>
#include <limits>

#include "fs/locks/file_lock.h"
#include "mm/own.h"
#include "mm/vmalloc.h"
#include "sched/signal_struct.h"
#include "sched/task.h"

namespace fs {
namespace {

constexpr u32 kFirstCapacity = 64;
constexpr usize kLargestKmalloc = 64 * 1024;  // tables beyond need not be contiguous

Result<void*> alloc_table(usize bytes) {
    if (bytes > kLargestKmalloc) return mm::vmalloc(bytes);
    return mm::kmalloc(bytes, mm::Gfp::Kernel | mm::Gfp::Zero);
}

void free_table(void* table, usize bytes) {
    if (bytes > kLargestKmalloc) return mm::vfree(table);
    mm::kfree(table);
}

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
    FdTable::Slot& slot = table->slots_[number_];
    ASSERT(slot.reserved && !slot.file);
    slot.file = std::move(file);
    slot.reserved = false;
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
    auto* larger = static_cast<Slot*>(TRY(alloc_table(capacity * sizeof(Slot))));
    Slot* old = larger;
    u32 old_capacity = capacity;
    {
        IrqGuard guard(lock_);
        if (capacity_ < capacity) {
            for (u32 i = 0; i < capacity; i++) {
                new (&larger[i]) Slot(i < capacity_ ? std::move(slots_[i]) : Slot());
            }
            old = std::exchange(slots_, larger);
            old_capacity = std::exchange(capacity_, capacity);
        }
    }
    if (old) free_table(old, old_capacity * sizeof(Slot));
    return {};
}

u32 FdTable::find_free_locked(u32 from) const {
    while (from < capacity_ && slots_[from].is_taken()) from++;
    return from;
}

void FdTable::free_slot_locked(u32 number) {
    slots_[number].reserved = slots_[number].close_on_exec = false;
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
            if (number < capacity_) {
                slots_[number].reserved = true;
                slots_[number].close_on_exec = close_on_exec;
                if (from_first) first_free_ = number + 1;
                return FdReservation(*this, static_cast<int>(number));
            }
        }
        TRY(grow(number + 1));
    }
}

FdTable::Slot* FdTable::slot_locked(int fd) {
    if (fd < 0 || static_cast<u32>(fd) >= capacity_ || !slots_[fd].file) return nullptr;
    return &slots_[fd];
}

Result<Ref<File>> FdTable::get(int fd) {
    IrqGuard guard(lock_);
    Slot* slot = slot_locked(fd);
    if (!slot) return EBADF;
    return slot->file;
}

/// Takes the file out; null if there is none.
Ref<File> FdTable::take(int fd) {
    IrqGuard guard(lock_);
    Slot* slot = slot_locked(fd);
    if (!slot) return nullptr;
    Ref<File> file = std::move(slot->file);
    free_slot_locked(static_cast<u32>(fd));
    return file;
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
        Slot& slot = slots_[to];
        if (slot.reserved) return EBUSY;  // another thread is about to open a file there
        replaced = std::exchange(slot.file, std::move(file));
        slot.close_on_exec = close_on_exec;
    }
    if (replaced) filp_close(std::move(replaced), *this);
    return {};
}

Result<void> FdTable::grow_to(u32 wanted) {
    {
        IrqGuard guard(lock_);
        if (wanted <= capacity_) return {};
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
    IrqGuard guard(lock_);
    for (u32 fd = from < 0 ? 0 : static_cast<u32>(from); fd < capacity_; fd++) {
        if (slots_[fd].file) return static_cast<int>(fd);
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
    if (from.capacity_ > capacity_) return from.capacity_;
    for (u32 i = 0; i < from.capacity_; i++) {
        if (!from.slots_[i].file) continue;
        slots_[i].file = from.slots_[i].file;
        slots_[i].close_on_exec = from.slots_[i].close_on_exec;
    }
    first_free_ = 0;
    return from.capacity_;
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

u32 FdTable::capacity() {
    IrqGuard guard(lock_);
    return capacity_;
}

void FdTable::release(FdTable* table) NO_LOCK_ANALYSIS {
    table->close_range(0, ~0u, false);
    if (table->slots_) free_table(table->slots_, table->capacity_ * sizeof(Slot));
    mm::destroy(table);
}

// --- the running task's -----------------------------------------------------------------------

FdTable& current_files() { return *sched::current().files; }

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
