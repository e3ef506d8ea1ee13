import asyncio
import contextlib
import os

import pytest

from ferrogate.config.watch import stamp, watch


class _Changes:
    def __init__(self):
        self.count = 0
        self.event = asyncio.Event()

    async def __call__(self):
        self.count += 1
        self.event.set()

    async def next(self):
        await asyncio.wait_for(self.event.wait(), 10)
        self.event.clear()


@contextlib.asynccontextmanager
async def watching(path, changes, **options):
    task = asyncio.create_task(watch(path, changes, interval=0.01, **options))
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def looks(count=6):
    for _ in range(count):
        await asyncio.sleep(0.01)


async def test_a_change_is_noticed_once(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("a: 1")
    changes = _Changes()
    async with watching(path, changes):
        await looks()
        assert changes.count == 0
        path.write_text("a: 22")
        await changes.next()
        await looks()
        assert changes.count == 1


async def test_same_size_same_time_new_file_is_a_change(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("a: 1")
    other = tmp_path / "other"
    other.write_text("a: 2")
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    changes = _Changes()
    async with watching(path, changes):
        other.replace(path)
        await changes.next()


async def test_a_swapped_link_is_a_change(tmp_path):
    (tmp_path / "one").write_text("a: 1")
    (tmp_path / "two").write_text("a: 2")
    path = tmp_path / "gateway.yaml"
    path.symlink_to("one")
    changes = _Changes()
    async with watching(path, changes):
        (tmp_path / "new").symlink_to("two")
        (tmp_path / "new").replace(path)
        await changes.next()


async def test_a_file_that_goes_away_is_no_change_until_it_is_back(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("a: 1")
    changes = _Changes()
    async with watching(path, changes):
        path.unlink()
        await looks()
        assert changes.count == 0
        path.write_text("a: 1 again")
        await changes.next()
        assert changes.count == 1


async def test_a_change_between_reading_and_watching_is_noticed(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("a: 1")
    seen = stamp(path)
    path.write_text("a: 22")
    changes = _Changes()
    async with watching(path, changes, seen=seen):
        await changes.next()


async def test_what_the_callback_raises_ends_the_watch(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("a: 1")

    async def fail():
        raise RuntimeError("told")

    async with watching(path, fail) as task:
        path.write_text("a: 22")
        with pytest.raises(RuntimeError, match="told"):
            await asyncio.wait_for(task, 10)


def test_no_file_has_no_stamp(tmp_path):
    assert stamp(tmp_path / "absent") is None
