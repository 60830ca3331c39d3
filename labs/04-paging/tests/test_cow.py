"""Task 4: copy on write."""

from __future__ import annotations

import errno

from spaces import ANON, DIRTY, LRU, LRU_PENDING, NOHUGEPAGE, PRIVATE, R, REFUSED, RW, SHARED, SPECIAL, WRITABLE, Run, Script, draw_place, free_kib, play

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

FOUR = "handouts/04-paging.md, task 4"


@points(3, task="4", function="judge, copy_of, replace_page, copy_page", handout=FOUR)
def test_cow_copies(one, rng):
    """the first of two processes that writes gets a copy of its own; the other keeps the page as it was"""
    at, writer, script = draw_place(rng), rng.choice((1, 2)), Script()
    other = 3 - writer
    script.map(1, at, 3)
    script.fill(1, at, 3, 41)
    script.fork(1, 2)
    shared = script.look()
    script.write(writer, at + 4096 + 8 * 30, 99)
    copied = script.look()
    run = Run(one, script)
    with run.looking(shared) as picture:
        before = {who: [picture[who].frame(at + i * 4096) for i in range(3)] for who in (1, 2)}
        anon = picture[writer].counts.anon
    with run.looking(copied) as picture:
        picture.check_shares()
        after = {who: [picture[who].frame(at + i * 4096) for i in range(3)] for who in (1, 2)}
        check_equal(after[other], before[other], f"frames of process {other}, which did not write")
        check_equal([after[writer][i] == before[writer][i] for i in range(3)], [True, False, True], f"whether pages 0 to 2 of process {writer} are where they were, when it wrote to 1")
        words = picture[writer].words(at + 4096)
        check_equal({word: words.count(word) for word in set(words)}, {41: 511, 99: 1}, "how often each word is on the copy")
        check_equal(words[30], 99, "the word that was written")
        check_equal(set(picture[other].words(at + 4096)), {41}, f"words on the page of process {other}")
        entry, info = picture[writer][at + 4096], picture[writer].info(at + 4096)
        check(entry & WRITABLE and entry & DIRTY, "the copy is writable, and dirty", observed=f"{entry:#x}")
        check(info.flags & ANON and info.flags & (LRU | LRU_PENDING), "the copy is anonymous and on an LRU list, or on its way to one", observed=f"{info.flags:#x}")
        check_equal(picture[writer].counts.anon, anon, "anonymous pages of the writer, as counted, before and after")
    run.finish()


@points(2, task="4", function="judge", handout=FOUR)
def test_cow_reuse(one, rng):
    """who is the only one left does not copy: the page becomes writable where it is"""
    at, script = draw_place(rng), Script()
    script.map(1, at, 4)
    script.fill(1, at, 4, 7)
    script.fork(1, 2)
    script.fork(1, 3)
    script.write(2, at, 1)  # 2 has a copy of page 0
    script.leave(3)
    before = script.look()
    script.write(1, at, 2)  # nobody else has page 0 any more
    script.leave(2)
    script.write(1, at + 4096, 3)
    after = script.look()
    run = Run(one, script)
    with run.looking(before) as picture:
        picture.check_shares()
        frames = [picture[1].frame(at + i * 4096) for i in range(4)]
    with run.looking(after) as picture:
        picture.check_shares()
        now = [picture[1].frame(at + i * 4096) for i in range(4)]
        check_equal([hex(frame) for frame in now], [hex(frame) for frame in frames], "frames of process 1, before and after it wrote to pages that only it had")
        check_equal([bool(picture[1][at + i * 4096] & WRITABLE) for i in range(4)], [True, True, False, False], "which pages are writable: those written to")
        check_equal([picture[1].words(at + i * 4096, 1)[0] for i in range(4)], [2, 3, 7, 7], "first words of the pages")
    run.finish()


@points(2, task="4", function="copy_of, replace_page", handout=FOUR)
def test_cow_zero_page(one, rng):
    """who writes to a page that was only read before gets zeros of its own, and is charged for them"""
    at, script = draw_place(rng), Script()
    script.fork(1, 2)
    script.map(2, at, 400)
    script.fill(2, at, 400, 0x5EC2E7)
    script.leave(2)
    script.map(1, at, 60)
    script.differs(1, at, 60, 0)
    before = script.look()
    script.write(1, at + 4096 * 2 + 8, 5)
    for page in range(20, 60):
        script.write(1, at + page * 4096, 0)
    after = script.look()
    run = Run(one, script)
    with run.looking(before) as picture:
        anon, zero = picture[1].counts.anon, picture[1].frame(at)
    with run.looking(after) as picture:
        picture.check_shares()
        space = picture[1]
        check(not space[at + 4096 * 2] & SPECIAL and space.frame(at + 4096 * 2) != zero, "the page is not the zero page any more", observed=f"{space[at + 4096 * 2]:#x}")
        check_equal({i: word for i, word in enumerate(space.words(at + 4096 * 2)) if word}, {1: 5}, "its words that are not 0")
        dirty = [page for page in range(20, 60) if any(space.words(at + page * 4096))]
        check_equal(dirty, [], "pages on which something else is than the zeros that were written")
        check(not any(picture.memory.frame(zero)), "the zero page is all zeros")
        check_equal(space.counts.anon, anon + 41, "anonymous pages, as counted")
    run.finish()


