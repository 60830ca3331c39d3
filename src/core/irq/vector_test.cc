// Giving out vectors, and moving interrupts between processors.
#include "core/irq/test_line.h"

namespace {

using namespace irq_test;
using irq::IrqReturn;

VectorMatrixRow row;

/// Interrupts that exist only as far as the vector tables are concerned.
class Crowd {
public:
    explicit Crowd(unsigned count) {
        memory_ = static_cast<std::byte*>(services.alloc(count * sizeof(IrqDesc)));
        for (unsigned i = 0; memory_ != nullptr && i < count; i++) {
            new (memory_ + i * sizeof(IrqDesc)) IrqDesc(i);
            count_++;
        }
    }
    ~Crowd() {
        for (unsigned i = 0; i < count_; i++) release_vectors((*this)[i]);
        services.free(memory_);
    }
    IrqDesc& operator[](unsigned i) { return reinterpret_cast<IrqDesc*>(memory_)[i]; }
    bool ok() const { return memory_ != nullptr; }

private:
    std::byte* memory_;
    unsigned count_ = 0;
};

/// The vector after `vector` in the order that the books describe.
unsigned next_free(unsigned vector) {
    do {
        vector += 16;
        if (vector >= arch::kFirstSystem) vector = 0x20 + (vector + 1) % 16;
    } while (vector == 0x20 || vector == 0x80 || row.irq_of[vector] != kNoIrq);
    return vector;
}

TEST(vectors_step, "core.irq.vector.step") {
    Crowd crowd(40);
    REQUIRE(crowd.ok());
    read_vectors(0, row);
    unsigned expected = 0, in_next_class = 0;
    for (unsigned i = 0; i < 40; i++) {
        REQUIRE(assign_vector(crowd[i], 1).ok());
        const unsigned vector = crowd[i].vectors.now.vector;
        if (i > 0) EXPECT_EQ(vector, expected);
        if (i > 0) in_next_class += vector == crowd[i - 1].vectors.now.vector + 16;
        row.irq_of[vector] = i;
        expected = next_free(vector);
    }
    EXPECT(in_next_class > 30);
}

TEST(vectors_spill, "core.irq.vector.spill") {
    if (online_cpus.count() < 2) return;
    constexpr unsigned kMost = arch::kFirstSystem - arch::kFirstDevice;
    Crowd crowd(kMost);
    REQUIRE(crowd.ok());
    read_vectors(0, row);
    const unsigned free_there = row.available;
    EXPECT(free_there > 180 && free_there <= kMost - 2);
    for (unsigned i = 0; i < free_there; i++) {
        REQUIRE(assign_vector(crowd[i], 3).ok());
        EXPECT_EQ(crowd[i].vectors.now.cpu, 0u);
    }
    const Result<void> full = assign_vector(crowd[free_there], 1);
    EXPECT(!full.ok() && full.error() == ENOSPC);
    REQUIRE(assign_vector(crowd[free_there], 3).ok());
    EXPECT_EQ(crowd[free_there].vectors.now.cpu, 1u);
    const Result<void> nowhere = assign_vector(crowd[free_there], u64{1} << 63);
    EXPECT(!nowhere.ok() && nowhere.error() == EINVAL);
    read_vectors(0, row);
    EXPECT_EQ(row.available, 0u);
    for (u8 reserved : {0x20, 0x80}) EXPECT_EQ(row.irq_of[reserved], kNoIrq);
}

struct Where {
    std::atomic<u32> calls{0}, cpu{0};
};
IrqReturn note_cpu(unsigned, void* where) {
    static_cast<Where*>(where)->cpu = cpu_id();
    static_cast<Where*>(where)->calls++;
    return IrqReturn::Handled;
}

/// Which irq a vector stands for.
u32 irq_at(const VectorPlace& place) {
    read_vectors(place.cpu, row);
    return row.irq_of[place.vector];
}

TEST(affinity_moves, "core.irq.vector.move") {
    if (online_cpus.count() < 2) return;
    EdgeLine line;
    Where where;
    REQUIRE(set_affinity(line.irq, 1).ok());
    REQUIRE(request_irq(line.irq, note_cpu, 0, "test", &where).ok());
    const VectorPlace first = line.desc().vectors.now;
    EXPECT_EQ(first.cpu, 0u);
    REQUIRE(set_affinity(line.irq, 2).ok());
    line.raise();  // still to the old place; moves the line
    EXPECT(reaches(where.calls, 1));
    EXPECT_EQ(where.cpu.load(), 0u);
    settle();
    EXPECT_EQ(line.cpu(), 1u);
    EXPECT_EQ(irq_at(first), line.irq);  // one could be on its way there
    send_vector(first.cpu, first.vector);
    EXPECT(reaches(where.calls, 2));
    EXPECT_EQ(where.cpu.load(), 0u);
    line.raise();
    EXPECT(reaches(where.calls, 3));
    EXPECT_EQ(where.cpu.load(), 1u);
    for (unsigned i = 0; i < 1000 && irq_at(first) != kNoIrq; i++) settle();
    EXPECT_EQ(irq_at(first), kNoIrq);  // cleaned up
    const VectorPlace second = line.desc().vectors.now;
    EXPECT_EQ(irq_at(second), line.irq);
    free_irq(line.irq, &where);
    EXPECT_EQ(irq_at(second), kNoIrq);
}

/// Whether the last move is over, its cleanup included.
bool has_settled(const EdgeLine& line) {
    read_vectors(0, row);  // under the lock
    return line.desc().vectors.old.vector == 0 && !(line.marks() & IrqDesc::kMoveWanted);
}

TEST(moves_under_load, "core.irq.vector.move_under_load") {
    if (online_cpus.count() < 2) return;
    EdgeLine line;
    Where where;
    REQUIRE(set_affinity(line.irq, 1).ok());
    REQUIRE(request_irq(line.irq, note_cpu, 0, "test", &where).ok());
    constexpr u32 kMoves = 30, kMost = 200'000;
    u32 moves = 0, raised = 0, on_second = 0;
    while (raised < kMost && (moves < kMoves || !has_settled(line))) {
        if (moves < kMoves && has_settled(line)) {
            EXPECT(set_affinity(line.irq, ++moves % 2 + 1).ok());
        }
        line.raise();
        REQUIRE(reaches(where.calls, ++raised));  // none is lost
        on_second += where.cpu.load() == 1;
    }
    settle();
    EXPECT_EQ(moves, kMoves);
    EXPECT_EQ(where.calls.load(), raised);  // and none comes twice
    EXPECT(on_second >= kMoves / 2 && on_second < raised);
    free_irq(line.irq, &where);
}

TEST(affinity_errors, "core.irq.vector.affinity_errors") {
    EdgeLine line;
    Where where;
    auto outcome = [&](unsigned irq, u64 cpus) {
        const Result<void> result = set_affinity(irq, cpus);
        return result.ok() ? Errno{} : result.error();
    };
    EXPECT_EQ(outcome(kMaxIrqs, 1), EINVAL);
    EXPECT_EQ(outcome(line.irq, 0), EINVAL);
    EXPECT_EQ(outcome(line.irq, u64{1} << 63), EINVAL);
    REQUIRE(request_irq(line.irq, note_cpu, kNoBalancing, "test", &where).ok());
    EXPECT_EQ(outcome(line.irq, 1), EIO);
    free_irq(line.irq, &where);
    EXPECT_EQ(outcome(line.irq, 1), Errno{});
}

}  // namespace
