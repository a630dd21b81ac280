"""What people write in Slack, as the bridge reads it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import convert
from adapters.slack.convert import Home
from adapters.slack.rich import escaped
from bridge.model import Author, Post, Ref, Span, Text
from bridge.text import tame

HOME = Home("slack", "T1", "https://teashop.slack.example/", "UBOT", "BBOT", "CCHAT", "CHOSTS", "ABOT")
ANN = Author("slack:T1/UANN", "@ann", "Ann")
BEN = Author("slack:T1/UBEN", "@ben", "Ben")
TS = "1700000000.000100"


def message(text: str = "A1 we meet", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "UANN", "ts": TS, "text": text, **more}


def post(said: dict[str, Any], channel: str = "CCHAT", belongs: tuple[str, ...] = ("tea",)) -> Post:
    made = convert.inbound(said, channel, HOME, {"UANN": ANN, "UBEN": BEN}, belongs)
    assert made is not None
    return made


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("raw", "plain"),
    [
        ("5 &lt; 6 &amp;&amp; &lt;b&gt;", "5 < 6 && <b>"),
        ("twice escaped: &amp;lt;", "twice escaped: &lt;"),
        ("hello <@UBEN>", "hello @Ben"),
        ("hello <@UXYZ|cara> and <@UQQQ>", "hello @cara and @UQQQ"),
        ("see <#C9|general>", "see #general"),
        ("<!channel> <!here> <!subteam^S1|@nurses>", "@channel @here @nurses"),
        ("on <!date^1700000000^{date}|14 November>", "on 14 November"),
        ("<https://tea.example/a?b=1&amp;c=2>", "https://tea.example/a?b=1&c=2"),
        ("<https://tea.example|our shop>", "our shop"),
        ("<http://tea.example|tea.example>", "tea.example"),
        ("<https://evil.example|bank.example>", "https://evil.example"),
        ("<https://evil.example|https://bank.example/login>", "https://evil.example"),
        ("<mailto:ann@tea.example|ann@tea.example>", "ann@tea.example"),
        ("well :tada: done :+1::skin-tone-3:", "well 🎉 done 👍🏼"),
        ("our own :teapot_spin: and 10:30:15", "our own :teapot_spin: and 10:30:15"),
        ("*A3* is _very ~wrong~ right_", "A3 is very wrong right"),
        ("*see <https://tea.example/_a_*b*> now*", "see https://tea.example/_a_*b* now"),
        ("*_both_* _*ways*_ *not\nhere*", "both ways *not\nhere*"),
        ("2 * 3 * 4, snake_case_word, a*b*c, ~5", "2 * 3 * 4, snake_case_word, a*b*c, ~5"),
        ("the \u202eevil\u202c way", "the evil way"),
    ],
)
def test_mrkdwn_as_it_is_read(raw: str, plain: str) -> None:
    assert convert.text(raw, {"UBEN": "Ben"}).plain == plain


def test_spans_say_where_links_lead_and_who_is_meant() -> None:
    text = convert.text("<@UBEN>: <https://tea.example/x|the leaf> &amp; more", {"UBEN": "Ben"})
    assert text == Text(
        "@Ben: the leaf & more",
        (Span(0, 4, "mention", "Ben"), Span(6, 14, "link", "https://tea.example/x")),
    )


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_what_was_escaped_is_read_as_it_was_meant(words: str) -> None:
    plain = "".join(c for c in words if c not in "*_~:")  # these mean something when they are typed
    assert convert.text(escaped(plain), {}).plain == tame(plain)


@pytest.mark.parametrize("unit", ["*a", "*a ", "_~*x", "<a|", "*<b> ", ":a", "#a"])
def test_no_text_takes_long(unit: str) -> None:
    before = time.perf_counter()
    post(message(unit * (40_000 // len(unit))))
    assert time.perf_counter() - before < 1.0, "Slack's longest text"


# ---------------------------------------------------------------- posts


def test_a_message_of_the_chat_belongs_without_the_tag() -> None:
    made = post(message("A1 we meet in #Person and <#C9|general>"))
    assert made.tags == ("tea", "person"), "the name of a channel is no hashtag"
    assert made.ref == Ref("slack", f"CCHAT/{TS}")
    assert made.uri == f"slack:T1/CCHAT/{TS}"
    assert (made.at, made.seen, made.edited, made.version) == (1_700_000_000_000_100,) * 2 + (0, TS)
    assert (made.reach, made.reply_to, made.root) == ("room", None, None)
    assert made.url == "https://teashop.slack.example/archives/CCHAT/p1700000000000100"


def test_another_apps_bot_belongs_only_by_the_tag() -> None:
    bot = Author("slack:T1/URSS", "@feeds", "Feeds", bot=True)
    made = convert.inbound(message("news", user="URSS"), "CCHAT", HOME, {"URSS": bot}, ("tea",))
    assert made is not None
    assert made.tags == ()


def test_a_reply_names_its_thread() -> None:
    made = post(message(thread_ts="1700000000.000050", parent_user_id="UBOT"))
    parent = Ref("slack", "CCHAT/1700000000.000050")
    assert (made.reply_to, made.root) == (parent, parent)
    assert made.url is not None
    assert made.url.endswith("?thread_ts=1700000000.000050&cid=CCHAT")
    assert post(message(thread_ts=TS, reply_count=2)).reply_to is None, "it heads its thread"


def test_a_direct_message_is_to_us() -> None:
    made = post(message("stop"), channel="D1")
    assert (made.reach, made.mentions, made.tags) == ("direct", ("slack:T1/UBOT",), ())


def test_mentions_name_accounts() -> None:
    made = post(message("<@UBOT> hello <@UBEN> <@UBEN|ben>"))
    assert made.mentions == ("slack:T1/UBOT", "slack:T1/UBEN")


def test_a_linked_message_is_quoted() -> None:
    said = "this: <https://teashop.slack.example/archives/CCHAT/p1700000000000050> <https://tea.example>"
    assert post(message(said)).quotes == (Ref("slack", "CCHAT/1700000000.000050"),)


def test_an_edit_has_its_time() -> None:
    made = post(message(edited={"user": "UANN", "ts": "1700000060.000000"}))
    assert (made.edited, made.version) == (1_700_000_060_000_000, "1700000060.000000")


def test_files_travel_by_the_page_of_their_message_with_their_description() -> None:
    file = {
        "mimetype": "image/png",
        "title": "IMG_1.png",
        "alt_txt": "A full pot",
        "permalink": "https://teashop.slack.example/files/UANN/F1/IMG_1.png",
        "url_private": "https://files.slack.example/F1",
    }
    files = [file, {"id": "F2", "mode": "tombstone"}, file | {"alt_txt": ""}]
    made = post(message(subtype="file_share", files=files))
    assert [(m.url, m.kind, m.alt) for m in made.media] == [
        (made.url, "file", "A full pot"),
        (made.url, "file", ""),
    ]
    assert made.url is not None
    assert "files" not in made.url, "neither the private address nor one that names the author"


@pytest.mark.parametrize(
    "said",
    [
        message(bot_id="BBOT"),
        message(user="UBOT"),
        message(app_id="ABOT"),
        message(metadata=convert.metadata(7), app_id="AOTHER"),
        message(subtype="bot_message", bot_id="B9", user=None),
        message(subtype="channel_join"),
        message(subtype="channel_topic"),
    ],
)
def test_what_no_person_wrote_is_no_post(said: dict[str, Any]) -> None:
    assert convert.inbound(said, "CCHAT", HOME, {"UANN": ANN, "UBOT": ANN}, ("tea",)) is None


def test_nothing_in_the_hosts_room_is_a_post() -> None:
    assert convert.inbound(message("A1"), "CHOSTS", HOME, {"UANN": ANN}, ("tea",)) is None


def test_an_order_is_known_by_its_stamp() -> None:
    assert convert.stamp({"metadata": convert.metadata(1_700_000_000_000_001)}) == 1_700_000_000_000_001
    for metadata in (
        None,
        {},
        {"event_type": "other", "event_payload": {"stamp": "1"}},
        {"event_type": convert.ORDER},
    ):
        assert convert.stamp({"metadata": metadata}) is None


# ---------------------------------------------------------------- events


def test_changes_and_removals() -> None:
    changed = {"type": "message", "subtype": "message_changed", "channel": "CCHAT", "ts": "1700000009.000000"}
    now, before = message("now"), message("before")
    told = convert.news({**changed, "message": now, "previous_message": before})
    assert told == ("changed", "CCHAT", TS, now)
    stump = {"type": "message", "subtype": "tombstone", "ts": TS, "user": "USLACKBOT"}
    gone = convert.news({**changed, "message": stump, "previous_message": before})
    assert gone == ("gone", "CCHAT", TS, before)
    deleted = {**changed, "subtype": "message_deleted", "deleted_ts": TS, "previous_message": before}
    assert convert.news(deleted) == ("gone", "CCHAT", TS, before)
    assert convert.news({"type": "reaction_added"}) is None


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"type": "message"},
        {"type": "message", "channel": 7, "ts": TS},
        {"type": "message", "channel": "CCHAT", "ts": "yesterday"},
        {"type": "message", "channel": "CCHAT", "subtype": "message_changed", "message": "x"},
        {"type": "message", "channel": "CCHAT", "subtype": "message_deleted", "ts": TS},
    ],
)
def test_unreadable_events_say_so(event: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        convert.news(event)


# ---------------------------------------------------------------- people


def test_an_author_goes_by_their_display_name() -> None:
    user = {
        "id": "UANN",
        "name": "ann",
        "real_name": "Ann Baker",
        "profile": {"display_name": "Ann (she/her)", "image_72": "https://pictures.example/72"},
    }
    assert convert.author(user, HOME) == Author(
        account="slack:T1/UANN",
        handle="@ann",
        name="Ann (she/her)",
        url="https://teashop.slack.example/team/UANN",
        avatar="https://pictures.example/72",
    )
    assert convert.author({"id": "UGONE"}, HOME).name == ""


@pytest.mark.parametrize(
    ("profile", "nobridge", "nobot"),
    [
        ({"status_text": "away #NoBridge"}, True, False),
        ({"title": "Nurse, #nobot please"}, False, True),
        ({"title": "Builds #nobridges"}, False, False),
        ({}, False, False),
    ],
)
def test_wishes_stand_in_status_and_title(profile: dict[str, str], nobridge: bool, nobot: bool) -> None:
    wishes = convert.wishes({"id": "U1", "profile": profile})
    assert (wishes.nobridge, wishes.nobot) == (nobridge, nobot)


def test_links_in_a_profile_are_told() -> None:
    profile = {"title": "Nurse. https://mastodon.example/@ann"}
    assert convert.wishes({"profile": profile}).links == ("https://mastodon.example/@ann",)
