/// The files of ptys: /dev/ptmx, whose every open makes a new pair, and /dev/pts/N.
#include "abi/ioctl.h"
#include "core/user/user_ptr.h"
#include "drivers/tty/pty.h"
#include "fs/char_dev.h"
#include "mm/own.h"

namespace tty {

using namespace abi;

/// The master's open file; begins like the slave's, so that the ioctls that concern both work
/// (and, like the console's, is never hung up).
struct MasterFile : TtyFile {
    explicit MasterFile(Pty& pair) : TtyFile(pair.slave, true), pty(&pair) {}
    Pty* pty;
};
static MasterFile& master_file(fs::File& file) {
    return *static_cast<MasterFile*>(file.private_data);
}

/// Requests that mean something else on this side than on the slave's.
static Result<u64> master_ioctl(fs::File& file, Pty& pty, u32 command, u64 argument) {
    switch (command) {
    case TIOCGPTN: TRY(UserPtr<u32>(argument).copy_out(pty.index)); break;
    case TIOCSPTLCK: {
        const i32 lock = TRY(UserPtr<const i32>(argument).copy_in());
        pty.slave.locked = lock != 0;
        break;
    }
    case TIOCGPTLCK: TRY(UserPtr<i32>(argument).copy_out(pty.slave.locked ? 1 : 0)); break;
    case TIOCGPGRP: TRY(UserPtr<i32>(argument).copy_out(pty.slave.foreground.load())); break;
    case TIOCGSID:
        if (pty.slave.session.load() == 0) return ENOTTY;
        TRY(UserPtr<i32>(argument).copy_out(pty.slave.session.load()));
        break;
    case FIONREAD: TRY(UserPtr<i32>(argument).copy_out(pty.bytes_for_master())); break;
    case TIOCSCTTY:
    case TIOCNOTTY: return ENOTTY;
    default: return tty_ioctl(file, command, argument);
    }
    return u64{0};
}

class MasterOperations final : public fs::FileOperations {
    Result<void> open(fs::File& file) const override {
        Pty* pty = TRY(Pty::allocate());
        Result<mm::Own<MasterFile>> state = mm::make<MasterFile>(*pty);
        if (!state.ok()) {
            pty->close_master();
            return state.error();
        }
        file.private_data = state.value().leak();
        return {};
    }
    void release(fs::File& file) const override {
        MasterFile* state = &master_file(file);
        state->pty->close_master();
        mm::destroy(state);
    }
    Result<usize> read(fs::File& file, IovIter& to, u64&) const override {
        return master_file(file).pty->master_read(to, file.is_nonblocking());
    }
    Result<usize> write(fs::File& file, IovIter& from, u64&) const override {
        return master_file(file).pty->master_write(from, file.is_nonblocking());
    }
    Result<u64> seek(fs::File&, i64, int) const override { return ESPIPE; }
    u32 poll(fs::File& file, fs::PollTable* table) const override {
        return master_file(file).pty->master_poll(table);
    }
    Result<u64> ioctl(fs::File& file, u32 command, u64 argument) const override {
        return master_ioctl(file, *master_file(file).pty, command, argument);
    }
    bool is_stream() const override { return true; }
};

class SlaveNodeOperations final : public fs::FileOperations {
    Result<void> open(fs::File& file) const override {
        Pty* pty = Pty::find(fs::minor_of(file.inode()->device));
        if (!pty) return EIO;
        return open_tty(file, pty->slave, Via::Device);
    }
};

static constexpr MasterOperations kMaster;
static constexpr SlaveNodeOperations kSlaveNode;
const fs::FileOperations& pts_node_operations = kSlaveNode;

static constinit fs::CharDevice ptmx = {
    .name = "ptmx", .major = 5, .first_minor = 2, .count = 1, .mode = 0666, .ops = kMaster};

Result<void> init_ptys() { return fs::register_char_device(ptmx); }

}  // namespace tty
