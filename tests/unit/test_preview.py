"""What `preview` says of a config."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from bridge import preview
from bridge.config import Config, load
from bridge.model import HOUR, Limits
from bridge.text import count
from tests.unit.configs import SHIPPED
from tests.unit.platforms import CONFIG, Kind, hall, kinds, room, square

ENV = {
    "HALL_TOKEN": "hush-1",
    "SQUARE_PASSWORD": "hush-2",
    "ROOM_BOT_TOKEN": "hush-3",
    "ROOM_APP_TOKEN": "hush-4",
}


EARLY = 0  # before everything


def config(folder: Path, *known: Kind, text: str = CONFIG, env: dict[str, str] | None = None) -> Config:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, ENV if env is None else env, platforms=kinds(*known))


# ---------------------------------------------------------------- preview


def test_every_item_stands_on_every_posting_network(tmp_path: Path) -> None:
    text = CONFIG.replace('kind = "square"', 'kind = "square"\npost = false')
    (sheet,) = preview.preview(config(tmp_path, text=text), EARLY).chats
    assert [item.id for item in sheet.items] == [
        *(
            "announcement",
            "reminder-24h",
            "reminder-10m",
            "welcome",
            "q1",
            "recap-half",
            "q2",
            "recap",
            "closing",
        ),
    ]
    assert {tuple(s.network for s in item.networks) for item in sheet.items} == {("hall", "room")}
    first = sheet.items[4]
    assert first.local == "2027-03-16T20:05:00+00:00"
    assert first.networks[0].parts[0].text == "Q1 What is a tide? #TideTalk"


def test_what_is_past_before_the_chat_begins_is_marked(tmp_path: Path) -> None:
    chat = config(tmp_path)
    starts = chat.community.chats[0].starts
    data = preview.preview(chat, starts - HOUR)
    assert [item.id for item in data.chats[0].items if item.past] == ["announcement", "reminder-24h"]
    assert preview.show(data).count("[that time has passed: this one is left out]") == 2
    for now in (EARLY, starts + HOUR):
        assert not any(item.past for item in preview.preview(chat, now).chats[0].items)


def test_counts_are_the_networks_own(tmp_path: Path) -> None:
    text = CONFIG.replace(
        "What is a tide?", "Is 👩‍⚕️ at https://tide.test/a/long/address/that/counts/less ok?"
    )
    (sheet,) = preview.preview(config(tmp_path, text=text), EARLY).chats
    question = next(item for item in sheet.items if item.id == "q1")
    in_hall, in_square, _ = (shown.parts[0] for shown in question.networks)
    address = "https://tide.test/a/long/address/that/counts/less"
    assert in_square.count == count(in_square.text)
    assert in_hall.count == in_square.count - len(address) + 23
    assert in_square.bytes == len(in_square.text.encode()) > in_square.count
    assert (in_hall.limit, in_square.limit, in_square.bytes_limit) == (500, 300, 3000)


def test_the_shipped_preview_can_be_read_and_is_json() -> None:
    data = preview.preview(load(SHIPPED, {}), EARLY)
    shown = preview.show(data)
    assert "Announcement · Tuesday 13 March 2018, 20:00 London time (20:00 UTC)" in shown
    assert "Reminder 10 minutes before · Tuesday 20 March 2018, 19:50 London time (19:50 UTC)" in shown
    assert "  Mastodon (47 of 500), Bluesky (47 of 300), Slack (47 of 3500)\n    Q1 What is a comm" in shown
    assert "Bluesky (" in shown
    assert "part 2 of 2" in shown
    assert max(len(line) for line in shown.splitlines()) <= preview.WIDTH
    assert len(json.loads(msgspec.json.encode(data))["chats"][0]["items"]) == 14


def test_warnings_pictures_and_long_texts_are_shown(tmp_path: Path) -> None:
    (tmp_path / "q1.png").write_bytes(b"\x89PNG picture")
    text = CONFIG.replace("at = 5\n", 'at = 5\nimage = "q1.png"\nalt = "A chart"\nwarning = "water"\n')
    text = text.replace("Who keeps it?", "Who keeps it? " * 30)
    own = hall()
    own.limits = Limits(500, warning="{}")
    shown = preview.show(preview.preview(config(tmp_path, own, square(), room(), text=text), EARLY))
    assert "    [content warning: water]\n    Q1 What" in shown, "a field of its own"
    assert "    ⚠ water\n\n    Q1 What" in shown, "before the words"
    assert "q1.png, described: A chart]" in shown
    assert "of 300), part 1 of 2" in shown
    assert "To think about:\nconfig.toml" in shown.replace(f"{tmp_path}/", "")


def test_every_language_is_shown_and_counted_by_itself(tmp_path: Path) -> None:
    text = CONFIG.replace("at = 5\n", 'at = 5\ntranslations = {cy = "Beth yw llanw?"}\n')
    data = preview.preview(config(tmp_path, text=text), EARLY)
    (item,) = [i for i in data.chats[0].items if i.id == "q1"]
    assert [(p.text, p.language) for p in item.networks[0].parts] == [
        ("Q1 What is a tide? #TideTalk", "en"),
        ("Q1 Beth yw llanw? #TideTalk", "cy"),
    ]
    assert "  Hall (27 of 500), Square (27 of 300), Room (27 of 3500), in cy\n    Q1 Beth yw" in preview.show(
        data
    )


def test_a_warning_counts(tmp_path: Path) -> None:
    text = CONFIG.replace("at = 5\n", 'at = 5\nwarning = "wet feet"\n')
    beside = hall()
    beside.limits = Limits(500, warning="{}")
    data = preview.preview(config(tmp_path, beside, square(), room(), text=text), EARLY)
    (item,) = [i for i in data.chats[0].items if i.id == "q1"]
    words = count("Q1 What is a tide? #TideTalk")
    assert [shown.parts[0].count - words for shown in item.networks] == [8, 12, 12]
    in_square = item.networks[1].parts[0]
    assert in_square.text == "⚠ wet feet\n\nQ1 What is a tide? #TideTalk"
    assert in_square.bytes == len(in_square.text.encode())


def test_a_picture_too_large_for_a_network_is_named(tmp_path: Path) -> None:
    (tmp_path / "q1.png").write_bytes(b"\x89PNG" + bytes(999_997))
    text = CONFIG.replace("at = 5\n", 'at = 5\nimage = "q1.png"\nalt = "A chart"\n')
    small, large = hall(), square()
    small.limits, large.limits = Limits(300, image=1_000_000), Limits(300, image=1_000_001)
    shown = preview.show(preview.preview(config(tmp_path, small, large, room(), text=text), EARLY))
    assert "    [picture too large for Hall: 1.01 MB of 1 MB]" in shown
    assert "too large for Square" not in shown
