"""What hosts say to authors: replies and welcomes in their thread, notes to them alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bridge.chat.verbs.answers import ANYWHERE
from bridge.model import Command, Form, Order, Post, Publish, Ref, Reply, Words
from bridge.text import fits
from tests.unit.hosting import hand_in, shortcut, use
from tests.unit.make import LIMITS, SLACK_HOST, Hour, community, person, post

PLACES = ("mastodon", "bluesky", "slack")


def hour_with(*posts: Post, **config: Any) -> Hour:
    hour = Hour(msgspec.structs.replace(community(), **config))
    hour.until(6)
    hour.write(*posts)
    return hour


def form(hour: Hour, verb: str, ref: Ref) -> Form:
    made = shortcut(hour, verb, ref)
    assert isinstance(made, Form)
    return made


def answers(hour: Hour) -> list[tuple[Order, Publish, str]]:
    """What was said to authors."""
    return [
        (o, o.op, o.op.content.text.plain)
        for o in hour.orders
        if o.lane == "people" and isinstance(o.op, Publish) and isinstance(o.op.content, Words)
    ]


@pytest.mark.parametrize("network", PLACES)
@pytest.mark.parametrize("hide", [False, True])
@pytest.mark.parametrize("verb", ["welcome", "note", "signpost"])
def test_the_words_to_begin_with_fit_and_go_out_as_they_stand(verb: str, hide: bool, network: str) -> None:
    long_name = person("nurse-07", network, name="Wilhelmina Featherstonehaugh-Cholmondeley")
    hour = hour_with(post("1", "A1: we listen #WardChat", network=network, by=long_name))
    if hide and verb != "welcome":
        hour.command("hide", "1")
    made = form(hour, verb, Ref(network, "1"))
    assert made.field is not None
    assert "…" not in made.field.text.removesuffix("A1, A2 …")[-3:], "it was not cut"
    said = hand_in(hour, made)
    assert isinstance(said, str)
    assert said.startswith("Done: the author of entry 1 is ")
    ((order, op, words),) = answers(hour)
    assert (order.network, op.reply_to) == (network, Ref(network, "1"))
    alone = verb != "welcome" and network != "bluesky"
    assert op.reach == ("direct" if alone else "quiet")
    assert words.endswith(" ^WA")
    assert isinstance(op.content, Words)
    assert fits(op.content.text, LIMITS[network])
    assert ("Wilhelmina" in words) is (verb != "signpost")
    assert ("only its author can read this" in made.words) is alone
    assert ("Careful" in made.words) is (verb != "welcome" and not alone)
    assert ("hurt by it" in words) is (verb == "note" and hide and alone), (
        "in public nobody is pointed at harm"
    )


@pytest.mark.parametrize("network", PLACES)
@pytest.mark.parametrize("verb", ["reply", "welcome", "note", "signpost"])
def test_as_many_words_as_the_form_takes_go_out(verb: str, network: str) -> None:
    hour = hour_with(post("1", "A1: we listen #WardChat", network=network))
    made = form(hour, verb, Ref(network, "1"))
    assert made.field is not None
    said = hand_in(hour, made, "w" * made.field.most)
    assert isinstance(said, str)
    assert said.startswith("Done")
    if network != "slack":
        hour = hour_with(post("1", "A1: we listen #WardChat", network=network))
        assert hour.command(verb, "1 " + "w" * (made.field.most + 1)).startswith(
            "That is longer than one post"
        )


def test_a_welcome_calls_them_by_their_first_name_and_can_be_reworded() -> None:
    ann = person("ann", name="Ann Lowe ✅")
    hour = hour_with(post("1", "A1: we listen #WardChat", by=ann))
    made = form(hour, "welcome", Ref("mastodon", "1"))
    assert made.field is not None
    assert made.card is not None
    assert made.field.text.startswith("Welcome, Ann! ")
    assert "#WardChat" in made.field.text
    assert made.card.text.plain == "A1: we listen #WardChat"
    assert hand_in(hour, made, "Hello Ann!") == "Done: the author of entry 1 is welcomed on Mastodon."
    assert [words for *_, words in answers(hour)] == ["@ann@ward.example Hello Ann! ^WA"]


def test_a_name_that_passes_for_a_hosts_is_not_repeated() -> None:
    hour = hour_with(post("1", "A1: we listen #WardChat", by=person("mallory", name="Wren Adair")))
    made = form(hour, "welcome", Ref("mastodon", "1"))
    assert made.field is not None
    assert made.field.text.startswith("Welcome! ")


@pytest.mark.parametrize(("verb", "reach"), [("reply", "quiet"), ("welcome", "quiet"), ("note", "direct")])
def test_in_a_room_it_stands_under_their_message(verb: str, reach: str) -> None:
    hour = hour_with(post("s1", "A1: we listen", network="slack"))
    hour.command(verb, "1 Tell us more!")
    ((order, op, words),) = answers(hour)
    assert (order.network, op.reply_to, op.reach, words) == (
        "slack",
        Ref("slack", "s1"),
        reach,
        "Tell us more! ^WA",
    )
    form_ = form(hour, "reply", Ref("slack", "s1"))
    assert form_.card is not None
    assert form_.card.text.plain == "A1: we listen"


def test_help_is_named_as_the_config_says_else_without_a_countrys_number() -> None:
    what = post("1", "A1: I cannot go on #WardChat")
    usual = form(hour_with(what), "signpost", Ref("mastodon", "1"))
    assert usual.field is not None
    assert usual.field.text.endswith(ANYWHERE)
    assert not any(c.isdigit() for c in usual.field.text)
    ours = form(hour_with(what, signpost="The Quiet Line: quiet.example"), "signpost", Ref("mastodon", "1"))
    assert ours.field is not None
    assert ours.field.text.endswith("The Quiet Line: quiet.example")


@pytest.mark.parametrize(
    ("verb", "answer"),
    [
        ("welcome", "The author of entry 1 has been welcomed already; nothing was done."),
        ("note", "The author of entry 1 has been written to already; nothing was done."),
        ("signpost", "The author of entry 1 has been shown where to find help already; nothing was done."),
        ("reply", "Entry 1 has been answered with these words already; nothing was done."),
    ],
)
def test_nobody_is_told_the_same_twice(verb: str, answer: str) -> None:
    hour = hour_with(post("1", "A1: we listen #WardChat"))
    assert hour.command(verb, "1 We hear you.").startswith("Done")
    assert hour.command(verb, "1 We hear you.") == answer
    assert len(answers(hour)) == 1
    if verb != "reply":
        assert shortcut(hour, verb, Ref("mastodon", "1")) == answer


def test_what_a_network_refused_can_be_said_again() -> None:
    hour = hour_with(post("1", "A1: we listen #WardChat"))
    hour.refusing["mastodon"] = "too fast"
    hour.command("note", "1 We hear you.")
    hour.refusing.clear()
    assert hour.command("note", "1 We hear you.").startswith("Done")


@pytest.mark.parametrize("verb", ["note", "signpost"])
def test_a_note_goes_to_whose_words_are_hidden_and_not_if_they_are_back_in_time(verb: str) -> None:
    hour = hour_with(post("1", "A1: we listen #WardChat"))
    hour.command("hide", "1")
    hour.down.add("mastodon")
    assert hour.command(verb, "1 We hear you.").startswith("Done")
    hour.command("restore", "1")
    hour.down.clear()
    hour.deliver()
    assert not any("We hear you" in words for words in hour.texts("mastodon"))


def test_who_answers_a_note_is_not_in_the_chat() -> None:
    hour = hour_with(post("1", "A1: we listen #WardChat"))
    hour.command("note", "1 We hear you.")
    note = next(p for p, c in hour.standing["mastodon"].items() if "We hear you" in repr(c))
    hour.write(post("2", "@ours thank you", reply_to=Ref("mastodon", note), reach="direct"))
    assert len(hour.entries) == 1


def test_words_are_told_in_one_line_where_there_are_no_forms() -> None:
    hour = hour_with(post("1", "A1: we listen #WardChat"))
    said: Reply | None = use(hour, Command("welcome", SLACK_HOST, text="1"))
    assert said == "Say it in one line: welcome 42 Welcome, good to have you!"
