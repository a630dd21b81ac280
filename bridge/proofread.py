"""A config's texts as people will read them: placeholders nobody can fill, names that would be pinged,
threads where one post was meant."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bridge.chat import runsheet, wording
from bridge.plan import Placed
from bridge.settings import Chat, Community
from bridge.tables import Findings
from bridge.text import MENTION, length, marked

NAME = 80  # characters kept free for the name of whom a post is for


def check_texts(community: Community, chats: Iterable[Placed], found: Findings) -> None:
    """Look at every text of every chat, on every network that posts it. `found`: of the config's own file."""
    for placed in chats:
        _check_chat(placed.chat, placed.at, community, placed.found)
    _check_signpost(community, found)


def _check_chat(chat: Chat, at: str, community: Community, found: Findings) -> None:
    texts = {f"{at}.{name}": getattr(chat, name) or "" for name in ("welcome", "closing", "notice")}
    for q, question in enumerate(chat.questions):
        texts[f"{at}.questions[{q}].text"] = question.text
        texts |= {f"{at}.questions[{q}].translations.{lang}": words for lang, words in question.translations}
    for key, text in texts.items():
        _check_text(key, text, community, found)
    for item in runsheet.build(chat).items:
        if item.kind == "question":
            key = f"{at}.questions[{item.number - 1}].text"
            _check_label(key, item.text, found)
            _check_length(key, item, chat, community, found)


def _check_text(key: str, text: str, community: Community, found: Findings) -> None:
    for name in wording.unknown_placeholders(text):
        found.mistake(
            key,
            text,
            "only {page} {others} {tag} {title} in braces",
            f"Take {{{name}}} out, or write the words themselves.",
        )
    gaps = {"page": not community.page, "others": len({net.kind for net in community.networks}) < 2}
    missing = [name for name, gone in gaps.items() if gone and f"{{{name}}}" in text]
    if missing and not wording.without(text, missing):
        found.mistake(
            key,
            text,
            f"something to say without {{{missing[0]}}}, which this config does not have",
            "Sentences about it are left out, and nothing remains: write it without.",
        )
    hosts = {h.casefold().lstrip("@") for c in community.chats for host in c.hosts for _, h in host.handles}
    if any(m[1].rstrip(".-").casefold() not in hosts for m in MENTION.finditer(text)):
        mend = "The @ is left out when it is posted: nobody else is notified by plan."
        found.warn(key, text, "no @name but a host's", mend)


def _check_signpost(community: Community, found: Findings) -> None:
    """It is sent to one person, whose name stands before it: one post has to hold both."""
    words = marked(community.signpost)
    for net in community.networks:
        most = net.limits.graphemes - NAME
        if (size := length(words, net.limits)) > most:
            found.mistake(
                "consent.signpost",
                community.signpost,
                f"at most {most} characters, for one post on {net.title}; it has {size}",
                "Say in a sentence where help is found; a link there tells the rest.",
            )
            return


def _check_label(key: str, text: str, found: Findings) -> None:
    if re.match(r"\s*Q\s?\d+\b", text):
        found.warn(
            key, text, "a question without its number", "Q1, Q2 … are put before the questions by themselves."
        )


def _check_length(key: str, item: runsheet.Item, chat: Chat, community: Community, found: Findings) -> None:
    for net in community.networks:
        if not net.post or not item.text:
            continue
        asked = wording.posts(
            "question",
            chat=chat,
            community=community,
            net=net,
            limits=net.limits,
            label=item.label,
            text=item.text,
        )
        posts = [part for part in asked if part.words.language == community.language]
        if len(posts) > 1:
            words = wording.plain(
                "question", chat=chat, community=community, net=net, label=item.label, text=item.text
            )
            size = length(marked(words), net.limits)
            found.warn(
                key,
                item.text,
                f"at most {net.limits.graphemes} characters for one post on {net.title}; "
                f"with label and tag it has {size}",
                f"It goes out there as a thread of {len(posts)} posts. Shorten it if you want one.",
            )
