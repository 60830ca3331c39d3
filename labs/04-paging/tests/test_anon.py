"""Task 3: memory that is there when it is touched."""

from __future__ import annotations

from spaces import ACCESSED, ANON, DIRTY, FRAME, LRU, LRU_PENDING, NX, PRESENT, R, SPECIAL, USER, WRITABLE, Run, Script, draw_place, free_kib, play

from vitrine_grader.failure import check, check_equal
from vitrine_grader.plugin import points

THREE = "handouts/04-paging.md, task 3"


@points(3, task="3", function="do_anonymous_page", handout=THREE)
def test_anon_read(one, rng):
    """what was never written to reads as zeros, and all of it is one page that nobody can write to"""
    at, pages = draw_place(rng), rng.randrange(5, 40)
    script = Script()
    script.map(1, at, pages)
    untouched = script.look()
    zeros = script.differs(1, at, pages, 0)
    read = script.look()
    run = Run(one, script)
    with run.looking(untouched) as picture:
        check_equal([at for at in range(at, at + pages * 4096, 4096) if picture[1][at]], [], "entries for memory that nobody has touched")
        anon = picture[1].counts.anon
    with run.looking(read) as picture:
        entries = [picture[1][at + i * 4096] for i in range(pages)]
        check(all(entry & (PRESENT | USER | WRITABLE | SPECIAL) == PRESENT | USER | SPECIAL for entry in entries),
              "each entry is present, for users, not writable, and marked as special", observed=f"{entries[0]:#x}")  # fmt: skip
        check_equal(len({entry & FRAME for entry in entries}), 1, "frames behind all the pages that were only read")
        check(not any(picture.memory.frame(entries[0] & FRAME)), "that page is all zeros")
        check_equal(picture[1].counts.anon, anon, "anonymous pages, as counted, before and after")
    run.finish()
    check_equal(zeros.value, 0, "words that are not 0")


@points(4, task="3", function="do_anonymous_page, map_anonymous", handout=THREE)
def test_anon_write(one, rng):
    """the first write gives a page of its own: zeros but for what was written, with the rights of its area"""
    at, pages = draw_place(rng), 12
    written = sorted(rng.sample(range(pages), 5))
    script = Script()
    script.map(1, at, pages)
    before = script.look()
    for page in written:
        script.write(1, at + page * 4096 + 8 * 9, 7000 + page)
    after = script.look()
    run = Run(one, script)
    with run.looking(before) as picture:
        anon = picture[1].counts.anon
    with run.looking(after) as picture:
        picture.check_shares()
        space = picture[1]
        check_equal([i for i in range(pages) if space[at + i * 4096]], written, "pages that are mapped: those that were written to")
        check_equal(space.counts.anon - anon, len(written), "anonymous pages more")
        for page in written:
            entry, where = space[at + page * 4096], f"page {page}"
            wanted = PRESENT | USER | WRITABLE | DIRTY | ACCESSED | NX
            check(entry & (wanted | SPECIAL) == wanted, f"{where}: present, for users, writable, dirty, accessed, not executable", observed=f"{entry:#x}")
            words = space.words(at + page * 4096)
            check_equal({i: word for i, word in enumerate(words) if word}, {9: 7000 + page}, f"{where}: words that are not 0")
            info = space.info(at + page * 4096)
            check(info.flags & ANON, f"{where}: is marked as anonymous", observed=f"{info.flags:#x}")
            check(info.flags & (LRU | LRU_PENDING), f"{where}: is on an LRU list, or on its way to one", observed=f"{info.flags:#x}")
    run.finish()


@points(3, task="3", function="do_anonymous_page", handout=THREE, emulators=["qemu"])
def test_anon_no_secrets(one, rng):
    """a page that another process has used comes as zeros"""
    at, script = draw_place(rng), Script()
    for _ in range(3):
        script.fork(1, 2)
        script.map(2, at, 400)
        script.fill(2, at, 400, 0x5EC2E7)
        script.leave(2)
    script.map(1, at, 500)
    script.write(1, at, 1)
    dirty = []
    for page in range(1, 500, 9):
        script.write(1, at + page * 4096, 0)
        dirty.append(script.differs(1, at + page * 4096, 1, 0))
    play(one, script)
    check_equal([answer.value for answer in dirty if answer.value], [], "words of new pages that are not 0")


@points(3, task="3", function="map_anonymous", handout=THREE, emulators=["qemu"], requires=["test_anon_write"])
def test_anon_race(two, rng):
    """two threads on two processors touch the same pages at once: they get the same page, and none is lost"""
    at, pages = draw_place(rng), 400

    def race() -> tuple[Script, object, object]:
        script = Script()
        script.map(1, at, pages)
        script.thread(1, 2)
        script.on_cpu(1, 0)
        script.on_cpu(2, 1)
        before = script.look()
        script.race((1, 2), at, pages)
        after = script.look()
        script.unmap(1, at, pages)
        script.leave(2)
        return script, before, after

    free = []
    for _ in range(4):
        script, before, after = race()
        run = Run(two, script)
        with run.looking(before) as picture:
            anon = picture[1].counts.anon
        with run.looking(after) as picture:
            picture.check_shares()
            check(pages <= picture[1].counts.anon - anon < pages + 10, f"anonymous pages more, when two threads touched {pages}", observed=picture[1].counts.anon - anon)
            lost = [page for page in range(pages) if picture[1].words(at + page * 4096, 4)[2:] != (1, 2)]
            check_equal(lost[:5], [], "pages on which the word of one of the two is missing")
        run.finish()
        free.append(free_kib(two.agent))
    check(free[0] - free[-1] < 1300, "no page is lost when two are made for the same place", observed=f"{free[0] - free[-1]} KiB less after three more races for {pages} pages")


@points(2, task="3", function="do_anonymous_page", handout=THREE, emulators=["qemu"])
def test_anon_rights(one, rng):
    """memory that may only be read is never writable, and a write to it is the signal SIGSEGV"""
    at, script = draw_place(rng), Script()
    script.map(1, at, 3, prot=R)
    value = script.read(1, at)
    failed = script.try_write(1, at, 9)
    untouched = script.try_write(1, at + 4096, 9)
    here = script.look()
    run = Run(one, script)
    with run.looking(here) as picture:
        check(not any(picture[1][at + i * 4096] & WRITABLE for i in range(3)), "no entry of memory for reading is writable")
    run.finish()
    check_equal(value.value, 0, "the word that was read")
    check_equal([answer.value & 0xFF for answer in (failed, untouched)], [11, 11], "signals of two writes to memory for reading")
