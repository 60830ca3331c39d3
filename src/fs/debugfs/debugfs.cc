// debugfs: /sys/kernel/debug. So far: the directory of probes, see fs/debugfs/probe.h,
// and the list of work queues.
//
// An open probe collects what is written to it, up to kMaxProbeInput. The first read runs the probe
// on all of it; reading goes on through the answer. The next write begins a new input.
#include "abi/statfs.h"
#include "fs/debugfs/files.h"
#include "fs/debugfs/probe.h"
#include "fs/libfs/tree.h"
#include "lib/debug.h"
#include "lib/kasan.h"
#include "lib/string.h"
#include "mm/own.h"

extern "C" const debugfs::Probe __probes_start[], __probes_end[];

namespace debugfs {
namespace {

constinit libfs::Tree tree("debugfs");

std::span<const Probe> all_probes() { return {__probes_start, __probes_end}; }

/// One conversation with a probe.
class Session {
public:
    static Result<mm::Own<Session>> create() {
        auto session = TRY(mm::make<Session>());
        session->input_ =
            static_cast<std::byte*>(TRY(mm::kmalloc(kMaxProbeInput, mm::Gfp::Kernel)));
        session->output_ = static_cast<std::byte*>(
            TRY(mm::kmalloc(kMaxProbeOutput, mm::Gfp::Kernel | mm::Gfp::Zero)));
        return session;
    }
    Session() = default;
    ~Session() {
        mm::kfree(input_);
        mm::kfree(output_);
    }

    /// EFBIG for more than kMaxProbeInput in all.
    Result<usize> write(IovIter& from) {
        sched::MutexGuard guard(mutex_);
        if (has_run_) input_used_ = 0;
        has_run_ = false;
        if (from.remaining() > kMaxProbeInput - input_used_) return EFBIG;
        const usize moved = TRY(from.copy_from(input_ + input_used_, from.remaining()));
        input_used_ += moved;
        return moved;
    }

    Result<usize> read(const Probe& probe, IovIter& to) {
        sched::MutexGuard guard(mutex_);
        if (!has_run_) {
            const usize length = TRY(probe.run({input_, input_used_}, {output_, kMaxProbeOutput}));
            if (length > kMaxProbeOutput) return EOVERFLOW;
            output_length_ = length;
            output_read_ = 0;
            has_run_ = true;
        }
        const usize moved = TRY(to.copy_to(output_ + output_read_, output_length_ - output_read_));
        output_read_ += moved;
        return moved;
    }

private:
    sched::Mutex mutex_{"probe"};
    std::byte* input_ = nullptr;
    std::byte* output_ = nullptr;
    usize input_used_ = 0, output_length_ = 0, output_read_ = 0;
    bool has_run_ = false;
};

Session& session_of(fs::File& file) { return *static_cast<Session*>(file.private_data); }

class ProbeOperations final : public fs::FileOperations {
public:
    Result<void> open(fs::File& file) const override {
        file.private_data = TRY(Session::create()).leak();
        return {};
    }
    void release(fs::File& file) const override { mm::destroy(&session_of(file)); }
    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        const auto* probe = static_cast<const Probe*>(libfs::node_of(*file.inode())->data);
        return session_of(file).read(*probe, to);
    }
    Result<usize> write(fs::File& file, IovIter& from, u64&) const override {
        return session_of(file).write(from);
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    bool is_stream() const override { return true; }
};
constexpr ProbeOperations kProbeOps;

Result<void> populate() {
    TRY(add_irq_domains(tree));
    TRY(add_provoke_crash(tree));
    TRY(add_rcu(tree));
    TRY(add_sched(tree));
    TRY(add_workqueues(tree));
    if constexpr (kDebugBuild) TRY(add_fault_injection(tree));
    if constexpr (kKasan) TRY(add_kmemleak(tree));
    libfs::Node& dir = *TRY(tree.add_dir(tree.root(), "probe", 0700));
    for (const Probe& probe : all_probes()) {
        const libfs::TextNode name{probe.name, 0600, nullptr};
        TRY(tree.add_file(dir, name, kProbeOps, const_cast<Probe*>(&probe)));
    }
    return {};
}

constexpr libfs::TreeFileSystem kDebugfs{"debugfs", tree, abi::DEBUGFS_MAGIC, populate};

Result<Ref<fs::SuperBlock>> mount_debugfs(std::string_view, u32, std::string_view) {
    return libfs::mount_tree(kDebugfs);
}

FILE_SYSTEM(debugfs) = {.name = "debugfs", .mount = mount_debugfs};

}  // namespace
}  // namespace debugfs
