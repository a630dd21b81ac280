"""Forms on a phone: modals that Slack takes, in which nothing anybody wrote is parsed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.slack import forms
from adapters.slack.controls import Control, TooLong
from adapters.slack.ids import Where
from bridge.model import Button, Card, Choice, Field, Form, Media, Notice, Text
from simulator.clock import Clock
from simulator.slack.tickets import Triggers
from simulator.slack.views import Views
from tests.adapters import phone

EVIL = "<!channel> <@U1> *bold* _it_ `code` :tada: <https://evil.example|bank.example>"
CARD = Card(
    42,
    "A3 · 42",
    "Nurse 07",
    "@nurse-07@tea.example",
    ("Mastodon",),
    Text("We meet on Tuesdays."),
    0,
    url="https://tea.example/@nurse-07/1",
)
QUESTIONS = tuple(Choice(f"q{n}", f"Q{n}: What is tea number {n}?") for n in range(1, 4))


def opened(view: dict[str, Any]) -> dict[str, Any]:
    """The view as Slack, which takes it, gives it back."""
    clock = Clock()
    triggers = Triggers(clock)
    views = Views(clock, triggers, {"U1"}, lambda block: None)
    made: dict[str, Any] = views.open({"trigger_id": triggers.issue("U1"), "view": view})["view"]
    return made


def test_what_a_phone_shows_of_a_reply() -> None:
    form = Form(
        "Reply to Nurse 07",
        "reply",
        "tea",
        item="42",
        words="It goes out on Mastodon, signed ^LS.",
        card=CARD,
        field=Field("Your reply", text="Thank you!", hint="Signed with your initials.", most=480),
        buttons=(Button("Use the usual words", "reply", "tea", item="42", text="Welcome!"),),
    )
    view = opened(forms.modal(form, Where("U1", "C0HOSTS")))
    assert (
        phone.modal(view)
        == """\
== Reply to Nurse 07 ==
It goes out on Mastodon, signed ^LS.
A3 · 42 · Nurse 07 · @nurse-07@tea.example · Mastodon  <https://tea.example/@nurse-07/1|open>
We meet on Tuesdays.
Your reply: |Thank you!|
  (Signed with your initials.)
[Use the usual words]
(Cancel)  (Send)"""
    )
    assert view["callback_id"] == "chatbridge:reply"
    assert json.loads(view["private_metadata"]) == {"chat": "tea", "item": "42", "channel": "C0HOSTS"}
    (element,) = [b["element"] for b in view["blocks"] if b["type"] == "input"]
    assert (element["max_length"], element["multiline"]) == (480, True)
    assert view["state"]["values"] == {
        "words": {"words": {"type": "plain_text_input", "value": "Thank you!"}}
    }


def test_what_a_phone_shows_of_a_list() -> None:
    form = Form(
        "Move entry 42",
        "move",
        "tea",
        "42",
        choices=QUESTIONS,
        pick="To which question",
        chosen="q2",
        submit="Move",
    )
    view = opened(forms.modal(form))
    assert (
        phone.modal(view)
        == """\
== Move entry 42 ==
To which question: <Q1: What is tea number 1?, *Q2: What is tea number 2?, Q3: What is tea number 3?>
(Cancel)  (Move)"""
    )
    assert view["state"]["values"]["choice"]["choice"]["selected_option"]["value"] == "q2"


def test_a_form_that_only_has_buttons_has_nothing_to_send() -> None:
    buttons = (
        Button("Hide", "hide", "tea", "42"),
        Button("Erase", "erase", "tea", "42", confirm="For good?"),
    )
    view = opened(forms.modal(Form("Entry 42", "more", "tea", "42", card=CARD, buttons=buttons)))
    assert phone.modal(view).endswith("[Hide] [Erase (For good?)]\n(Close)")
    sure = opened(forms.modal(Form("End the chat?", "end", "tea", words="It closes now.", submit="End")))
    assert phone.modal(sure) == "== End the chat? ==\nIt closes now.\n(Cancel)  (End)"


def test_a_form_shown_anew_says_what_it_says_and_not_what_was_typed_before() -> None:
    """Slack keeps what was typed where a block is called the same."""
    clock = Clock()
    triggers = Triggers(clock)
    views = Views(clock, triggers, {"U1"}, lambda block: None)

    def form(text: str) -> Form:
        return Form("Reply", "reply", "tea", "42", field=Field("Your reply", text=text), choices=QUESTIONS)

    first = views.open({"trigger_id": triggers.issue("U1"), "view": forms.modal(form("one"))})["view"]
    seen = views.top("U1")
    assert seen is not None
    seen.enter("typed by a host", "q3")
    again = forms.modal(form("the usual words"), Where("U1", view=first["id"], hash=first["hash"]))
    then = views.update({"view_id": first["id"], "hash": first["hash"], "view": again})["view"]
    values = [value for block in then["state"]["values"].values() for value in block.items()]
    assert values == [
        ("words", {"type": "plain_text_input", "value": "the usual words"}),
        ("choice", {"type": "static_select", "selected_option": None}),
    ]


def test_words_in_a_forms_place() -> None:
    done = opened(forms.told("Done: entry 42 is hidden. See https://chat.example.org/tea"))
    assert (
        phone.modal(done)
        == """\
