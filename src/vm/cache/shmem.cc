// Shared anonymous memory.

#include "vm/shmem.h"

#include "lib/ref.h"
#include "lib/string.h"
#include "mm/own.h"
#include "vm/overcommit.h"

namespace vm {

namespace {

class ShmemOperations final : public AddressSpaceOperations {
public:
    Result<void> read_page(AddressSpace&, mm::Page& page) const override {
        memset(mm::bytes_of(page), 0, kPageSize);
        return {};
    }
    bool is_memory_only() const override { return true; }
};
constexpr ShmemOperations kShmemOperations;

class ShmemFile final : public MappedFile {
public:
    explicit ShmemFile(u64 bytes) : mapping_(kShmemOperations, this), bytes_(bytes) {
        commit(static_cast<i64>(bytes_ >> kPageShift));
    }
    ~ShmemFile() { commit(-static_cast<i64>(bytes_ >> kPageShift)); }

    void get() override { count_.inc(); }
    void put() override {
        if (!count_.dec_and_test()) return;
        mapping_.truncate(0);
        mm::destroy(this);
    }
    AddressSpace* mapping() override { return &mapping_; }
    usize describe(std::span<char> room, u32& device, u64& inode) override {
        device = 1;  // as Linux shows it: the first of the devices without hardware
        inode = reinterpret_cast<u64>(this) >> 6 & 0xff'ffff;
        return std::min(copy_string(room, "/dev/zero (deleted)"), room.size());
    }
    u64 size() override { return bytes_; }

private:
    RefCount count_;
    AddressSpace mapping_;
    u64 bytes_;
};

}  // namespace

Result<MappedFile*> make_shmem_file(u64 bytes) {
    if (!has_enough_memory(bytes >> kPageShift)) return ENOMEM;
    return static_cast<MappedFile*>(TRY(mm::make<ShmemFile>(bytes)).leak());
}

}  // namespace vm
