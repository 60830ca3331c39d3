"""Task 5: fork's copy, and what takes mappings or rights away."""

from __future__ import annotations

from spaces import ACCESSED, ANON, DIRTY, DONTFORK, FRAME, NONE, NX, PRESENT, R, RW, SHARED, SPECIAL, USER, WIPEONFORK, WRITABLE, Run, Script, draw_place

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

FIVE = "handouts/04-paging.md, task 5"


@points(4, task="5", function="copy_leaf, copy_page_range", handout=FIVE)
def test_fork_shares(one, rng):
    """fork copies no page: parent and child have the same, and neither may write to them"""
    at, pages, script = draw_place(rng, 2000), 1100, Script()
    touched = [page for page in rng.sample(range(pages), 60)]
    script.map(1, at, pages)
    for page in touched:
        script.write(1, at + page * 4096, page)
    script.fork(1, 2)
    here = script.look()
    run = Run(one, script)
    with run.looking(here) as picture:
        picture.check_shares()
        mine = {page: picture[1][at + page * 4096] for page in range(pages)}
        theirs = {page: picture[2][at + page * 4096] for page in range(pages)}
        check_equal(sorted(page for page, entry in mine.items() if entry), sorted(touched), "pages of the parent: those that were written to")
        check_equal([page for page in range(pages) if mine[page] & FRAME != theirs[page] & FRAME], [], "pages of the child that are not where the parent's are")
        check_equal([page for page in touched if (mine[page] | theirs[page]) & WRITABLE], [], "pages that one of the two may write to")
        lost = [page for page in touched if mine[page] & (PRESENT | ACCESSED | DIRTY | NX) != PRESENT | ACCESSED | DIRTY | NX]
        check_equal(lost, [], "pages of the parent whose entry has lost more than the right to write")
        check_equal(picture[2].counts.anon, picture[1].counts.anon, "anonymous pages, as counted, of child and parent")
    run.finish()


@points(3, task="5", function="copy_leaf", handout=FIVE, requires=["test_fork_shares"], emulators=["qemu"])
def test_fork_generations(one, rng):
    """children of children, who write and leave in any order, see what they should"""
    at = draw_place(rng)

    def scene() -> tuple[Script, list]:
        script, seen = Script(), []
        values = {1: [1] * 6}
        script.map(1, at, 6)
        script.fill(1, at, 6, 1)
        alive, following = [1], 2
        for _ in range(14):
            who = rng.choice(alive)
            if len(alive) > 2 and rng.randrange(3) == 0 and who != 1:
                script.leave(who)
                alive.remove(who)
            elif following < 9:
                script.fork(who, following)
                values[following] = list(values[who])
                alive.append(following)
                following += 1
            for who in rng.sample(alive, min(2, len(alive))):
                page, value = rng.randrange(6), rng.randrange(2, 1000)
                script.fill(who, at + page * 4096, 1, value)
                values[who][page] = value
        for who in alive:
            for page in range(6):
                seen.append((who, page, script.differs(who, at + page * 4096, 1, values[who][page])))
        return script, seen

    for _ in range(2):
        script, seen = scene()
        here = script.look()
        run = Run(one, script)
        with run.looking(here) as picture:
            picture.check_shares()
        run.finish()
        wrong = [(who, page) for who, page, answer in seen if answer.value]
        check_equal(wrong, [], "pages (process, page) on which a process does not see what it wrote, or inherited")


@points(2, task="5", function="copy_leaf", handout=FIVE, emulators=["qemu"])
def test_fork_shared_memory(one, rng):
    """memory that is meant to be shared stays so, and writable, after a fork"""
    at, script = draw_place(rng), Script()
    script.map(1, at, 6, flags=SHARED | 0x20)
    script.fill(1, at, 6, 2)
    script.fork(1, 2)
    script.write(2, at + 4096, 33)
    script.write(1, at + 8192, 44)
    seen = [script.read(1, at + 4096), script.read(2, at + 8192)]
    here = script.look()
    run = Run(one, script)
    with run.looking(here) as picture:
        for page in range(1, 3):
            frames = [picture[who].frame(at + page * 4096) for who in (1, 2)]
            check_equal(frames[0], frames[1], f"the frame of page {page}, in parent and child")
            check(not picture[1].info(at + page * 4096).flags & ANON, "shared memory is not anonymous in the sense of kPageAnon")
    run.finish()
    check_equal([answer.value for answer in seen], [33, 44], "what each sees of the other's write")


