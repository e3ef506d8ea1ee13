"""docs/errors.md says of every kind of error what the engine says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from ferrogate.engine import facade

ROOT = Path(__file__).resolve().parents[3]
RELAYED = {"upstream_status", "upstream_key_refused", "upstream_filtered", "upstream_rejected"}
CHAPTER = re.compile(r"^## The (client|gateway|provider)'s\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
ENTRY = re.compile(r"^### `(\w+)` · ([^\n]+)\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Kind:
    status: str
    source: str
    retry: bool


def engine() -> dict[str, Kind]:
    """What the engine says of its errors."""
    return {
        kind["id"]: Kind(
            status="the provider's own" if kind["id"] in RELAYED else str(kind["status"]),
            source=kind["source"],
            retry=kind["retry"],
        )
        for kind in facade.error_kinds()
    }


def documented() -> dict[str, Kind]:
    """The entries of the page; each says what to do, and whether other lanes are tried."""
    found = {}
    for source, chapter in CHAPTER.findall((ROOT / "docs/errors.md").read_text()):
        for name, status, body in ENTRY.findall(chapter):
            assert name not in found, f"{name} is there twice"
            assert re.search(r"^\*\*Do:\*\* \w", body, re.MULTILINE), f"{name} does not say what to do"
            (lanes,) = re.findall(r"\*\*Other\s+lanes:\*\* (yes|no)", body)
            found[name] = Kind(status, source, lanes == "yes")
    return found


def test_every_kind_is_documented_as_it_is() -> None:
    assert documented() == engine()


@pytest.mark.parametrize(
    "page", sorted(path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")), ids=str
)
def test_links_lead_somewhere(page: Path) -> None:
    check_links(page)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_of_the_front_pages_lead_somewhere(page: str) -> None:
    check_links(Path(page))


def check_links(page: Path) -> None:
    """Every relative link of a page is a file or folder."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" not in target:
            assert (ROOT / page.parent / target).exists(), f"{page}: {target}"
