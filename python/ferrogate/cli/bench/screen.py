"""Progress of long measurements, on standard error so that JSON on standard output stays clean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

__all__ = ["Tell", "progress_screen", "steps_screen"]

Tell = Callable[[str], Callable[[dict[str, Any]], None]]


@contextmanager
def progress_screen(console: Console) -> Iterator[Tell]:
    """Show what runs, how far it is and how fast; off a terminal, a line for each step."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(20),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        task = bars.add_task("", total=None, state="")

        def tell(text: str) -> Callable[[dict[str, Any]], None]:
            bars.update(task, description=text, state="", completed=0, total=None)
            if not console.is_terminal:
                console.print(text)

            def update(told: dict[str, Any]) -> None:
                state = f"{told['rate']:.0f}/s"
                if told["failed"]:
                    state += f", {told['failed']} failed"
                if told["backlog"]:
                    state += f", {told['backlog']} waiting"
                done = min(told["elapsed_s"], told["total_s"])
                bars.update(task, completed=done, total=told["total_s"], state=state)

            return update

        yield tell


@contextmanager
def steps_screen(console: Console, text: str) -> Iterator[Callable[[int, int], None]]:
    """Show how many of how many steps are done; off a terminal, the text alone."""
    columns = (SpinnerColumn(), TextColumn(text), BarColumn(20), TextColumn("{task.fields[state]}"))
    if not console.is_terminal:
        console.print(text)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bars:
        task = bars.add_task("", total=None, state="")

        def update(done: int, of: int) -> None:
            bars.update(task, completed=done, total=of or None, state=f"{done}/{of}" if of else "")

        yield update
