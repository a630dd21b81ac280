"""What people write in Slack, as the bridge reads it."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.slack import convert, mrkdwn
from adapters.slack.convert import Home
from adapters.slack.rich import escaped
from bridge.model import Author, Post, Ref, Span, Text
from bridge.text import tame, tamed

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
    assert tamed(mrkdwn.text(raw, {"UBEN": "Ben"})).plain == plain


def test_spans_say_where_links_lead_and_who_is_meant() -> None:
    text = mrkdwn.text("<@UBEN>: <https://tea.example/x|the leaf> &amp; more", {"UBEN": "Ben"})
    assert text == Text(
        "@Ben: the leaf & more",
        (Span(0, 4, "mention", "Ben"), Span(6, 14, "link", "https://tea.example/x")),
    )


@given(st.text(st.characters(codec="utf-8"), max_size=80))
def test_what_was_escaped_is_read_as_it_was_meant(words: str) -> None:
    plain = "".join(c for c in words if c not in "*_~:")  # these mean something when they are typed
    assert tamed(mrkdwn.text(escaped(plain), {})).plain == tame(plain)


@pytest.mark.parametrize("unit", ["*a", "*a ", "_~*x", "<a|", "*<b> ", ":a", "#a"])
def test_no_text_takes_long(unit: str) -> None:
    before = time.perf_counter()
    post(message(unit * (40_000 // len(unit))))
    assert time.perf_counter() - before < 1.0, "Slack's longest text"


# ---------------------------------------------------------------- what the editor composed

# As Slack's editor sends it: `text` is made of the blocks (documentation, Rich text block).


def section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def said(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": text} | ({"style": style} if style else {})


def listed(style: str, *lines: str, **more: Any) -> dict[str, Any]:
    elements = [section(said(line)) for line in lines]
    return {"type": "rich_text_list", "style": style, "indent": 0, "border": 0, "elements": elements} | more


def rich(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "rich_text", "block_id": "Xy1", "elements": list(parts)}]


def words(text: str, *parts: dict[str, Any]) -> str:
    return post(message(text, blocks=rich(*parts))).text.plain


def test_lists_are_read_from_the_blocks() -> None:
    parts = (
        section(said("A2 three things\n")),
        listed("ordered", "time", "trust"),
        listed("bullet", "in person", "and *online*", indent=1),
        listed("ordered", "tea", offset=2),
        section(said("\nThat is all")),
    )
    assert words("A2 three things\n1. time\n2. trust\n    • in person …", *parts) == (
        "A2 three things\n1. time\n2. trust\n  • in person\n  • and *online*\n3. tea\n\nThat is all"
    )


def test_quotes_and_code_keep_what_stands_in_them() -> None:
    quote = {
        "type": "rich_text_quote",
        "elements": [said("Who pours?\nAnd "), {"type": "user", "user_id": "UBEN"}],
    }
    code = {"type": "rich_text_preformatted", "elements": [said("if *a* < _b_:\n    pour()")], "border": 0}
    inline = section(said("try "), said("*args", code=True), said(" & go", bold=True))
    assert words("&gt; Who pours? …", quote, code, inline) == (
        "> Who pours?\n> And @Ben\nif *a* < _b_:\n    pour()\ntry *args & go"
    )


def test_emoji_are_known_by_their_code_points() -> None:
    parts = [
        {"type": "emoji", "name": "flag-wales", "unicode": "1f3f4-e0067-e0062-e0077-e006c-e0073-e007f"},
        said(" "),
        {"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fd", "skin_tone": 4},
        said(" "),
        {"type": "emoji", "name": "tada"},
        said(" "),
        {"type": "emoji", "name": "teapot_spin"},
    ]
    text = ":flag-wales: :wave::skin-tone-4: :tada: :teapot_spin:"
    assert (
        words(text, section(*parts))
        == "🏴\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f 👋🏽 🎉 :teapot_spin:"
    )


def test_what_blocks_name_by_id_alone_the_text_names() -> None:
    parts = section(
        {"type": "usergroup", "usergroup_id": "S1"},
        said(" see "),
        {"type": "channel", "channel_id": "C9"},
        said(" "),
        {"type": "broadcast", "range": "here"},
        said(" by "),
        {"type": "date", "timestamp": 1700000000, "format": "{date}", "fallback": "14 November"},
        said(" or "),
        {"type": "usergroup", "usergroup_id": "S2"},
    )
    text = "<!subteam^S1|@nurses> see <#C9|general> <!here> by <!date^1700000000^{date}|14 November> or <!subteam^S2>"
    assert words(text, parts) == "@nurses see #general @here by 14 November or @group"


def test_links_in_blocks_are_as_honest_as_in_the_text() -> None:
    made = post(
        message(
            "*bold* <https://tea.example|our shop> <https://evil.example|bank.example>",
            blocks=rich(
                section(
                    said("bold", bold=True),
                    said(" "),
                    {"type": "link", "url": "https://tea.example", "text": "our shop"},
                    said(" "),
                    {"type": "link", "url": "https://evil.example", "text": "bank.example"},
                )
            ),
        )
    )
    assert made.text.plain == "bold our shop https://evil.example"
    assert [(s.kind, s.value) for s in made.text.spans] == [
        ("link", "https://tea.example"),
        ("link", "https://evil.example"),
    ]


def test_without_a_text_the_blocks_are_all_there_is() -> None:
    made = post(
        message("", blocks=rich(section(said("A1 we meet #Tea "), {"type": "user", "user_id": "UBEN"})))
    )
    assert made.text.plain == "A1 we meet #Tea @Ben"
    assert made.tags == ("tea",)
    assert made.mentions == ("slack:T1/UBEN",)
    assert post(message(None)).text.plain == ""  # type: ignore[arg-type]  # a message of files alone


def test_plain_words_are_what_the_text_says() -> None:
    """Then both say the same, and the text also names whom we have not met."""
    parts = section(said("hello "), {"type": "user", "user_id": "UXYZ"})
    assert words("hello <@UXYZ|cara>", parts) == "hello @cara"


@pytest.mark.parametrize(
    "blocks",
    [
        rich(section(said("a"), {"type": "hologram", "id": "H1"})),
        rich({"type": "rich_text_table", "elements": []}),
        rich(section(said("a"), {"type": "emoji", "unicode": "tada", "name": "x"})),
        [{"type": "section", "text": {"type": "mrkdwn", "text": "an app's"}}],
        [{"type": "rich_text"}],
        "nonsense",
    ],
)
def test_what_is_newer_than_we_are_is_read_from_the_text(blocks: Any) -> None:
    assert post(message("*what* it says", blocks=blocks)).text.plain == "what it says"


def test_no_composed_text_takes_long() -> None:
    before = time.perf_counter()
    lines = [listed("bullet", *["> *x*"] * 500, indent=8)] * 20
    post(
        message(
            "x" * 40_000, blocks=rich(*lines, {"type": "rich_text_quote", "elements": [said("\n" * 9_000)]})
        )
    )
    assert time.perf_counter() - before < 1.0


# ---------------------------------------------------------------- posts


def test_a_message_of_the_chat_belongs_without_the_tag() -> None:
    made = post(message("A1 we meet in #Person and <#C9|general>"))
    assert made.tags == ("tea", "person"), "the name of a channel is no hashtag"
    assert made.ref == Ref("slack", f"CCHAT/{TS}")
    assert made.uri == f"slack:T1/CCHAT/{TS}"
    assert (made.at, made.seen, made.edited, made.version) == (1_700_000_000_000_100,) * 2 + (0, TS)
    assert (made.reach, made.reply_to, made.root) == ("room", None, None)
    assert made.url == "https://teashop.slack.example/archives/CCHAT/p1700000000000100"


def test_who_types_the_tag_says_which_of_the_chats_they_mean() -> None:
    assert post(message("A1 we meet"), belongs=("tea", "coffee")).tags == ("tea", "coffee")
    assert post(message("A1 we meet #Coffee"), belongs=("tea", "coffee")).tags == ("coffee",)


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


def test_a_reply_shown_in_the_channel_too_is_a_reply() -> None:
    """Slack sends it once as thread_broadcast (documentation, message event)."""
    said = message(
        subtype="thread_broadcast", thread_ts="1700000000.000050", root={"ts": "1700000000.000050"}
    )
    assert post(said).reply_to == Ref("slack", "CCHAT/1700000000.000050")


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
    ("kind", "bot"),
    [
        ({}, False),
        ({"is_restricted": True}, False),
        ({"is_restricted": True, "is_ultra_restricted": True}, False),
        ({"is_stranger": True}, False),
        ({"is_bot": True}, True),
        ({"is_workflow_bot": True, "is_bot": True}, True),
        ({"id": "USLACKBOT", "is_bot": False}, True),
    ],
)
def test_guests_are_people_and_bots_are_not(kind: dict[str, Any], bot: bool) -> None:
    assert convert.author({"id": "U1", "name": "someone"} | kind, HOME).bot is bot


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
