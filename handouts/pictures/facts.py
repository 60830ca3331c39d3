"""A picture in words and numbers: for its description, and to compare a chapter's text with."""
from .history import History


def _charges(history: History, name: str) -> str:
    """How far the virtual time went."""
    charges = history.charges_of(name)
    return f"vruntime {charges[0].before:.2f} to {charges[-1].after:.2f} ms" if charges else "no vruntime"


def _stretches(history: History, name: str) -> str:
    """The first times on a processor, in full."""
    runs = history.of(name)
    shown = ", ".join(f"{run.start:.2f} to {run.end:.2f}" for run in runs[:6])
    return shown + (f" and {len(runs) - 6} times more" if len(runs) > 6 else "")


def _task(history: History, name: str) -> str:
    waits = [wait.length for wait in history.waits if wait.name == name]
    longest = f", waits at most {max(waits):.2f} ms" if waits else ""
    return (f"{name} runs {history.total(name):.2f} ms ({_stretches(history, name)}){longest}; "
            f"{_charges(history, name)}.")


def facts(history: History) -> str:
    """Sentences; times in ms from the first wake-up on."""
    scene = history.scene
    found = [f"{scene.title}, {scene.ms} ms on {scene.cpus} processor{'s' * (scene.cpus > 1)}."]
    if scene.cpus == 1:
        found += [_task(history, name) for name in scene.names]
        return " ".join(found)
    for move in history.moves:
        if move.name in scene.names:
            found.append(f"At {move.at:.2f} {move.name} goes from processor {move.origin} to {move.to}.")
    found += [f"{name} runs {history.total(name):.2f} ms." for name in scene.names]
    return " ".join(found)
