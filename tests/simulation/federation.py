"""A second server of a kind, which we only read: what is written on the first one stands there too, under other
ids and some time later."""

from __future__ import annotations

from typing import Any

import msgspec

from bridge.model import AuthorGone, Edited, Post, Ref, Removed, What, Written
from tests.simulation.network import Server
from tests.simulation.record import Said


class SecondServer(Server):
    """Is told by `home` what happens there."""

    def __init__(self, home: Server, *given: Any) -> None:
        super().__init__(*given)
        self.home = home
        home.peers.append(self)
        self._came: dict[str, bool] = {}  # by the ids it has here

    def come(self, what: What) -> None:
        """Something that happened at home is told here."""
        match what:
            case Written(post) | Edited(post) if post.reach == "public":
                here = self._here(post)
                self._came[here.ref.id] = True
                self.frame(msgspec.structs.replace(what, post=here))
            case Removed(ref):
                self.frame(Removed(Ref(self.name, f"n-{ref.id}")))
            case AuthorGone():
                self.frame(what)

    def told(self, what: What) -> None:
        super().told(what)
        if isinstance(what, Written) and what.post.author.account == self.home.account:
            self.heard[what.post.ref.id] = True
            self.count("seen_elsewhere")

    # ------------------------------------------------------------ what stands here

    def all(self) -> list[Post]:
        theirs = [*self.home.all(), *map(self.home.own, self.home.live())]
        return super().all() + [p for p in map(self._here, theirs) if p.ref.id in self._came]

    def known(self) -> list[Said]:
        return super().known() + self.home.known()

    def at(self, id_: str) -> Said | None:
        return self.home.at(id_[2:]) if id_.startswith("n-") else super().at(id_)

    def seen(self, said: Said) -> Post:
        return super().seen(said) if said.network == self.name else self._here(self.home.post(said))

    def _here(self, post: Post) -> Post:
        """A post of home, by the ids it has here."""

        def moved(ref: Ref) -> Ref:
            return Ref(self.name, f"n-{ref.id}")

        above = moved(post.reply_to) if post.reply_to else None
        quotes = tuple(moved(ref) for ref in post.quotes)
        return msgspec.structs.replace(post, ref=moved(post.ref), reply_to=above, quotes=quotes)
