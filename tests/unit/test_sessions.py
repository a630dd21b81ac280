"""Logins that rotate: private, and whole at any instant."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge.ports import SessionStore
from bridge.sessions import FileSessions


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_nothing_saved_is_nothing(tmp_path: Path) -> None:
    store: SessionStore = FileSessions(tmp_path / "sessions" / "bluesky.json")
    assert store.load() is None
    assert not (tmp_path / "sessions").exists()  # looking makes nothing


def test_what_is_saved_last_is_there_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "sessions" / "bluesky.json"
    for session in (b'{"refresh": "one"}', b'{"refresh": "a longer one"}', b""):
        FileSessions(path).save(session)
        assert FileSessions(path).load() == session
    assert [p.name for p in path.parent.iterdir()] == ["bluesky.json"]


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_we_may_read_it(tmp_path: Path, umask: int) -> None:
    path = tmp_path / "sessions" / "bluesky.json"
    before = os.umask(umask)
    try:
        FileSessions(path).save(b"secret")
    finally:
        os.umask(before)
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)


def test_a_draft_left_by_a_crash_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "bluesky.json"
    draft = tmp_path / "bluesky.json.new"
    FileSessions(path).save(b"old")
    draft.write_bytes(b"half of a much longer session")
    draft.chmod(0o644)
    assert FileSessions(path).load() == b"old"
    FileSessions(path).save(b"new")
    assert (FileSessions(path).load(), mode(path)) == (b"new", 0o600)


def test_a_failed_save_leaves_the_old_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bluesky.json"
    FileSessions(path).save(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        FileSessions(path).save(b"new")
    assert FileSessions(path).load() == b"old"


def test_it_is_on_the_disk_before_the_name_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bluesky.json"
    FileSessions(path).save(b"old")
    steps: list[str] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(fd: int) -> None:
        steps.append("sync " + Path(os.readlink(f"/proc/self/fd/{fd}")).name)
        real_sync(fd)

    def replace(source: Path, target: Path) -> None:
        steps.append("replace")
        real_replace(source, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", replace)
    FileSessions(path).save(b"new")
    assert steps == ["sync bluesky.json.new", "replace", f"sync {tmp_path.name}"]
