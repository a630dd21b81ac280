"""What people answer when they are asked alone, in a room that is kept in memory."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from simulator.consents import AGAIN, LAST, TIMES, Consents
from simulator.ledger import Truth
from tests.unit.paper import HOURS, SECOND, STARTS, Hour


class Asked(Hour):
    """Everybody in Slack has written and been asked. `hears`: whether presses are answered."""

    def __init__(self, seed: int = 7, participants: int = 100) -> None:
        super().__init__(participants=participants, seed=seed)
        self.slack = self.stages["slack"]
        self.consents = Consents(self.stages, self.people.accounts, self.ledger, HOURS.late_until, seed)
        self.time = STARTS
        self.hears = True
        self._answered = 0
        for handle, person in self.slack.people.items():
            self.ledger.wrote(
                Truth("slack", handle, handle, "label", handle, True, "room", name=person.name), self.time
            )
            self.ask_alone(handle)

    def ask_alone(self, handle: str, ts: str = "1.0") -> None:
        for item in ("name", "first", "no"):
            value = {"chat": "c", "item": item}
            place = {"channel": "C1", "ts": ts, "user": handle, "told": 0}
            self.slack.controls.append({"action_id": "chatbridge:consent", "value": value, **place})

    def live_for(self, seconds: int) -> None:
        for _ in range(seconds // 2):
            self.time += 2 * SECOND
            self.consents.step(self.time)
            while self.hears and self._answered < len(self.slack.used):
                told, _, _ = self.slack.used[self._answered]
                self._answered += 1
                for control in self.slack.controls:
                    control["told"] += control["user"] == told

    def consent(self, handle: str) -> dict[str, Any]:
        return self.ledger._consent(self.ledger.truths["slack", handle])

    @property
    def pressed(self) -> list[tuple[str, str]]:
        return [(who, control["value"]["item"]) for who, control, _ in self.slack.used]


def test_half_let_their_name_stand_some_their_first_name_and_some_keep_or_ignore_it() -> None:
    final: Counter[str] = Counter()
    silent = people = minds_changed = 0
    for seed in range(8):
        hour = Asked(seed)
        hour.live_for(1200)
        assert hour.consents.finished
        assert hour.consents.next is None
        presses = Counter(who for who, _ in hour.pressed)
        for who in hour.slack.people.values():
            assert who.host <= (hour.consent(who.handle)["consent"] == "name"), "hosts are named anyway"
            if not who.host:
                people += 1
                final[hour.consent(who.handle)["consent"]] += 1
                silent += not presses[who.handle]
                minds_changed += presses[who.handle] > 1
    assert people > 60
    assert 0.35 < final["name"] / people < 0.65
    assert 0.05 < final["first"] / people < 0.4
    assert final[""] - silent > 0
    assert silent > 0
    assert minds_changed > 0


def test_the_same_seed_answers_the_same() -> None:
    told = []
    for _ in range(2):
        hour = Asked(3)
        hour.live_for(1200)
        told.append(hour.pressed)
    assert told[0] == told[1]


def test_nobody_answers_before_they_have_read_and_each_press_is_known_with_its_time() -> None:
    hour = Asked()
    hour.live_for(4)
    assert hour.pressed == []
    assert hour.consents.next is not None
    hour.live_for(96)
    assert len({who for who, _ in hour.pressed}) > 5
    for who, item in hour.pressed[:3]:
        agreed = hour.consent(who)["agreed"]
        assert (agreed is None) == (item == "no")


def test_who_finds_nobody_there_presses_again_and_agreed_only_then() -> None:
    hour = Asked()
    hour.slack.connected = False
    hour.live_for(100)
    assert not hour.ledger.choices
    assert not hour.consents.finished
    hour.slack.connected = True
    hour.live_for(AGAIN // SECOND + 2)
    assert hour.ledger.choices


def test_who_is_told_nothing_presses_again_but_not_for_ever() -> None:
    hour = Asked()
    hour.hears = False
    hour.live_for(300)
    presses = Counter(hour.pressed)
    assert min(presses.values()) > 5
    assert len({who for who, _ in presses}) == len(presses), "and nothing else before they are told"
    hour.live_for(TIMES * AGAIN // SECOND)
    assert max(Counter(hour.pressed).values()) == TIMES
    assert hour.consents.finished


def test_an_older_question_is_answered_as_well_as_a_newer_one() -> None:
    used = set()
    for seed in range(6):
        hour = Asked(seed)
        for handle in hour.slack.people:
            hour.ask_alone(handle, "2.0")
        hour.live_for(1200)
        used |= {control["ts"] for _, control, _ in hour.slack.used}
    assert used == {"1.0", "2.0"}


def test_at_the_very_end_nobody_begins_to_answer() -> None:
    hour = Asked()
    hour.time = HOURS.late_until - LAST
    hour.live_for(600)
    assert {who for who, _ in hour.pressed} <= {h for h, p in hour.slack.people.items() if p.host}
    assert hour.consents.finished


def test_a_choice_holds_for_everything_by_that_person_and_stop_holds_more() -> None:
    hour = Asked()
    one, other = [h for h, p in hour.slack.people.items() if not p.host][:2]
    hour.ledger.withdrew(other, STARTS)
    for who in (one, other):
        hour.ledger.chose("slack", who, "name", 5.0)
    hour.ledger.chose("slack", one, "first", 9.0)
    name = hour.slack.people[one].name
    assert hour.consent(one) == {"consent": "first", "agreed": 5.0, "names": [name, one], "named": True}
    assert hour.consent(other)["agreed"] is None
    hour.ledger.chose("slack", one, "no", 12.0)
    assert (hour.consent(one)["consent"], hour.consent(one)["agreed"]) == ("", 5.0)


@pytest.mark.parametrize(("by_config", "names"), [(True, False), (False, True)])
def test_a_room_may_be_open_by_its_config(by_config: bool, names: bool) -> None:
    hour = Asked()
    truth = Truth("slack", "x", "nurse-1", "label", "x", True, "room", consent=by_config, name="Asha (nurse)")
    found = hour.ledger._consent(truth)
    assert found["consent"] == ("name" if by_config else "")
    assert found["agreed"] == (0.0 if by_config else None)
    assert bool(found["names"]) is names