@points(2, task="5", function="copy_page_range", handout=FIVE, emulators=["qemu"])
def test_fork_advice(one, rng):
    """what madvise() keeps from the child is not there, or is zeros; PROT_NONE hides pages, and keeps them"""
    at, script = draw_place(rng), Script()
    script.map(1, at, 30)
    script.fill(1, at, 30, 6)
    script.advise(1, at, 10, DONTFORK)
    script.advise(1, at + 4096 * 10, 10, WIPEONFORK)
    script.protect(1, at + 4096 * 20, 5, NONE)
    script.fork(1, 2)
    here = script.look()
    script.protect(2, at + 4096 * 20, 5, RW)
    gone, wiped, hidden, usual = script.read(2, at), script.differs(2, at + 4096 * 10, 10, 0), script.differs(2, at + 4096 * 20, 5, 6), script.differs(2, at + 4096 * 25, 5, 6)
    script.write(2, at + 4096 * 20, 7)
    kept = script.differs(1, at, 20, 6)
    script.protect(1, at + 4096 * 20, 5, R)
    parents = script.read(1, at + 4096 * 20)
    run = Run(one, script)
    with run.looking(here) as picture:
        picture.check_shares()
        check_equal([page for page in range(20) if picture[2][at + page * 4096]], [], "pages of the child that madvise() kept from it")
        for page in range(20, 25):
            entry = picture[2][at + page * 4096]
            check(entry and not entry & PRESENT, "a page of PROT_NONE memory is in the entry, but not present", observed=f"{entry:#x}")
    run.finish()
    check_equal(gone.value & 0xFF, 11, "the signal when the child reads what it did not get")
    check_equal([answer.value for answer in (wiped, hidden, usual, kept)], [0, 0, 0, 0], "words that are not what they should be")
    check_equal(parents.value, 6, "the parent's word, when the child wrote to a page that PROT_NONE had hidden")


@points(3, task="5", function="zap_leaf", handout=FIVE, emulators=["qemu"])
def test_fork_unmap(one, rng):
    """pages that are unmapped go back when nobody else has them; what was hidden goes, too"""
    at, script = draw_place(rng), Script()
    script.map(1, at, 60)
    script.fill(1, at, 40, 4)
    script.differs(1, at + 4096 * 40, 20, 0)
    script.fork(1, 2)
    script.fill(1, at, 10, 5)
    script.protect(1, at + 4096 * 30, 5, NONE)
    before = script.look()
    script.unmap(1, at, 35)
    script.unmap(1, at + 4096 * 50, 5)
    after = script.look()
    script.leave(2)
    alone = script.look()
    run = Run(one, script)
    with run.looking(before) as picture:
        picture.check_shares()
        own = [picture[1].frame(at + page * 4096) for page in range(10)]
        anon = picture[1].counts.anon
    with run.looking(after) as picture:
        picture.check_shares()
        left = [page for page in range(60) if picture[1][at + page * 4096]]
        check_equal(left, [*range(35, 50), *range(55, 60)], "pages of process 1 that are mapped still")
        check_equal([hex(frame) for frame in own if picture.memory.info(frame).references], [], "frames of unmapped pages to which somebody refers")
        check_equal(anon - picture[1].counts.anon, 35, "anonymous pages less, when 35 and some zero pages were unmapped")
        check_equal([page for page in range(40) if not picture[2][at + page * 4096]], [], "pages that process 2 has lost")
    with run.looking(alone) as picture:
        picture.check_shares()
    run.finish()


@points(3, task="5", function="protect_leaf", handout=FIVE)
def test_fork_protect(one, rng):
    """mprotect changes the rights of pages, and nothing else of them"""
    at, script = draw_place(rng), Script()
    script.map(1, at, 40)
    script.fill(1, at, 30, 9)
    script.differs(1, at + 4096 * 30, 5, 0)
    script.fork(1, 2)
    script.fill(1, at, 10, 9)  # its own again
    before = script.look()
    script.protect(1, at, 40, R)
    less = script.look()
    script.protect(1, at, 40, NONE)
    none = script.look()
    script.protect(1, at, 40, RW)
    again = script.look()
    values = script.differs(1, at, 30, 9)
    failed = script.try_write(1, at + 4096 * 12, 1)
    run = Run(one, script)
    with run.looking(before) as picture:
        frames = [picture[1][at + page * 4096] & FRAME for page in range(40)]
        special = [picture[1][at + page * 4096] & SPECIAL for page in range(40)]
    for look, name, present in ((less, "PROT_READ", True), (none, "PROT_NONE", False), (again, "PROT_READ | PROT_WRITE", True)):
        with run.looking(look) as picture:
            picture.check_shares()
            entries = [picture[1][at + page * 4096] for page in range(40)]
            check_equal([entry & FRAME for entry in entries], frames, f"frames after mprotect({name})")
            check_equal([entry & SPECIAL for entry in entries], special, f"the mark of the zero page after mprotect({name})")
            check_equal({bool(entry & PRESENT) for entry in entries[:35]}, {present}, f"whether pages are present after mprotect({name})")
            lost = [page for page in range(10) if not entries[page] & DIRTY]
            check_equal(lost, [], f"pages that were written to and are not dirty after mprotect({name})")
            check(all(entry & USER and entry & NX for entry in entries[:35]), "entries stay for users, and not executable")
            may = [page for page in range(40) if entries[page] & WRITABLE]
            check_equal(may, list(range(10)) if look is again else [], f"pages that are writable at once after mprotect({name}): those that are its own alone")
    run.finish()
    check_equal(values.value, 0, "words that are not what was written")
    check_equal(failed.value, 0, "a write to a page that was shared, when memory is writable again")
