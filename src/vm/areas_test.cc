// The set of areas, against a model that knows each page by itself.

#include "vm/areas.h"
#include "mm/kasan.h"
#include "mm/page_alloc.h"
#include "vm/test_memory.h"

namespace vm {

namespace {

constexpr u64 kPages = 48;
constexpr VirtAddr kBase{0x2000'0000'0000 - kPages / 2 * kPageSize};  // across a top-level entry

/// What one page should be.
struct ModelPage {
    bool mapped = false;
    u32 prot = 0;
    u64 value = 0;
};

struct Model {
    ModelPage page[kPages];

    VirtAddr at(u64 i) const { return kBase + i * kPageSize; }

    /// Describes the first difference; empty if there is none.
    const char* compare(TestMm& mm) const {
        u64 mapped = 0;
        for (u64 i = 0; i < kPages; i++) {
            const VmArea* area = mm->find_vma(at(i));
            const bool is_mapped = area && area->start <= at(i);
            if (is_mapped != page[i].mapped) return "mapped or not";
            mapped += is_mapped;
            if (is_mapped && (area->flags & kVmAccess) != page[i].prot) return "rights";
            const bool seen = mm.touch(at(i), upcall::Access::Write) == 0;
            if (seen != (is_mapped && (page[i].prot & kVmWrite))) return "write allowed or not";
            if (is_mapped && mm.read(at(i)) != page[i].value) return "contents";
        }
        if (mm->total_vm.load() != mapped) return "total_vm";
        return "";
    }
};

/// Two neighbours that both have pages of their own remain two, unless those have one AnonVma.
bool could_be_one(const VmArea& left, const VmArea& right) {
    if (left.flags != right.flags) return false;
    return !left.has_anon() || !right.has_anon() || left.anon_vma.load() == right.anon_vma.load();
}

/// Sorted, apart, in no more pieces than needed.
bool is_tidy(MmStruct& mm) {
    u32 count = 0;
    const VmArea* before = nullptr;
    for (const VmArea& area : mm.areas) {
        count++;
        if (area.start >= area.end || area.mm != &mm) return false;
        if (before && area.start < before->end) return false;
        if (before && area.start == before->end && could_be_one(*before, area)) return false;
        before = &area;
    }
    return count == mm.area_count && mm.areas.is_sound();
}

/// One random call, on both.
void random_step(TestMm& mm, Model& model, TestRandom& random) {
    constexpr u32 kProts[] = {0, 1, 3, 5, 7};
    const u64 first = random.below(kPages), end = first + 1 + random.below(kPages - first);
    const VirtAddr at = model.at(first);
    const u64 bytes = (end - first) * kPageSize;
    const u32 prot = kProts[random.below(5)];
    const u64 kind = random.below(5);
    bool whole = true;
    for (u64 i = first; i < end; i++) whole &= model.page[i].mapped;

    if (kind == 0) {
        if (mm.map(end - first, prot, abi::MAP_PRIVATE | abi::MAP_FIXED, at) != at) return;
    } else if (kind == 1) {
        if (!mm->munmap(at, bytes).ok()) return;
    } else if (kind == 2) {
        if (mm->mprotect(at, bytes, prot).ok() != whole) model.page[0].prot = ~0u;  // noticed
    } else if (kind == 3) {
        static_cast<void>(mm->madvise(at, bytes, abi::MADV_DONTNEED));
    }
    bool hole = false;
    for (u64 i = first; i < end; i++) {
        ModelPage& page = model.page[i];
        hole |= !page.mapped;
        if (kind == 0) page = {true, prot, 0};
        if (kind == 1) page = {};
        if (kind == 2 && !hole) page.prot = prot;  // up to the first hole
        if (kind == 3) page.value = 0;
        if (kind != 4 || !page.mapped) continue;
        page.value = random.next();
        if (!mm.write(model.at(i), page.value)) page.value = ~page.value;  // noticed
    }
}

}  // namespace

TEST(areas_follow_model, "vm.areas.model") {
    TestMm mm;
    REQUIRE(mm);
    TestRandom random(test.seed);
    static Model model;
    model = {};
    for (int step = 0; step < 600; step++) {
        random_step(mm, model, random);
        const char* difference = model.compare(mm);
        EXPECT_EQ(difference, "");
        EXPECT(is_tidy(*mm));
        if (test.failures) break;
    }
}

TEST(areas_leak_nothing, "vm.areas.no_leak") {
    // The first round fills the slab caches; what it leaves is not a leak. Others allocate and free
    // meanwhile, but not in every round.
    bool is_even = false;
    for (int round = 0; round < 20 && !is_even; round++) {
        const u64 free_before = mm::free_page_count();
        {
            TestMm mm;
            REQUIRE(mm);
            const VirtAddr at = mm.map(600);
            for (u64 i = 0; i < 600; i += 7) EXPECT(mm.write(at + i * kPageSize, i));
            Result<MmStruct*> child = MmStruct::duplicate(*mm);
            REQUIRE(child.ok());
            TestMm other(child.value());
            for (u64 i = 0; i < 600; i += 14) EXPECT(other.write(at + i * kPageSize, ~i));
        }
        mm::kasan_drop_quarantine();
        is_even = round > 0 && mm::free_page_count() == free_before;
    }
    EXPECT(is_even);
}

TEST(areas_are_limited, "vm.areas.limit") {
    TestMm mm;
    REQUIRE(mm);
    constexpr VirtAddr kFirst{0x1000'0000'0000};
    u64 i = 0;
    for (; i < kMaxMapCount; i++) {  // neighbours differ, so none are merged
        const u32 prot = i % 2 ? abi::PROT_READ : abi::PROT_NONE;
        const u32 flags = abi::MAP_PRIVATE | abi::MAP_FIXED | abi::MAP_NORESERVE;
        if (mm.map(1, prot, flags, kFirst + i * kPageSize).raw() == 0) break;
    }
    EXPECT_EQ(i, kMaxMapCount);
    EXPECT_EQ(mm.map(1).raw(), 0u);
    const VirtAddr at = kFirst + 10 * kPageSize;
    EXPECT_EQ(errno_of(mm->munmap(at, 2 * kPageSize)), 0);
    EXPECT_EQ(mm->area_count, kMaxMapCount - 2);
}

TEST(room_is_found_downwards, "vm.areas.unmapped") {
    TestMm mm;
    REQUIRE(mm);
    const VirtAddr top = mm->mmap_base;
    EXPECT_EQ(mm.map(4), top - 4 * kPageSize);
    EXPECT_EQ(mm.map(2, abi::PROT_READ), top - 6 * kPageSize);
    EXPECT_EQ(mm.map(1), top - 7 * kPageSize);
    EXPECT_EQ(errno_of(mm->munmap(top - 6 * kPageSize, 2 * kPageSize)), 0);
    EXPECT_EQ(mm.map(3), top - 10 * kPageSize);  // does not fit into the hole
    EXPECT_EQ(mm.map(2), top - 6 * kPageSize);   // does

    const VirtAddr hint{0x1234'5678'9000};
    EXPECT_EQ(mm.map(1, 3, abi::MAP_PRIVATE, hint), hint);
    EXPECT(mm.map(1, 3, abi::MAP_PRIVATE, hint) != hint);  // taken: anywhere else
    const VirtAddr low = mm.map(1, 3, abi::MAP_PRIVATE | abi::MAP_32BIT);
    EXPECT(low.raw() != 0 && low.raw() < 0x8000'0000);

    // No mapping comes near a stack unless it says exactly where.
    const VirtAddr stack = mm.map(1, 3, abi::MAP_PRIVATE | abi::MAP_GROWSDOWN);
    EXPECT(mm.map(1) <= stack - kStackGuardGap - kPageSize);
}

TEST(bad_requests_are_refused, "vm.mmap.errors") {
    TestMm mm;
    REQUIRE(mm);
    const u32 anonymous = abi::MAP_PRIVATE | abi::MAP_ANONYMOUS;
    const auto try_map = [&](u64 at, u64 bytes, u32 flags) {
        return errno_of(
            mm->mmap({.at = VirtAddr(at), .bytes = bytes, .prot = 3, .map_flags = flags}));
    };
    EXPECT_EQ(try_map(0, 0, anonymous), number(EINVAL));
    EXPECT_EQ(try_map(0, ~u64{0}, anonymous), number(ENOMEM));
    EXPECT_EQ(try_map(0, ~u64{0} - 4096, anonymous), number(ENOMEM));
    EXPECT_EQ(try_map(0, u64{1} << 47, anonymous), number(ENOMEM));
    EXPECT_EQ(try_map(0, 4096, abi::MAP_ANONYMOUS), number(EINVAL));
    EXPECT_EQ(try_map(4097, 4096, anonymous | abi::MAP_FIXED), number(EINVAL));
    EXPECT_EQ(try_map(0, 4096, anonymous | abi::MAP_FIXED), number(EPERM));
    EXPECT_EQ(try_map(0x7fff'ffff'f000, 4096, anonymous | abi::MAP_FIXED), number(ENOMEM));
    EXPECT_EQ(try_map(0xffff'8880'0000'0000, 4096, anonymous | abi::MAP_FIXED), number(ENOMEM));
    EXPECT_EQ(try_map(0x7fff'ffff'e000, 4096, anonymous | abi::MAP_FIXED), 0);
    EXPECT_EQ(try_map(0x7fff'ffff'e000, 4096, anonymous | abi::MAP_FIXED_NOREPLACE),
              number(EEXIST));

    const VirtAddr at(0x7fff'ffff'e000);
    EXPECT_EQ(errno_of(mm->munmap(at + 1, 4096)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->munmap(at, 0)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->munmap(at, ~u64{0})), number(EINVAL));
    EXPECT_EQ(errno_of(mm->munmap(VirtAddr(0xffff'8880'0000'0000), 4096)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->munmap(VirtAddr(0), at.raw())), 0);  // a hole is no mistake
    EXPECT_EQ(errno_of(mm->mprotect(at + 1, 4096, 1)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->mprotect(at, 8192, 1)), number(ENOMEM));
    EXPECT_EQ(errno_of(mm->mprotect(at, 4096, 0x80)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->madvise(at, 4096, 999)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->madvise(at - 4096, 8192, abi::MADV_DONTNEED)), number(ENOMEM));
    EXPECT_EQ(errno_of(mm->msync(at, 4096, abi::MS_SYNC | abi::MS_ASYNC)), number(EINVAL));
    EXPECT_EQ(errno_of(mm->msync(at, 4096, abi::MS_SYNC)), 0);
}

}  // namespace vm