== Done ==
Done: entry 42 is hidden. See https://chat.example.org/tea
<https://chat.example.org/tea>
(Close)"""
    )
    notice = Notice("It is hidden. Tell its author?", (Button("A note…", "note", "tea", "42"),), CARD)
    told = phone.modal(opened(forms.told(notice)))
    assert told.startswith("== The chat ==\nIt is hidden. Tell its author?\nA3 · 42 · Nurse 07")
    assert told.endswith("[A note…]\n(Close)")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (Form("Reply", "reply", "tea", "42", field=Field("Words")), "/chat reply 42 YOUR WORDS"),
        (Form("Ask", "ask", "tea", field=Field("Words")), "/chat ask YOUR WORDS"),
        (
            Form("Move", "move", "tea", "42", choices=QUESTIONS),
            "/chat move 42 …. In place of … one of: q1, q2, q3.",
        ),
        (Form("Entry 42", "more", "tea", "42"), "/chat more 42"),
    ],
)
def test_a_form_that_cannot_be_opened_is_said_in_one_line(form: Form, said: str) -> None:
    words = forms.in_words(form)
    assert words.startswith("The form could not be opened: Slack allows only three seconds for it.")
    assert words.endswith(f"say it in one line: {said}")


def test_nothing_anybody_wrote_is_parsed() -> None:
    evil = Card(1, EVIL, EVIL, EVIL, (EVIL,), Text(EVIL), 0, url="https://x.example/a|b> <!channel>")
    form = Form(
        EVIL,
        "reply",
        "tea",
        words=EVIL,
        card=evil,
        field=Field(EVIL, EVIL, EVIL),
        choices=(Choice("x", EVIL),),
    )
    for view in (forms.modal(form), forms.told(Notice(EVIL, (), evil)), forms.told(EVIL)):
        opened(view)
        for parsed in _mrkdwn(view):
            assert parsed.count("<") == parsed.count(">") == 1
            assert parsed.startswith("<http")
        assert '"emoji": true' not in json.dumps(view)


def test_words_behind_a_warning_stay_behind_their_link() -> None:
    card = Card(42, "A3 · 42", "Nurse 07", "@n", ("Mastodon",), Text("It bled."), 0, warning="injury")
    view = forms.modal(Form("Reply", "reply", "tea", card=card, field=Field("Words")))
    assert "It bled." not in json.dumps(view)
    assert "Content warning: injury" in phone.modal(view)
    pictured = Card(
        42, "A3", "N", "@n", ("M",), Text(""), 0, media=(Media("https://x.example/p", alt="A pot"),)
    )
    assert "(image: A pot)" in phone.modal(forms.modal(Form("Reply", "reply", "tea", card=pictured)))


def test_what_names_too_much_is_refused() -> None:
    with pytest.raises(TooLong, match="fit Slack's 3,000"):
        forms.modal(Form("Reply", "reply", "t" * 3_000, field=Field("Words")))
    with pytest.raises(TooLong, match="fit Slack's 150"):
        forms.modal(Form("Move", "move", "tea", choices=(Choice("q" * 151, "Q1"),)))
    assert Control("tea", channel="C1") == Control(chat="tea", item=None, on=None, text="", channel="C1")


def test_of_a_list_without_end_the_chosen_line_is_kept() -> None:
    many = tuple(Choice(f"q{n}", f"Q{n}") for n in range(140))
    shown = phone.modal(opened(forms.modal(Form("Move", "move", "tea", choices=many, chosen="q139"))))
    assert "Q98, *Q139>\n  (40 more do not fit.)" in shown


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        Form,
        st.text(max_size=60),
        st.just("reply"),
        st.just("tea"),
        item=st.none() | st.text(max_size=40),
        words=st.text(max_size=400) | st.sampled_from(["line\n" * 4_000, "x" * 70_000, "\n" * 9_000]),
        card=st.none() | st.just(CARD),
        field=st.none()
        | st.builds(Field, st.text(max_size=30), st.text(max_size=5_000), st.text(max_size=3_000)),
        choices=st.lists(
            st.builds(Choice, st.text(min_size=1, max_size=150), st.text(max_size=120)), max_size=120
        ).map(lambda found: tuple({c.value: c for c in found}.values())),
        pick=st.text(max_size=30),
        submit=st.text(max_size=60),
        buttons=st.lists(
            st.builds(Button, st.text(min_size=1, max_size=90), st.just("hide"), st.just("tea")), max_size=40
        ).map(tuple),
    )
)
def test_whatever_the_form_is_slack_takes_it(form: Form) -> None:
    opened(forms.modal(form))


def _mrkdwn(thing: Any) -> list[str]:
    if isinstance(thing, list):
        return [found for item in thing for found in _mrkdwn(item)]
    if isinstance(thing, dict):
        own = [thing["text"]] if thing.get("type") == "mrkdwn" else []
        return own + _mrkdwn(list(thing.values()))
    return []
