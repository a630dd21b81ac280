"""docs/config.md has every key of the config, its default and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.config import CommunityTable, Consent, MqttTable, Web, installed, load
from bridge.errors import ConfigError
from bridge.hosts import HostTable
from bridge.plan import ChatTable, QuestionTable
from tests.unit.configs import SHIPPED, written

PAGE = (Path(__file__).parents[2] / "docs" / "config.md").read_text(encoding="utf-8")
TABLES: dict[str, type[msgspec.Struct]] = {
    "`[community]`": CommunityTable,
    "`[[chats]]`": ChatTable,
    "`[[chats.hosts]]`": HostTable,
    "`[[chats.questions]]`": QuestionTable,
    "`[web]`": Web,
    "`[consent]`": Consent,
    "`[mqtt]`": MqttTable,
    **{f"Of kind `{kind}`": installed()[kind]().settings for kind in ("mastodon", "bluesky", "slack")},
}
OURS = {"At the top": {"include"}, "`[networks.NAME]`": {"kind", "post"}}  # no struct of their own


def documented() -> dict[str, dict[str, str]]:
    """Heading -> key -> default, of each table of keys."""
    found: dict[str, dict[str, str]] = {}
    for part in re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE)[1:]:
        if "| key | default |" in part:
            rows = re.findall(r"^\| `(\w+)` \|([^|]*)\|", part, re.MULTILINE)
            found[part.splitlines()[0]] = {key: said.strip() for key, said in rows}
            assert len(dict(rows)) == len(rows)
    return found


def test_every_table_is_there() -> None:
    assert documented().keys() == TABLES.keys() | OURS.keys()


@pytest.mark.parametrize("heading", [*TABLES, *OURS])
def test_every_key_is_there_and_no_other(heading: str) -> None:
    known = OURS.get(heading) or {f.encode_name for f in msgspec.structs.fields(TABLES[heading])}
    assert documented()[heading].keys() == known


def shown(value: Any) -> str:
    """A default as the page writes it."""
    match value:
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            listed = ", ".join(f'"{each}"' for each in value)
            return f"`[{listed}]`" if value else ""
        case str():
            return f'`"{value}"`' if value else ""
        case None:
            return ""
        case _:
            return f"`{value:g}`"


@pytest.mark.parametrize("heading", TABLES)
def test_every_default_is_the_codes(heading: str) -> None:
    """Words in its place ("required", "ready-made") are for what has none that could be written."""
    rows = documented()[heading]
    for field in msgspec.structs.fields(TABLES[heading]):
        said = rows[field.encode_name]
        if "`" in said and not re.match(r"[a-z]", said):
            assert said == shown(field.default), field.name
        elif (
            not said and field.encode_name != "api"
        ):  # where each network's API is, is nobody's business here
            assert field.default in (None, "", ()) or field.default_factory is dict, field.name


REQUIRED = [
    (heading, key)
    for heading, rows in documented().items()
    for key, said in rows.items()
    if said == "required"
]


@pytest.mark.parametrize(("heading", "key"), REQUIRED)
def test_what_is_required_is_missed(tmp_path: Path, heading: str, key: str) -> None:
    text = f'{SHIPPED.read_text()}\n[mqtt]\nurl = "mqtt://localhost:1883"\n'
    table = heading.split("`")[1].strip("[]").replace("NAME", "mastodon")
    table = f"networks.{table}" if heading.startswith("Of kind") else table
    start = re.search(rf"^\[+{re.escape(table)}\]+", text, re.MULTILINE)
    assert start is not None
    before, rest = text[: start.end()], text[start.end() :]
    rest = re.sub(rf"^{key} = .*$", "", rest, count=1, flags=re.MULTILINE)
    if key == "questions":
        before, rest = text[: text.index("[[chats.questions]]")], text[text.index("[networks.mastodon]") :]
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, before + rest), {})
    missed = [m.key for m in caught.value.mistakes if "it is missing" in m.expected]
    assert [k.rpartition(".")[2] for k in missed] == [key]
