"""Secrets: from the environment, from files it names or that `login` left; never from the config, never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from bridge.tables import Findings


class Secrets(Mapping[str, str]):
    """Secrets by their lower-case names; shows which are there, never what they are."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(sorted(self._values))})"


def variable(owner: str, secret: str) -> str:
    """The environment variable of a secret: ("slack", "bot_token") -> "SLACK_BOT_TOKEN"."""
    return f"{owner}_{secret}".upper()


def folder(journal: Path) -> Path:
    """Where `login` keeps secrets: beside the journal, a file each, called like its variable."""
    return journal.parent / "secrets"


def gather(
    owner: str, names: tuple[str, ...], env: Mapping[str, str], kept: Path, found: Findings
) -> Secrets:
    """What there is of `names`: OWNER_NAME in the environment, else the content of the file OWNER_NAME_FILE
    says, else that of OWNER_NAME in the folder `kept`.

    A variable that is set but empty counts as not set: env files and compose files leave such behind.
    """
    values: dict[str, str] = {}
    for name in names:
        key = variable(owner, name)
        value, file = env.get(key, "").strip(), env.get(f"{key}_FILE", "").strip()
        if value and file:
            found.mistake(
                key, "", f"either {key} or {key}_FILE", "Take one of the two out of the environment."
            )
        elif file:
            value = _content(f"{key}_FILE", file, found)
        elif not value and (kept / key).exists():
            value = _content(key, str(kept / key), found)
        if value:
            values[name] = value
    return Secrets(values)


def _content(key: str, file: str, found: Findings) -> str:
    try:
        value = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        mend = f"It says: {why}. Look at the path and its rights."
        found.mistake(key, file, "a file that can be read", mend)
        return ""
    if not value:
        found.mistake(
            key, file, "a file with the secret in it", "The file is empty: write the secret into it."
        )
    return value
