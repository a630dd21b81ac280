"""Questions in the hosts' words: asked, planned, edited, made of what a participant asked, and shown before."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from bridge.chat.erasing import redact
from bridge.chat.session import Session
from bridge.chat.state import Configured, Recorded
from bridge.delivery import Row, kept
from bridge.model import MINUTE, Edited, Form, Post, Publish, Text, Words, Written
from bridge.settings import Question
from tests.unit.make import STARTS, Hour, at, chat, community, person, post

OURS = "our:mastodon"


def form(hour: Hour, verb: str, **more: Any) -> Form:
    answered = hour.reply(verb, forms=True, **more)
    assert isinstance(answered, Form), answered
    return answered


def shown(hour: Hour, given: Form, typed: str, choice: str = "") -> Form:
    """Somebody types and presses "Show as posted"."""
    (button,) = given.buttons
    assert (button.verb, button.label) == ("preview", "Show as posted")
    return form(hour, button.verb, text=typed, item=button.item, chat=button.chat, choice=choice)


def submit(hour: Hour, given: Form, typed: str, choice: str = "") -> str:
    return hour.command(given.verb, typed, item=given.item, chat=given.chat, choice=choice)


def question(hour: Hour, no: int) -> str:
    return next(i.text for i in hour.sheet.questions() if i.number == no)


# ---------------------------------------------------------------- forms


def test_without_words_there_is_a_form_and_what_is_handed_in_is_asked() -> None:
    hour = at(6)
    asked = form(hour, "ask")
    assert asked.words == "It goes out at once as Q4, on Mastodon, Bluesky and Slack."
    assert submit(hour, asked, "And you?") == "Done: the question goes out as Q4."
    assert hour.went_out["slack"][-1] == "q4"
    assert form(hour, "say").verb == "say"
    extend = form(hour, "extend")
    assert [choice.value for choice in extend.choices] == ["5", "10", "15"]
    assert submit(hour, extend, "", "10") == "Done: everything still to come moves by 10 minutes."
    assert hour.sheet.ends == STARTS + 70 * MINUTE


@pytest.mark.parametrize("verb", ["ask", "say", "extend", "edit", "plan"])
def test_where_there_are_no_forms_the_usage_is_told(verb: str) -> None:
    hour = at(6)
    assert hour.command(verb).startswith(f"Say it in one line: {verb} ")


def test_as_posted_shows_each_network_with_its_count_and_keeps_what_was_typed() -> None:
    hour = at(6)
    again = shown(hour, form(hour, "ask"), " And you? ")
    assert again.words == (
        "Mastodon, 21 of 500; Bluesky, 21 of 300; Slack, 21 of 3000: Q4 And you? #WardChat"
    )
    assert again.field is not None
    assert again.field.text == " And you? "
    assert shown(hour, again, "").words == "There are no words yet."
    assert [i.number for i in hour.sheet.questions()] == [1, 2, 3], "nothing was asked"
    assert submit(hour, again, "And you?").startswith("Done")


def test_as_posted_shows_a_thread_as_its_posts() -> None:
    hour = at(6)
    words = shown(hour, form(hour, "plan"), "What has your team changed about handovers? " * 10).words
    bluesky = next(part for part in words.split("\n\n") if part.startswith("Bluesky"))
    assert bluesky.startswith("Bluesky, 2 posts, the longest ")
    assert " of 300:\nQ4 What has" in bluesky
    assert "1/2\n\n" in words
    assert "longer than 2000" in shown(hour, form(hour, "ask"), "x" * 2001).words


# ---------------------------------------------------------------- plan and edit


def test_a_planned_question_comes_between_the_last_one_and_the_end() -> None:
    hour = at(6)
    assert hour.command("plan", "One more?") == "Done: Q4 is planned for 20:42 London time."
    assert hour.command("plan", "And another?") == "Done: Q5 is planned for 20:51 London time."
    hour.until(60)
    assert hour.went_out["slack"][-5:] == ["q3", "q4", "q5", "recap", "closing"]
    assert hour.command("plan", "Too late?") == "The chat is already closed."


def test_planning_after_the_end_means_now() -> None:
    hour = at(59)
    hour.command("hold")
    hour.until(70)
    hour.command("plan", "Still there?")
    assert hour.sheet.get("q4").due == hour.now  # type: ignore[union-attr]  # it was just planned


PICTURED = Question(
    STARTS + 15 * MINUTE,
    "What helps?",
    image="/srv/q1.png",
    digest="ab12",
    alt="A tidy ward",
    warning="hospital",
    translations=(("cy", "Beth sy'n helpu?"),),
)


def orders(hour: Hour, item: str, network: str) -> list[Words]:
    ops = [o.op for o in hour.orders if (o.item, o.network, o.lane) == (item, network, "sheet")]
    return [op.content for op in ops if isinstance(op, Publish) and isinstance(op.content, Words)]


def test_an_edited_question_keeps_picture_and_warning_and_loses_its_translations() -> None:
    hour = Hour(community(chat(questions=(PICTURED,))))
    hour.until(6)
    given = form(hour, "edit", item="q1")
    assert given.field is not None
    assert given.field.text == "What helps?"
    assert "[content warning: hospital] [with its picture]" in shown(hour, given, "What helps most?").words
    assert question(hour, 1) == "What helps?"
    assert submit(hour, given, "What helps most?") == "Done: Q1 is worded anew."
    hour.until(16)
    (words,) = orders(hour, "q1", "mastodon")
    assert (words.text.plain, words.warning) == ("Q1 What helps most? #WardChat", "hospital")
    assert [m.alt for m in words.media] == ["A tidy ward"]
    assert hour.session.view("handovers", "page", hour.now).questions[0].alt == "A tidy ward"


def test_the_configs_own_words_bring_its_translations_back() -> None:
    hour = Hour(community(chat(questions=(PICTURED,))))
    hour.command("edit", "Q1 What helps most?")
    hour.command("edit", "Q1 What helps?")
    hour.until(16)
    assert len(orders(hour, "q1", "mastodon")) == 2


def test_only_a_question_that_stands_nowhere_is_edited() -> None:
    hour = at(6)
    assert hour.command("edit", "Q1 What?") == (
        "Q1 is already posted; nothing was done. To put it right, say so: say …"
    )
    assert "only questions" in hour.command("edit", "closing Bye!")
    assert hour.command("edit", "Q9 What?").startswith("There is no item 'Q9'")
    hour.refusing.update(dict.fromkeys(("mastodon", "bluesky", "slack"), "too rude"))
    hour.until(16)
    assert hour.command("edit", "q2 Which would help?") == "Done: Q2 is worded anew."
    hour.refusing.clear()
    assert hour.command("post", "Q2").startswith("Done")
    assert "Q2 Which would help? #WardChat" in hour.texts("bluesky")


def test_which_question_is_asked_where_none_is_named() -> None:
    hour = at(6)
    given = form(hour, "edit")
    assert [(c.value, c.label[:7]) for c in given.choices] == [("q2", "Q2 What"), ("q3", "Q3 What")]
    again = shown(hour, given, "Better?", "q3")
    assert again.title == "Edit Q3"
    assert "Q3 Better?" in again.words
    assert submit(hour, again, "Better?", "q3") == "Done: Q3 is worded anew."
    assert submit(hour, given, "Best?", "q2") == "Done: Q2 is worded anew."
    hour.until(40)
    assert hour.command("edit", forms=True) == "Every question has gone out. Ask a new one: ask …"


def test_what_hosts_worded_and_planned_outlives_a_changed_config() -> None:
    hour = at(6)
    hour.command("edit", "Q2 In other words?")
    hour.command("edit", "Q3 In yet other words?")
    hour.command("plan", "One more?")
    asked = chat().questions
    changed = (*asked[:2], msgspec.structs.replace(asked[2], text="The config's new Q3?"))
    hour.event(Configured(community(chat(title="Even safer", questions=changed))))
    assert [i.text for i in hour.sheet.questions()][1:] == [
        "In other words?",
        "The config's new Q3?",
        "One more?",
    ]
    hour.event(Configured(community(chat(4))))
    assert [(i.label, i.text[:8]) for i in hour.sheet.questions()][3:] == [
        ("Q4", "What did"),
        ("Q5", "One more"),
    ]
    hour.until(61)
    assert [i for i in hour.went_out["slack"] if i[0] in "qc"] == ["q1", "q2", "q3", "q4", "q5", "closing"]


def test_a_planned_question_moves_with_a_chat_that_moves() -> None:
    hour = at(-50)
    hour.command("plan", "One more?")
    due = next(i.due for i in hour.sheet.items if i.id == "q4")
    later = 24 * 60 * MINUTE
    asked = tuple(msgspec.structs.replace(q, due=q.due + later) for q in chat().questions)
    moved = chat(starts=STARTS + later, ends=STARTS + later + 60 * MINUTE, late_until=STARTS + 2 * later)
    hour.event(Configured(community(msgspec.structs.replace(moved, questions=asked))))
    assert next(i.due for i in hour.sheet.items if i.id == "q4") == due + later


# ---------------------------------------------------------------- promote

UNNAMED = (
    "It does not name who asked it any more. On Bluesky it stands as it was, since posts cannot be edited there: "
    "delete it there if you have to."
)


def asks(hour: Hour, words: str = "Q: What about nights? #WardChat", **more: Any) -> Post:
    asked = post(more.pop("id_", "90"), words, at=hour.now, **more)
    hour.write(asked)
    return asked


def test_a_participants_question_goes_out_in_a_hosts_words() -> None:
    hour = at(6)
    asks(hour)
    assert hour.command("promote", "1 How do nights differ?") == "Done: entry 1 is asked as Q4."
    assert "Q4 How do nights differ? #WardChat" in hour.texts("mastodon")
    assert hour.session.board("handovers", hour.now).asked == ()
    assert "entry 1 is asked as Q4" in hour.session.board("handovers", hour.now).log[-1]
    assert hour.command("promote", "1 Twice?") == "Entry 1 is already Q4; nothing was done."
    assert [i.number for i in hour.sheet.questions()] == [1, 2, 3, 4]


def test_who_asked_on_a_public_network_is_named_on_a_hosts_word_alone() -> None:
    hour = at(6)
    asks(hour, by=person("ann", name="Ann #MeToo <@U1> https://evil.example {page} @wren 🩺"))
    given = form(hour, "promote", item="1")
    assert given.field is not None
    assert given.field.text == "What about nights? #WardChat"
    assert given.card is not None
    assert given.chosen == "no"
    name = "Ann MeToo U1 https evil.example page wren"
    assert [(c.value, c.label) for c in given.choices] == [
        ("no", "Not named"),
        ("name", f"Asked by {name} (if they agreed)"),
    ]
    assert "Asked by" not in shown(hour, given, "How do nights differ?", "no").words
    again = shown(hour, given, "How do nights differ?", "name")
    assert again.chosen == "name"
    assert f"How do nights differ?\nAsked by {name}." in again.words
    submit(hour, again, "How do nights differ?", "name")
    (words,) = orders(hour, "q4", "mastodon")
    assert words.text.plain == f"Q4 How do nights differ?\nAsked by {name}. #WardChat"
    assert [s.kind for s in words.text.spans] == ["tag"]


@pytest.mark.parametrize(
    ("consent", "choices", "named"),
    [
        ("", ["no"], ""),
        ("no", ["no"], ""),
        ("first", ["no", "first"], "\nAsked by Ann."),
        ("name", ["no", "name"], "\nAsked by Ann Lee."),
    ],
)
def test_who_asked_in_a_room_is_named_as_they_consented(consent: str, choices: list[str], named: str) -> None:
    hour = at(6)
    asked = asks(hour, "Q: What about nights?", by=person("ann", "slack", name="Ann Lee"), network="slack")
    if consent:
        hour.command("consent", consent, by=asked.author.account)
    given = form(hour, "promote", at=asked.ref)
    assert [c.value for c in given.choices] == choices
    assert given.chosen == choices[-1]
    submit(hour, given, "Nights?", "name" if consent in ("", "no") else given.chosen)
    assert question(hour, 4) == f"Nights?{named}"
    assert submit(hour, given, "Nights?", "first").endswith("nothing was done.")


def test_words_that_stay_where_they_are_are_neither_shown_nor_credited() -> None:
    hour = at(6)
    asked = asks(hour, "Q: a secret? #WardChat #nobridge")
    given = form(hour, "promote", item="1")
    assert given.card is not None
    assert given.card.withheld == "1 answer stays on Mastodon"
    assert given.field is not None
    assert given.field.text == ""
    assert [c.value for c in given.choices] == ["no"]
    submit(hour, given, "What then?", "name")
    assert question(hour, 4) == "What then?"
    assert asked.text.plain not in repr(given)


def test_who_wants_to_be_forgotten_is_named_no_more() -> None:
    hour = at(6)
    ann = person("ann", name="Ann Lee")
    asks(hour, by=ann)
    submit(hour, form(hour, "promote", item="1"), "Nights?", "name")
    assert [o.whose for o in hour.orders if o.item == "q4"] == [ann.handle] * 3
    hour.write(post("91", "@ours forget me", by=ann, mentions=(OURS,), reach="direct", at=hour.now))
    assert question(hour, 4) == "Nights?"
    assert "Ann Lee" not in repr(hour.session.state.chats)
    (notice,) = hour.notices()
    assert notice.text == (
        "Q4 was made of entry 1, whose words are gone for good. It still stands everywhere as a host worded it: take "
        f"away by hand what should not stay. {UNNAMED}"
    )
    assert [network for network in hour.standing if "Ann Lee" in repr(hour.texts(network))] == ["bluesky"]
    assert "Ann" not in repr(hour.session.board("handovers", hour.now))
    again = Session()
    for recorded in hour.events:
        event = redact(hour.session.state, ann.account, recorded.event)
        again.decide(Recorded(recorded.seq, recorded.at, event))
    assert again.digest() == hour.session.digest()


@pytest.mark.parametrize("how", ["stop", "profile", "removed", "block"])
def test_who_is_not_to_be_named_any_more_is_not(how: str) -> None:
    hour = at(6)
    ann = person("ann", name="Ann Lee")
    asked = asks(hour, by=ann)
    submit(hour, form(hour, "promote", item="1"), "Nights?", "name")
    match how:
        case "stop":
            hour.write(post("91", "@ours stop", by=ann, mentions=(OURS,), reach="direct", at=hour.now))
        case "profile":
            hour.wishes(ann.account, nobridge=True)
        case "removed":
            hour.remove(asked)
        case _:
            hour.command("block", "1")
    assert question(hour, 4) == "Nights?"
    assert "Ann Lee" not in repr(hour.session.view("handovers", "page", hour.now))
    (notice,) = hour.notices()
    assert notice.text == f"Q4 {UNNAMED.removeprefix('It ')}"
    hour.write(post("92", "A4: I do #WardChat", by="midwife", at=hour.now))
    assert len(hour.notices()) == 1, "told once"


def test_somebody_in_a_room_who_agreed_can_think_better_of_it() -> None:
    hour = at(6)
    asked = asks(hour, network="slack")
    hour.command("consent", "name", by=asked.author.account)
    submit(hour, form(hour, "promote", item="1"), "Nights?", "name")
    assert "Asked by" in question(hour, 4)
    hour.command("consent", "no", by=asked.author.account)
    assert question(hour, 4) == "Nights?"


@pytest.mark.parametrize("how", ["named", "not named"])
def test_the_hosts_are_told_that_a_question_outlasts_what_was_erased(how: str) -> None:
    hour = at(6)
    asks(hour)
    submit(hour, form(hour, "promote", item="1"), "Nights?", "name" if how == "named" else "no")
    hour.command("erase", "1")
    (notice,) = hour.notices()
    named = f" {UNNAMED}" if how == "named" else ""
    assert notice.text == (
        "Q4 was made of entry 1, whose words are gone for good. It still stands everywhere as a host worded it: take "
        f"away by hand what should not stay.{named}"
    )
    assert question(hour, 4) == "Nights?"


@pytest.mark.parametrize(
    ("verb", "why"),
    [
        ("hide", "Entry 1 is not shown; show it first: show 1."),
        ("block", "Who wrote entry 1 is blocked; unblock"),
    ],
)
def test_what_hosts_took_off_is_made_no_question(verb: str, why: str) -> None:
    hour = at(6)
    asks(hour)
    given = form(hour, "promote", item="1")
    hour.command(verb, "1")
    assert submit(hour, given, "Nights?", "name").startswith(why)
    assert hour.command("preview", "Nights?", item="promote 1").startswith(why)
    assert hour.sheet.get("q4") is None


def test_a_name_does_not_stay_in_the_journals_orders() -> None:
    hour = at(6)
    asks(hour, by=person("ann", name="Ann Lee"))
    submit(hour, form(hour, "promote", item="1"), "Nights?", "name")
    (order,) = [o for o in hour.orders if (o.item, o.network) == ("q4", "bluesky")]
    assert "Ann Lee" in repr(order)
    assert "Ann Lee" not in repr(kept(Row(order, "sent")))
    (other,) = [o for o in hour.orders if (o.item, o.network) == ("q1", "bluesky")]
    assert kept(Row(other, "sent")) == other


def test_promoting_is_asking_and_has_its_time() -> None:
    hour = at(6)
    asks(hour)
    assert hour.command("promote", "1") == "Say it in one line: promote 42 What helps newcomers?"
    assert hour.command("promote", "77 What?").startswith("There is no entry 77")
    hour.until(61)
    assert hour.command("promote", "1 What?") == "The chat is already closed."


def test_edits_and_repetitions_of_the_author_change_no_question() -> None:
    hour = at(6)
    asked = asks(hour)
    hour.command("promote", "1 How do nights differ?")
    hour.arrive(
        Edited(msgspec.structs.replace(asked, text=Text("Q: And days? #WardChat"), edited=hour.now + 1))
    )
    hour.arrive(Written(asked))
    assert question(hour, 4) == "How do nights differ?"


@pytest.mark.parametrize("typed", ["edit", "edit Q2", "edit Q9 new words", "promote", "ask", "plan x"])
def test_a_preview_that_is_typed_like_a_forms_is_answered(typed: str) -> None:
    """Nothing a host types may make the core fail."""
    hour = Hour()
    hour.until(6)
    assert hour.command("preview", typed)
