"""Who answers `chatbridge init`: somebody at a terminal, or the lines of a pipe."""

from __future__ import annotations

import contextlib
import select
import sys
from collections.abc import Callable
from typing import TypeVar

from bridge.errors import ChatbridgeError
from bridge.init.spelt import Unread

T = TypeVar("T")

PASTED = 0.1  # seconds after an empty line in which the rest of a text that is pasted comes


class Person:
    """At a terminal they are asked again where something is wrong; from a pipe the lines of stdin are taken in order,
    and the defaults when they end. `silent`: nobody is asked, the defaults are taken. `aside`: stdout is for a
    result."""

    def __init__(self, *, silent: bool = False, aside: bool = False) -> None:
        self.there = not silent and sys.stdin is not None and sys.stdin.isatty()
        self._silent = silent
        self._editing = self.there and not aside and sys.stdout.isatty()
        if self._editing:
            with contextlib.suppress(ImportError):
                import readline  # noqa: F401  # from now on the arrow keys move within a line

    def say(self, words: str) -> None:
        if not self._silent:
            print(words, file=sys.stderr, flush=True)

    def line(self, prompt: str) -> str:
        """What is typed; "" once a pipe has ended. Raises EOFError at Ctrl-D, ChatbridgeError for what is no text."""
        if self._silent:
            return ""
        try:
            typed = input(prompt) if self._editing else self._read(prompt)
            typed.encode()  # some locales let through what is no text
        except UnicodeError:
            raise ChatbridgeError("What was typed is not text in UTF-8. Nothing was written.") from None
        return typed

    def _read(self, prompt: str) -> str:
        print(prompt, end="", file=sys.stderr, flush=True)
        typed = sys.stdin.readline() if sys.stdin is not None else ""
        if self.there and not typed:
            raise EOFError
        if not self.there:
            self.say(typed.strip())  # which no terminal has shown
        return typed

    def pasting(self) -> bool:
        """Whether more lines are on their way, as of a text with empty lines in it that is pasted."""
        return self.there and bool(select.select([sys.stdin], [], [], PASTED)[0])

    def answer(self, prompt: str, usual: str, read: Callable[[str], T]) -> T:
        """An answer that `read` understands; `usual` if nothing is typed. Raises Unread where nobody is there to be
        asked again."""
        while True:
            typed = self.line(f"{prompt} [{usual}]: ").strip()
            try:
                return read(typed or usual)
            except Unread as no:
                self.refuse(prompt, no)
                usual = no.meant or usual

    def refuse(self, prompt: str, no: Unread) -> None:
        """Say why what was typed cannot be taken. Raises Unread if nobody hears it."""
        if not self.there:
            raise Unread(f"{prompt}: {no}") from None
        self.say(f"  {no}")
