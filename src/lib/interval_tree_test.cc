// IntervalTree against a plain array.

#include "lib/interval_tree.h"

#include "lib/test.h"

namespace {

struct Piece {
    StaticRbNode node;
    u64 first = 0, last = 0, reach = 0;
    bool in_tree = false;
};
struct PieceEnds {
    static u64 first(const Piece& piece) { return piece.first; }
    static u64 last(const Piece& piece) { return piece.last; }
    static u64& reach(Piece& piece) { return piece.reach; }
};
using PieceTree = IntervalTree<Piece, &Piece::node, PieceEnds>;

constexpr usize kPieces = 60;

/// How many pieces touch [first, last], by looking at each; and whether the tree finds those.
bool finds_all(const PieceTree& tree, const Piece (&pieces)[kPieces], u64 first, u64 last) {
    usize wanted = 0, found = 0;
    for (const Piece& piece : pieces) {
        wanted += piece.in_tree && piece.first <= last && first <= piece.last;
    }
    u64 order = 0;
    for (Piece* piece = tree.first_touching(first, last); piece;
         piece = tree.next_touching(*piece, first, last)) {
        if (piece->first < order || piece->first > last || piece->last < first) return false;
        order = piece->first;
        found++;
    }
    return wanted == found;
}

}  // namespace

TEST(intervals_are_found, "lib.interval_tree") {
    TestRandom random(test.seed);
    PieceTree tree;
    static Piece pieces[kPieces];
    EXPECT(tree.first_touching(0, ~u64{0}) == nullptr);
    for (int step = 0; step < 3000; step++) {
        Piece& piece = pieces[random.below(kPieces)];
        if (!piece.in_tree) {
            piece.first = random.below(200);
            piece.last = piece.first + random.below(random.below(8) == 0 ? 200 : 10);
            tree.insert(piece);
            piece.in_tree = true;
        } else if (random.below(3) == 0) {
            piece.last = piece.first + random.below(60);
            tree.last_changed(piece);
        } else {
            tree.erase(piece);
            piece.in_tree = false;
        }
        const u64 first = random.below(250);
        EXPECT(finds_all(tree, pieces, first, first + random.below(20)));
        if (step % 16 == 0) EXPECT(tree.is_sound());
        if (test.failures) break;
    }
    for (Piece& piece : pieces) {
        if (piece.in_tree) tree.erase(piece);
        piece.in_tree = false;
    }
    EXPECT(tree.empty());
}
