"""Pictures of the memory of a live kernel (`make visual`).

    layouts   what structures look like: DWARF of the kernel
    memory    the memory of a stopped machine, typed
    guest     the machine: what runs in it, and stopping it
    frames, free_lists, tables, slabs      what is read and checked: one picture's facts each
    sheet     an SVG
    draw_*    the pictures
    gallery   the page that shows them
"""


class VisualError(Exception):
    """What the user must know; one sentence."""


class Damaged(VisualError):
    """The kernel's structures contradict themselves."""
