"""What the hosts are told, as messages of Slack."""

from __future__ import annotations

import json

import pytest

from adapters.slack import blocks, rich
from adapters.slack.controls import Control, TooLong
from bridge.model import (
    Button,
    Notice,
)
from tests.adapters.test_slack_blocks import card, read, shown


def test_buttons_say_what_they_mean() -> None:
    buttons = (
        Button("Post now", "post", "tea", item="q3", on="bluesky", style="primary"),
        Button("Skip", "skip", "tea", item="q3", on="bluesky"),
        Button("Skip all", "skip", "tea", item="q3"),
    )
    made = shown(Notice("Q3 is held on Bluesky: too late.", buttons))
    pressed = [e for b in made.blocks if b["type"] == "actions" for e in b["elements"]]
    assert [e["action_id"] for e in pressed] == [
        "chatbridge:post:0",
        "chatbridge:skip:1",
        "chatbridge:skip:2",
    ]
    assert json.loads(pressed[0]["value"]) == {"chat": "tea", "item": "q3", "on": "bluesky"}
    assert [e.get("style") for e in pressed] == ["primary", None, None]
    with pytest.raises(TooLong, match="names too much"):
        blocks.message(Notice("x", (Button("x", "x", "tea", item="i" * 2000),)))
    assert Control("tea") == Control(chat="tea", item=None, on=None)


def test_a_notice_shows_the_entry_it_is_about() -> None:
    made = shown(Notice("Held: a link in the first post.", (Button("Show", "show", "tea", "42"),), card()))
    assert "Held: a link in the first post." in read(made)
    assert "We meet." in read(made)
    assert "We meet." in made.arguments()["text"]


def test_a_button_asks_before_it_does_harm_and_hands_in_its_words() -> None:
    end = Button("Close the chat", "end", "tea", style="danger", confirm="Close the chat now?")
    note = Button("Send the usual words", "note", "tea", item="42", text="Please mind <the> house rules.")
    long = Button("Erase what Nurse 07 wrote, everywhere", "erase", "tea", confirm="x" * 400)
    made = shown(Notice("Sure?", (end, note, long)))
    ending, noting, erasing = made.blocks[1]["elements"]
    assert ending["confirm"] == {
        "title": {"type": "plain_text", "text": "Close the chat", "emoji": False},
        "text": {"type": "plain_text", "text": "Close the chat now?", "emoji": False},
        "confirm": {"type": "plain_text", "text": "Close the chat", "emoji": False},
        "deny": {"type": "plain_text", "text": "Cancel", "emoji": False},
        "style": "danger",
    }
    assert "confirm" not in noting
    said = {"chat": "tea", "item": "42", "text": "Please mind <the> house rules."}
    assert json.loads(noting["value"]) == said
    assert erasing["confirm"]["confirm"]["text"] == "Yes", "a way out has room for 30 characters"
    assert erasing["confirm"]["text"]["text"] == "x" * 299 + "…"


def test_a_long_notice_is_whole_and_a_longer_one_is_cut() -> None:
    preview = "\n".join(f"Q{n} on Mastodon: What is tea number {n}?" for n in range(1, 151))
    assert preview in read(shown(Notice(preview)))
    assert "Q150" in read(shown(Notice(preview, (Button("Edit…", "edit", "tea", "q1"),), card())))
    assert "…" in read(shown(Notice("word " * 3_000)))
    shown(Notice("👩‍👩‍👧‍👦" * 9_000))


def test_an_address_is_encoded_once() -> None:
    assert rich.address("https://tea.example/a%20b?q=1&r=é") == "https://tea.example/a%20b?q=1&r=%C3%A9"
