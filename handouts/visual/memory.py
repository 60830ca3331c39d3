"""The memory of a machine that stands still, and the kernel's structures in it.

A View is a place in memory with a type: view["member"], view[3], view.value. Everything comes through the
page tables that a processor has loaded, walked from outside.
"""
from vitrine_grader import paging

from . import Damaged
from .layouts import Layouts, Type

PAGE = paging.PAGE


class Memory:
    """Physical and linear memory, each page read once. `read` is (physical address, length) -> bytes."""

    def __init__(self, read, cr3: int, layouts: Layouts):
        self._read, self._cr3, self.layouts = read, cr3, layouts
        self._frames: dict[int, bytes] = {}
        self._places: dict[int, int] = {}

    def physical(self, address: int, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            frame, offset = divmod(address + len(data), PAGE)
            if frame not in self._frames:
                try:
                    self._frames[frame] = self._read(frame * PAGE, PAGE)
                except LookupError:
                    raise Damaged(f"something leads to physical address {frame * PAGE:#x}, where no memory is") from None
            data += self._frames[frame][offset : offset + length - len(data)]
        return bytes(data)

    def place(self, address: int) -> int:
        """The physical address behind a linear one."""
        page, offset = divmod(address, PAGE)
        if page not in self._places:
            try:
                self._places[page] = paging.translate(self.physical, self._cr3, page * PAGE).physical
            except LookupError:
                raise Damaged(f"a pointer leads to {address:#x}, where nothing is mapped") from None
        return self._places[page] + offset

    def linear(self, address: int, length: int) -> bytes:
        data = bytearray()
        while len(data) < length:
            at = address + len(data)
            data += self.physical(self.place(at), min(PAGE - at % PAGE, length - len(data)))
        return bytes(data)

    def number(self, address: int, size: int = 8) -> int:
        return int.from_bytes(self.linear(address, size), "little")

    def view(self, type_name: str, address: int) -> "View":
        return View(self, self.layouts.type(type_name), address)

    def variable(self, symbol: str, size: int = 8) -> int:
        """A global number."""
        return self.number(self.layouts.address(symbol), size)


class View:
    """A structure, array or number in the machine's memory."""

    def __init__(self, memory: Memory, type_: Type, address: int):
        self.memory, self.type, self.address = memory, type_, address

    def __getitem__(self, key) -> "View":
        if isinstance(key, int):
            if not 0 <= key < self.type.count:
                raise Damaged(f"{self.type.name} has no element {key}")
            return View(self.memory, self.type.element, self.address + key * self.type.element.size)
        offset, inner = self.type.members[key]
        return View(self.memory, inner, self.address + offset)

    def __len__(self) -> int:
        return self.type.count

    @property
    def value(self) -> int:
        """The number: also what an atomic, an enumerator, a pointer or a wrapped number is."""
        assert 0 < self.type.size <= 8, self.type.name
        return self.memory.number(self.address, self.type.size)

    @property
    def text(self) -> str:
        """What is at the pointer, or in the array, up to its zero."""
        at, most = (self.address, self.type.count) if self.type.count else (self.value, 64)
        data = bytearray()
        while len(data) < most and (byte := self.memory.linear(at + len(data), 1)) != b"\0":
            data += byte
        return data.decode(errors="replace")

    def follow(self, type_name: str) -> "View | None":
        """What the pointer leads to; None for null."""
        return self.memory.view(type_name, self.value) if self.value else None

    def elements(self, type_name: str, link: str, most: int, what: str) -> list["View"]:
        """The members of a list, of which this is the List: a ring through `link` of each. Damaged if a
        neighbour disagrees, or if there are more than `most`."""
        head = self["head_"]
        offset, found, before, at = self.memory.layouts.type(type_name).members[link][0], [], head.address, head["next_"].value
        while at != head.address:
            if len(found) >= most:
                raise Damaged(f"{what}: the list has no end, or more than {most} members")
            if at == 0:
                raise Damaged(f"{what}: the list breaks off after {len(found)} members")
            element = self.memory.view(type_name, at - offset)
            if element[link]["prev_"].value != before:
                raise Damaged(f"{what}: the member at {at - offset:#x} names another as the one before it")
            found.append(element)
            before, at = at, element[link]["next_"].value
        if head["prev_"].value != before:
            raise Damaged(f"{what}: the list's end is not its last member")
        return found
