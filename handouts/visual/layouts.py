"""What the kernel's structures look like, from the DWARF of its ELF file. Nothing is assumed about offsets.

The file describes 540 units of translation, each as large as a novel. Only those are read that contain a
function named in ANCHORS.
"""
import dataclasses
import functools
import pathlib

from elftools.common.exceptions import DWARFError, ELFError
from elftools.elf.elffile import ELFFile
from vitrine_grader.symbols import SymbolTable

from . import VisualError

ANCHORS = ("mm::init", "mm::alloc_slow", "sched::attach_pid", "vm::MmStruct::create")
STRUCTURES = ("DW_TAG_structure_type", "DW_TAG_class_type", "DW_TAG_union_type")
TRANSPARENT = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_atomic_type")


@dataclasses.dataclass(eq=False)
class Type:
    """A type: `members` of a structure by name, `element` and `count` of an array."""

    name: str
    size: int
    members: dict[str, tuple[int, "Type"]] = dataclasses.field(default_factory=dict)
    element: "Type | None" = None
    count: int = 0


def _name(die) -> str:
    attribute = die.attributes.get("DW_AT_name")
    return attribute.value.decode() if attribute else ""


def _number(attribute) -> int:
    """A constant, which DWARF writes as a number or as bytes."""
    value = attribute.value
    return value if isinstance(value, int) else int.from_bytes(bytes(value), "little")


class Layouts:
    """Types, enumerators and constants by name (mm::Page), addresses of symbols."""

    def __init__(self, elf: pathlib.Path):
        self._dies, self._types = {}, {}
        self.constants: dict[str, int] = {}
        self.enums: dict[str, dict[str, int]] = {}
        try:
            self.symbols = SymbolTable(elf)
            self._file = open(elf, "rb")
            file = ELFFile(self._file)
            loaded = next(part for part in file.iter_segments("PT_LOAD"))
            self.kernel_base = loaded["p_vaddr"] - loaded["p_paddr"]
            self._dwarf = file.get_dwarf_info()
            ranges = self._dwarf.get_aranges()
            units = [ranges.cu_offset_at_addr(self.address(anchor)) for anchor in ANCHORS]
            for offset in units:
                self._scan(self._dwarf.get_CU_at(offset).get_top_DIE(), "")
        except (OSError, ELFError, DWARFError, AttributeError, StopIteration, TypeError) as error:
            raise VisualError(f"{elf} has no readable debugging information: {error}") from error

    def address(self, symbol: str) -> int:
        """Of a function or variable."""
        try:
            return self.symbols[symbol]
        except KeyError:
            raise VisualError(f"the kernel has no symbol {symbol}") from None

    def constant(self, name: str) -> int:
        if name not in self.constants:
            raise VisualError(f"the kernel's debugging information does not have the constant {name}")
        return self.constants[name]

    @functools.cache
    def type(self, name: str) -> Type:
        """A structure, by its full name."""
        if name not in self._dies:
            raise VisualError(f"the kernel's debugging information does not describe {name}")
        return self._of(self._dies[name])

    def _scan(self, parent, scope: str) -> None:
        for die in parent.iter_children():
            name = scope + _name(die)
            if die.tag == "DW_TAG_namespace":
                self._scan(die, f"{name}::" if _name(die) else scope)
            elif die.tag in STRUCTURES and "DW_AT_byte_size" in die.attributes:
                self._dies.setdefault(name, die)
                self._scan(die, f"{name}::")
            elif die.tag == "DW_TAG_enumeration_type":
                self.enums.setdefault(name, {_name(e): e.attributes["DW_AT_const_value"].value for e in die.iter_children()})
            elif die.tag in ("DW_TAG_variable", "DW_TAG_member") and "DW_AT_const_value" in die.attributes:
                self.constants.setdefault(name, _number(die.attributes["DW_AT_const_value"]))

    def _of(self, die) -> Type:
        while die.tag in TRANSPARENT:
            die = die.get_DIE_from_attribute("DW_AT_type")
        if die.offset in self._types:
            return self._types[die.offset]
        if die.tag == "DW_TAG_array_type":
            return self._array(die)
        size = die.attributes.get("DW_AT_byte_size")
        found = self._types[die.offset] = Type(_name(die), size.value if size else 0)
        if die.tag in STRUCTURES:
            self._add_members(found, die, 0)
        return found

    def _array(self, die) -> Type:
        found = self._of(die.get_DIE_from_attribute("DW_AT_type"))
        counts = [child.attributes.get("DW_AT_upper_bound") for child in die.iter_children()
                  if child.tag == "DW_TAG_subrange_type"]
        for bound in reversed(counts):
            count = _number(bound) + 1 if bound else 0
            found = Type(f"{found.name}[{count}]", found.size * count, element=found, count=count)
        return found

    def _add_members(self, to: Type, die, base: int) -> None:
        """Members, those of base classes and of unions without a name included."""
        for child in die.iter_children():
            if child.tag not in ("DW_TAG_member", "DW_TAG_inheritance") or "DW_AT_external" in child.attributes:
                continue
            place = child.attributes.get("DW_AT_data_member_location")
            offset = base + (place.value if place else 0)
            inner = child.get_DIE_from_attribute("DW_AT_type")
            if _name(child):
                to.members.setdefault(_name(child), (offset, self._of(inner)))
            else:
                while inner.tag in TRANSPARENT:
                    inner = inner.get_DIE_from_attribute("DW_AT_type")
                self._add_members(to, inner, offset)
