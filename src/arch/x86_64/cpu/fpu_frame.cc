// The FPU state as a signal frame has it: what XSAVE writes; in the 48 bytes that it leaves to
// software, what the kernel says of the frame; behind it a second magic number. A program that
// knows only FXSAVE's 512 bytes may copy those, without what follows. So a frame whose two magics
// do not agree is taken for one of 512 bytes, and all other components begin anew.
//
// Linux: arch/x86/kernel/fpu/signal.c, arch/x86/include/uapi/asm/sigcontext.h.

#include "arch/cpu_features.h"
#include "arch/x86_64/cpu/fpu.h"
#include "lib/string.h"

namespace arch {

namespace {

constexpr u32 kMagic1 = 0x4650'5853, kMagic2 = 0x4650'5845;
constexpr usize kLegacySize = 512, kHeaderSize = 64, kSoftwareOffset = 464;

/// struct _fpx_sw_bytes.
struct Software {
    u32 magic1;
    u32 extended_size;  // of it all, the second magic included
    u64 xfeatures;      // which components there are
    u32 xstate_size;    // where the second magic is
    u32 padding[7];
};
static_assert(sizeof(Software) == kLegacySize - kSoftwareOffset);

Software software_of(const void* frame) {
    Software software;
    memcpy(&software, static_cast<const u8*>(frame) + kSoftwareOffset, sizeof software);
    return software;
}

/// The header says what of the state is loaded; `kept` what may be.
void keep_components(void* frame, u64 kept) {
    u64 components;
    u8* const at = static_cast<u8*>(frame) + kLegacySize;
    memcpy(&components, at, sizeof components);
    components &= kept;
    memcpy(at, &components, sizeof components);
}

bool has_second_magic(const void* frame, usize size) {
    u32 magic;
    memcpy(&magic, static_cast<const u8*>(frame) + size - sizeof magic, sizeof magic);
    return magic == kMagic2;
}

}  // namespace

usize fpu_frame_size() {
    return cpu_features.xsave ? cpu_features.xsave_size + sizeof kMagic2 : kLegacySize;
}

void fpu_save_to(TaskState& state, void* frame) {
    fpu_copy_out(state, frame);
    Software software{};
    if (cpu_features.xsave) {
        software = {.magic1 = kMagic1,
                    .extended_size = u32(fpu_frame_size()),
                    .xfeatures = cpu_features.xcr0,
                    .xstate_size = cpu_features.xsave_size,
                    .padding = {}};
        memcpy(static_cast<u8*>(frame) + cpu_features.xsave_size, &kMagic2, sizeof kMagic2);
    }
    memcpy(static_cast<u8*>(frame) + kSoftwareOffset, &software, sizeof software);
}

usize fpu_claimed_size(const void* legacy) {
    const Software software = software_of(legacy);
    const u32 size = software.xstate_size;
    const bool is_extended = cpu_features.xsave && software.magic1 == kMagic1 &&
                             size >= kLegacySize + kHeaderSize && size <= cpu_features.xsave_size &&
                             size <= software.extended_size;
    return is_extended ? size + sizeof kMagic2 : kLegacySize;
}

usize fpu_alignment(usize claimed_size) { return claimed_size == kLegacySize ? 16 : 64; }

Result<void> fpu_load_from(TaskState& state, void* frame, usize size) {
    constexpr u64 kLegacyComponents = 3;
    if (!cpu_features.xsave) return fpu_load(state, frame);
    if (size > kLegacySize && has_second_magic(frame, size)) {
        if (!fpu_is_plausible(frame)) return EINVAL;
        const bool is_whole = size == fpu_frame_size();
        keep_components(frame,
                        software_of(frame).xfeatures & (is_whole ? ~u64{0} : kLegacyComponents));
    } else {
        u8* const header = static_cast<u8*>(frame) + kLegacySize;
        memset(header, 0, cpu_features.xsave_size - kLegacySize);
        memcpy(header, &kLegacyComponents, sizeof kLegacyComponents);
    }
    return fpu_load(state, frame);
}

}  // namespace arch
