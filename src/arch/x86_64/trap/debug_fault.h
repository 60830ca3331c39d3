/// Which debug exception it was. Private to arch/x86_64.
#pragma once

namespace arch {

/// The si_code of the #DB that was just taken. The processor says why in DR6, which it never
/// clears, so this does.
int take_debug_code();

}  // namespace arch
