// The compiler knows the names of enumerators: it writes them into __PRETTY_FUNCTION__ of a
// template that has one as its argument.

#include "core/lock/rank_name.h"

#include <array>
#include <utility>

#include "lib/types.h"

namespace {

constexpr usize kRanks = 64;
using Name = std::array<char, 24>;

template <LockRank kRank>
constexpr Name name_of() {
    // "... [with LockRank kRank = LockRank::Pipe; ...": between the last "::" and what ends it.
    const char* const text = __PRETTY_FUNCTION__;
    const char* start = text;
    for (const char* at = text; *at != '\0'; at++) {
        if (at[0] == 'L' && at[1] == 'o' && at[4] == 'R' && at[8] == ':' && at[9] == ':') {
            start = at + 10;
        }
    }
    Name name{};
    for (usize i = 0; i + 1 < name.size() && start[i] != ';' && start[i] != ']' && start[i] != '\0';
         i++) {
        name[i] = start[i];
    }
    return name;
}

template <usize... kIndex>
constexpr std::array<Name, kRanks> names_of(std::index_sequence<kIndex...>) {
    return {name_of<static_cast<LockRank>(kIndex)>()...};
}

constexpr std::array<Name, kRanks> kNames = names_of(std::make_index_sequence<kRanks>());

}  // namespace

const char* rank_name(LockRank rank) { return kNames[static_cast<usize>(rank) % kRanks].data(); }
