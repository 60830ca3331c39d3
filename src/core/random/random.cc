/// The random pool. See random.h.
#include "core/random/random.h"

#include "arch/cpu.h"
#include "arch/cpu_features.h"
#include "core/lock/spin_lock.h"
#include "core/percpu/percpu.h"
#include "lib/chacha20.h"
#include "lib/string.h"

static constexpr usize kKeyBytes = 32;
static constexpr usize kBlockBytes = 64;

static constinit SpinLock pool_lock("random", LockRank::Random);
static constinit u32 pool_key[ChaCha20State::kKeyWords] GUARDED_BY(pool_lock) = {};
static constinit u64 pool_uses GUARDED_BY(pool_lock) = 0;  // the nonce: no block is made twice
static constinit const char* source = "jitter";

/// Interrupt times of this processor that have not reached the pool yet.
struct FastPool {
    u64 words[4];
    u32 count;
};
PER_CPU static FastPool fast_pool = {};
static constexpr u32 kFastPoolFull = 64;  // interrupts that are worth a block

/// The compiler may not leave a clearing out because nobody reads the memory again.
static void wipe(void* memory, usize bytes) {
    memset(memory, 0, bytes);
    arch::barrier();
}

/// One block under the pool's key; its first half becomes the next key.
static void next_block(std::span<std::byte, kBlockBytes> block) REQUIRES(pool_lock) {
    ChaCha20State state;
    memcpy(state.key, pool_key, sizeof state.key);
    pool_uses++;
    state.nonce[0] = static_cast<u32>(pool_uses);
    state.nonce[1] = static_cast<u32>(pool_uses >> 32);
    chacha20_block(state, block);
    memcpy(pool_key, block.data(), sizeof pool_key);
    wipe(&state, sizeof state);
}

void mix_random_bytes(std::span<const std::byte> bytes) {
    std::byte block[kBlockBytes];
    while (!bytes.empty()) {
        const usize piece = bytes.size() < kKeyBytes ? bytes.size() : kKeyBytes;
        IrqGuard guard(pool_lock);
        auto* key = reinterpret_cast<std::byte*>(pool_key);
        for (usize i = 0; i < piece; i++) key[i] ^= bytes[i];
        // The new key depends on every bit of the sum, and does not lead back to it.
        next_block(block);
        bytes = bytes.subspan(piece);
    }
    wipe(block, sizeof block);
}

void add_interrupt_randomness(unsigned vector) {
    IrqOffGuard guard;
    FastPool& fast = this_cpu(fast_pool);
    u64& word = fast.words[fast.count % 4];
    word = (word << 7 | word >> 57) ^ arch::rdtsc() ^ u64 { vector } << 56;
    fast.count++;
}

/// Mixes in what this processor's interrupts have gathered, if it is worth a block. Not done in
/// the interrupt: a block takes as long as eight bytes on a serial line.
static void drain_fast_pool() {
    u64 words[4];
    {
        IrqOffGuard guard;
        FastPool& fast = this_cpu(fast_pool);
        if (fast.count < kFastPoolFull) return;
        fast.count = 0;
        memcpy(words, fast.words, sizeof words);
    }
    mix_random_bytes(std::as_bytes(std::span(words)));
}

void get_random_bytes(std::span<std::byte> out) {
    drain_fast_pool();
    std::byte block[kBlockBytes];
    ChaCha20State request;
    {
        IrqGuard guard(pool_lock);
        next_block(block);
    }
    // The second half serves a short request itself, and is the key of a long one.
    const std::span half = std::span(block).subspan<kKeyBytes>();
    if (out.size() <= half.size()) {
        memcpy(out.data(), half.data(), out.size());
    } else {
        memcpy(request.key, half.data(), sizeof request.key);
        while (!out.empty()) {
            chacha20_block(request, block);
            // 2^32 blocks are 256 GiB; then the nonce moves on.
            if (++request.counter == 0) request.nonce[0]++;
            const usize piece = out.size() < kBlockBytes ? out.size() : kBlockBytes;
            memcpy(out.data(), block, piece);
            out = out.subspan(piece);
        }
        wipe(&request, sizeof request);
    }
    wipe(block, sizeof block);
}

u64 get_random_u64() {
    u64 value;
    get_random_bytes(std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

/// A number from the processor, if it has a generator that answers.
static bool hardware_random(u64& value) {
    for (int tries = 0; tries < 10; tries++) {
        if (arch::cpu_features.rdseed && arch::rdseed(value)) {
            source = "rdseed";
            return true;
        }
        if (arch::cpu_features.rdrand && arch::rdrand(value)) {
            source = "rdrand";
            return true;
        }
    }
    return false;
}

void random_init() {
    u64 words[4];
    bool from_hardware = true;
    for (u64& word : words) {
        word = 0;
        from_hardware = from_hardware && hardware_random(word);
        word ^= arch::rdtsc();
    }
    mix_random_bytes(std::as_bytes(std::span(words)));
    if (from_hardware) return;

    // Without a generator: how long the same work takes differs from time to time (caches,
    // interrupts of the host). A fraction of a bit each, so take many.
    constexpr int kRounds = 256;
    source = "jitter";
    for (int round = 0; round < kRounds; round++) {
        words[round % 4] = words[round % 4] << 9 ^ arch::rdtsc();
        if (round % 4 == 3) mix_random_bytes(std::as_bytes(std::span(words)));
    }
}

const char* random_source() { return source; }
