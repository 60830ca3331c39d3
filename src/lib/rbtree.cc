/// Red-black trees: insertion and removal (CLRS, ch. 13), once for all element types.
///
/// Every case comes in two mirror images. They are written once, with `side` and its opposite
/// as indices of child[]. A missing child counts as black.
#include "lib/rbtree.h"

using Node = StaticRbNode;
using Side = StaticRbNode::Side;
using enum StaticRbNode::Color;

namespace {

Side opposite(Side side) { return side == Node::Left ? Node::Right : Node::Left; }
bool is_red(const Node* node) { return node && node->color == Red; }
Side side_of(const Node& node, const Node& parent) {
    return parent.child[Node::Left] == &node ? Node::Left : Node::Right;
}

Node* outermost(Node* node, Side side) {
    while (node->child[side]) node = node->child[side];
    return node;
}

/// Makes `child`, which may be null, the child of `parent` on `side`.
void adopt(Node& parent, Side side, Node* child) {
    parent.child[side] = child;
    if (child) child->parent = &parent;
}

/// The number of black nodes on any way down from `node`, or -1 if ways differ, a red node has a
/// red child, or a child does not know its parent. Recursion is as deep as the tree.
int black_height(const Node* node, const Node* parent) {
    if (!node) return 0;
    if (node->parent != parent || !node->is_linked()) return -1;
    if (is_red(node) && is_red(parent)) return -1;
    const int left = black_height(node->child[Node::Left], node);
    const int right = black_height(node->child[Node::Right], node);
    if (left < 0 || left != right) return -1;
    return left + (is_red(node) ? 0 : 1);
}

}  // namespace

StaticRbNode* rb_neighbour(const StaticRbNode& node, Side side) {
    ASSERT(node.is_linked());
    if (node.child[side]) return outermost(node.child[side], opposite(side));
    // Climb until we come up from the other side: that parent is the neighbour.
    const Node* at = &node;
    while (at->parent && side_of(*at, *at->parent) == side) at = at->parent;
    return at->parent;
}

bool rb_is_sound(const RbRoot& tree) {
    if (!tree.root) return tree.first == nullptr;
    if (is_red(tree.root) || tree.first != outermost(tree.root, Node::Left)) return false;
    return black_height(tree.root, nullptr) > 0;
}

/// Puts `by` (which may be null) in the place of `old` below old's parent.
void RbRoot::replace(Node& old, Node* by) {
    if (!old.parent) {
        root = by;
    } else {
        old.parent->child[side_of(old, *old.parent)] = by;
    }
    if (by) by->parent = old.parent;
}

/// Turns `top` down to `side`; its other child comes up. The order stays:
///
///     top( a, up( b, c ) )   becomes   up( top( a, b ), c )      (side = Left; subtrees a, b, c)
void RbRoot::rotate(Node& top, Side side) {
    Node& up = *top.child[opposite(side)];
    Node* const between = up.child[side];
    replace(top, &up);
    adopt(up, side, &top);
    adopt(top, opposite(side), between);
    if (summarize) {
        summarize(top);
        summarize(up);
    }
}

void RbRoot::insert(Node& node, Node* parent, Side side) {
    ASSERT(!node.is_linked());
    node.parent = parent;
    node.child[Node::Left] = node.child[Node::Right] = nullptr;
    node.color = Red;  // adds no black to any way, so only invariant 2 can be broken
    if (!parent) {
        ASSERT(!root);
        root = first = &node;
    } else {
        ASSERT(!parent->child[side]);
        parent->child[side] = &node;
        if (parent == first && side == Node::Left) first = &node;
    }
    if (summarize) update(&node);
    fix_two_reds(&node);
}

/// Restores invariant 2, where only the red `node` and its parent may break it.
void RbRoot::fix_two_reds(Node* node) {
    while (is_red(node->parent)) {
        Node* parent = node->parent;
        Node& grandparent = *parent->parent;  // exists and is black: a red node is not the root
        const Side side = side_of(*parent, grandparent);
        Node* const uncle = grandparent.child[opposite(side)];
        if (is_red(uncle)) {
            // Both sides gain a black, the grandparent turns red: the trouble moves up two.
            parent->color = uncle->color = Black;
            grandparent.color = Red;
            node = &grandparent;
            continue;
        }
        if (side_of(*node, *parent) != side) {  // an inner grandchild: make it an outer one
            rotate(*parent, side);
            parent = node;
        }
        parent->color = Black;
        grandparent.color = Red;
        rotate(grandparent, opposite(side));
        break;
    }
    root->color = Black;
}

void RbRoot::erase(Node& node) {
    ASSERT(node.is_linked());
    if (first == &node) first = rb_neighbour(node, Node::Right);

    Node* moved_up;          // what takes the place of the node that leaves its place
    Node* parent;            // of moved_up, which may be null
    auto lost = node.color;  // the colour that is missing on the ways through moved_up
    if (node.child[Node::Left] && node.child[Node::Right]) {
        // The next node in order, which has no left child, takes over place and colour.
        Node& heir = *outermost(node.child[Node::Right], Node::Left);
        lost = heir.color;
        moved_up = heir.child[Node::Right];
        parent = heir.parent == &node ? &heir : heir.parent;
        replace(heir, moved_up);
        replace(node, &heir);
        heir.color = node.color;
        adopt(heir, Node::Left, node.child[Node::Left]);
        adopt(heir, Node::Right, node.child[Node::Right]);
    } else {
        moved_up = node.child[node.child[Node::Left] ? Node::Left : Node::Right];
        parent = node.parent;
        replace(node, moved_up);
    }
    node.parent = node.child[Node::Left] = node.child[Node::Right] = nullptr;
    node.color = Unlinked;
    if (summarize) update(parent);
    if (lost == Black) fix_missing_black(moved_up, parent);
}

/// Restores invariant 3, where the ways through `node` (null: a missing child) below `parent`
/// have one black too few.
void RbRoot::fix_missing_black(Node* node, Node* parent) {
    while (parent && !is_red(node)) {
        // `node` may be null, but then its sibling is not: that side has a black node more.
        const Side side = parent->child[Node::Left] == node ? Node::Left : Node::Right;
        node = resolve_missing_black(*parent, side);
        if (!node) return;
        parent = node->parent;
    }
    if (node) node->color = Black;
}

/// One step of it: the ways through parent.child[side] lack a black. Null if all is well now,
/// else the node whose ways lack one: `parent`, one level up.
Node* RbRoot::resolve_missing_black(Node& parent, Side side) {
    const Side other = opposite(side);
    Node* sibling = parent.child[other];
    if (is_red(sibling)) {  // bring a black sibling into place
        sibling->color = Black;
        parent.color = Red;
        rotate(parent, side);
        sibling = parent.child[other];
    }
    if (!is_red(sibling->child[Node::Left]) && !is_red(sibling->child[Node::Right])) {
        sibling->color = Red;  // now both sides lack one
        return &parent;
    }
    if (!is_red(sibling->child[other])) {  // the red nephew is the inner one: make it the outer
        sibling->child[side]->color = Black;
        sibling->color = Red;
        rotate(*sibling, other);
        sibling = parent.child[other];
    }
    sibling->color = parent.color;
    parent.color = Black;
    sibling->child[other]->color = Black;
    rotate(parent, side);
    return nullptr;
}
