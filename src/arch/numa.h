/// The ACPI tables that say which memory and processors belong together.
#pragma once

#include "lib/numa_map.h"

namespace arch {

/// What the firmware said; a machine of one node if nothing or nonsense. Filled by acpi_init().
extern constinit NumaMap numa_map;

/// Reads an SRAT. EINVAL: damaged, or it contradicts itself; then `map` holds half of it and must
/// be cleared. ENOMEM: more than NumaMap has room for. Never reads outside `table`, whose header
/// was checked. See: ACPI specification 6.4, 5.2.16.
Result<void> parse_srat(std::span<const u8> table, NumaMap& map);

/// Reads an SLIT, the distances between nodes that `map` knows. EINVAL: damaged. 5.2.17.
Result<void> parse_slit(std::span<const u8> table, NumaMap& map);

}  // namespace arch
