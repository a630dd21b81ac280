"""How the scripted hosts go about things: one after the other, and again if nothing came of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulator.hosting import day
from simulator.hosting.day import SECOND, Day, Errand, GaveUp


@pytest.fixture(autouse=True)
def no_real_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chat time alone counts here."""
    monkeypatch.setattr(day, "AT_LEAST", 0.0)
    monkeypatch.setattr(day, "AND_THEN", 0.0)


def lived(made: Day, seconds: int) -> Day:
    for _ in range(seconds):
        made.step(made.now + SECOND)
    return made


def always() -> bool:
    return True


class Button:
    """Works at the nth press, or never."""

    def __init__(self, works: int = 1, connected: bool = True) -> None:
        self.works, self.connected, self.pressed, self.tried = works, connected, 0, 0

    def press(self) -> bool:
        self.tried += 1
        self.pressed += self.connected
        return self.connected

    def seen(self) -> bool:
        return 0 < self.works <= self.pressed


def pressing(made: Day, button: Button) -> Callable[[], Errand[None]]:
    def errand() -> Errand[None]:
        yield from made.until(button.press, button.seen)
        made.done["press"] += 1

    return errand


def test_what_works_is_done_once() -> None:
    made, button = Day(3600 * SECOND), Button()
    made.diary().add("press", always, pressing(made, button))
    lived(made, 60)
    assert (button.pressed, made.done["press"], made.failed, made.finished) == (1, 1, [], True)


def test_what_does_not_is_done_again_after_a_while_and_given_up_some_time() -> None:
    made, button = Day(3600 * SECOND), Button(works=3)
    made.diary().add("press", always, pressing(made, button))
    assert not lived(made, 50).finished
    assert button.pressed == 2
    assert lived(made, 60).finished
    assert button.pressed == 3
    never = Button(works=0)
    made.diary().add("press in vain", always, pressing(made, never))
    lived(made, 600)
    assert never.pressed == day.TIMES
    assert made.failed == ["press in vain: nothing came of it"]


def test_while_nobody_is_connected_it_is_tried_at_every_look_for_minutes() -> None:
    made, button = Day(3600 * SECOND), Button(connected=False)
    made.diary().add("press", always, pressing(made, button))
    lived(made, 300)
    assert button.tried > 2 * day.TIMES
    button.connected = True
    lived(made, 10)
    assert (button.pressed, made.failed) == (1, [])
    gone = Button(connected=False)
    made.diary().add("press", always, pressing(made, gone))
    assert lived(made, 700).failed


def test_one_person_does_one_thing_at_a_time_and_first_what_is_due_first() -> None:
    made, order = Day(3600 * SECOND), list[str]()
    diary = made.diary()

    def errand(name: str, seconds: float) -> Callable[[], Errand[None]]:
        def do() -> Errand[None]:
            order.append(f"{name} begins")
            yield from made.pause(seconds)
            order.append(f"{name} ends")

        return do

    diary.add("late", lambda: made.now > 20 * SECOND, errand("late", 10))
    diary.add("one", always, errand("one", 30))
    diary.add("other", always, errand("other", 5))
    made.diary().add("aside", always, errand("aside", 4))
    lived(made, 90)
    alone = [what for what in order if not what.startswith("aside")]
    assert alone == ["one begins", "one ends", "late begins", "late ends", "other begins", "other ends"]
    assert order.index("aside ends") < order.index("one ends")


def test_what_never_was_due_is_said_so_in_the_end() -> None:
    made = Day(60 * SECOND)
    made.diary().add("skip", lambda: False, pressing(made, Button()))
    assert not lived(made, 60).finished
    assert lived(made, 5).finished
    assert made.failed == ["skip: it never was the time for it"]


def test_what_goes_wrong_ends_that_errand_and_no_other() -> None:
    made, button = Day(3600 * SECOND), Button()

    def bad() -> Errand[None]:
        yield
        raise GaveUp("two questions went out")

    diary = made.diary()
    diary.add("next", always, bad)
    diary.add("press", always, pressing(made, button))
    lived(made, 30)
    assert (made.failed, made.done["press"]) == (["next: two questions went out"], 1)