@points(3, task="4", function="judge, copy_page", handout=FOUR, emulators=["qemu"])
def test_cow_file(one, rng):
    """a write to a private mapping of a file is nobody else's business; one to a shared mapping is everybody's"""
    private, shared, script = draw_place(rng), draw_place(rng), Script()
    script.map(1, shared, 8, flags=SHARED)
    script.fill(1, shared, 8, 3)
    script.fork(1, 2)
    script.map(2, private, 8, flags=PRIVATE)
    seen = script.differs(2, private, 8, 3)
    mapped = script.look()
    script.write(2, private + 4096, 50)
    script.write(2, shared + 4096 * 2, 60)
    script.protect(1, shared, 8, R)
    script.protect(1, shared, 8, RW)
    script.write(1, shared + 4096 * 3, 70)
    values = [script.read(who, at) for who, at in ((1, shared + 4096), (2, private + 4096), (1, shared + 4096 * 2), (2, private + 4096 * 2), (2, shared + 4096 * 3))]
    written = script.look()
    run = Run(one, script)
    with run.looking(mapped) as picture:
        frames = [picture[1].frame(shared + i * 4096) for i in range(8)]
        check_equal([picture[2].frame(private + i * 4096) for i in range(8)], frames, "frames of a file's pages, mapped by two processes")
        check(not any(picture[2][private + i * 4096] & WRITABLE for i in range(8)), "a private mapping is not writable as long as its pages are the file's")
    with run.looking(written) as picture:
        picture.check_shares()
        check_equal([picture[1].frame(shared + i * 4096) for i in range(8)], frames, "frames of the shared mapping, after writes")
        check(picture[2].info(private + 4096).flags & ANON, "the copy is anonymous")
        check_equal(picture[2].frame(private + 4096 * 2), frames[2], "the frame of a private page that was not written to")
    run.finish()
    check_equal(seen.value, 0, "words of the private mapping that are not what the file has")
    check_equal([value.value for value in values], [3, 50, 60, 60, 70], "what the processes see after the writes")


@points(3, task="4", function="judge", handout=FOUR, requires=["test_cow_copies"], emulators=["qemu"])
def test_cow_forced(one, rng):
    """a debugger's write to memory that is read-only makes a copy, which stays read-only"""
    at, script = draw_place(rng), Script()
    script.map(1, at, 4)
    script.fill(1, at, 4, 8)
    script.protect(1, at, 4, R)
    script.fork(1, 2)
    script.poke(2, at, 77)  # shared with process 1
    script.poke(2, at + 4096, 78)
    script.poke(2, at + 4096, 79)  # its own by now
    values = [script.read(who, at + 4096 * page) for who in (1, 2) for page in (0, 1)]
    failed = [script.try_write(2, at + 4096 * page, 1) for page in range(3)]
    here = script.look()
    run = Run(one, script)
    with run.looking(here) as picture:
        picture.check_shares()
        writable = [(who, page) for who in (1, 2) for page in range(4) if picture[who][at + page * 4096] & WRITABLE]
        check_equal(writable, [], "pages (process, page) that are writable, in memory for reading only")
    run.finish()
    check_equal([value.value for value in values], [8, 8, 77, 79], "first words of pages 0 and 1 of processes 1 and 2")
    check_equal([value.value & 0xFF for value in failed], [11, 11, 11], "signals of the program's own writes")


@points(2, task="4", function="replace_page, do_wp_page", handout=FOUR, requires=["test_cow_copies"], emulators=["qemu"])
def test_cow_leaks_nothing(one, rng):
    """many copies later, no page is lost, and the counts of the processes are right"""
    at = draw_place(rng)

    def scene() -> Script:
        script = Script()
        script.map(1, at, 200)
        script.fill(1, at, 100, 1)
        script.differs(1, at + 4096 * 100, 100, 0)
        script.fork(1, 2)
        script.fill(2, at, 200, 2)
        script.fork(2, 3)
        script.fill(1, at + 4096 * 50, 100, 3)
        script.fill(3, at, 30, 4)
        return script

    script = scene()
    here = script.look()
    run = Run(one, script)
    with run.looking(here) as picture:
        picture.check_shares()
    run.finish()
    before = free_kib(one.agent)
    for _ in range(5):
        play(one, scene())
    lost = before - free_kib(one.agent)
    check(lost < 2000, "no memory is lost by programs that copy some 500 pages, five times", observed=f"{lost} KiB less than before")


@points(2, task="4", function="copy_page", handout=FOUR, requires=["test_cow_copies"], emulators=["qemu"])
def test_cow_no_memory(one, rng):
    """a copy for which there is no memory is refused; whoever shares the page does not see what is written to it later"""
    free, short = free_kib(one.agent) // 4, 300
    pages = free * 9 // 20
    ballast = free - pages - (pages - short)
    at, script = draw_place(rng, pages + ballast), Script()
    script.map(1, at, pages)
    script.advise(1, at, pages, NOHUGEPAGE)
    script.fill(1, at, pages, 77)
    script.fork(1, 2)
    script.map(2, at + pages * 4096, ballast)
    script.fill(2, at + pages * 4096, ballast, 5)
    locked = script.squeeze(2, at, pages, ballast)
    lost = script.differs(2, at, pages, 77)
    drawn = rng.sample(range(pages), 60)
    for page in [*drawn, pages - 1]:
        script.write(2, at + page * 4096, 99)
    seen, own = script.differs(1, at, pages, 77), script.differs(2, at, pages, 77)
    play(one, script)
    said = [locked.value == REFUSED | error for error in (errno.EAGAIN, errno.ENOMEM)]
    check(any(said), f"mlock() of {pages} pages that a child shares with its parent, when there are {short} too few", expected="EAGAIN", observed=hex(locked.value))
    check_equal(lost.value, 0, "words that the child has lost")
    check_equal(seen.value, 0, "words of the parent's that the child has changed")
    check_equal(own.value, len({*drawn, pages - 1}), "words that the child has written to its own pages")
