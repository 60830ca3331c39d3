/// Whether this is the checking build, `make DEBUG=1 kernel`.
#pragma once

#ifdef DEBUG
inline constexpr bool kDebugBuild = true;
#else
inline constexpr bool kDebugBuild = false;
#endif
