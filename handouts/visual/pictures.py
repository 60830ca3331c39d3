"""From a stopped machine to the pictures."""
import dataclasses

from . import draw_frames, draw_free_lists, draw_slabs, draw_space, frames, free_lists, slabs, tables
from .guest import Guest, Said
from .memory import PAGE


@dataclasses.dataclass(frozen=True)
class Seen:
    """All of one moment."""

    said: Said
    frames: frames.FrameMap
    zones: list[free_lists.ZoneLists]
    types: list[str]
    table: tables.Table
    pages: dict[int, int]
    loaded_by: list[int]  # processors
    cache: slabs.Cache


def look(guest: Guest, pid: int, cache: str) -> Seen:
    """Stops the machine and reads everything. It stands still afterwards."""

    def read(said, memory):
        found = frames.read(memory)
        root = tables.root_of(memory, pid)
        table = tables.read(memory, root)
        loaded = [cpu for cpu, cr3 in enumerate(guest.loaded()) if cr3 // PAGE == root]
        return Seen(said, found, free_lists.read(memory, guest.cpus), free_lists.type_names(memory), table,
                    tables.pages(memory, table), loaded, slabs.read(memory, found, cache, guest.cpus))

    return guest.consistently(pid, read)


def pictures(seen: Seen) -> dict[str, tuple[str, str]]:
    """Title and SVG by name."""
    who = f"{seen.said.name}, process {seen.said.pid}"
    titles = {"memory": "Physical memory", "space": f"Address space of {who}", "free_lists": "Free lists of the buddy system",
              "slab": f"Slab cache {seen.cache.name}"}
    drawn = {"memory": draw_frames.draw(seen.frames, titles["memory"]),
             "space": draw_space.draw(tables.areas(seen.said.maps), seen.table, seen.pages, titles["space"], seen.loaded_by),
             "free_lists": draw_free_lists.draw(seen.zones, seen.types, titles["free_lists"]),
             "slab": draw_slabs.draw(seen.cache, titles["slab"])}
    return {name: (titles[name], svg) for name, svg in drawn.items()}
