"""What a host says to the author of an entry: in their thread where they wrote it, or to them alone, as the
community and signed."""

from __future__ import annotations

from bridge.chat import gestures, hidden, wording
from bridge.chat.audience import taken_off
from bridge.chat.present import called, display_name, hosts_card
from bridge.chat.state import Answer, ChatState, Work
from bridge.chat.timeline import Entry
from bridge.chat.verbs import which
from bridge.chat.verbs.common import LONGEST, Verb, by
from bridge.model import Command, Field, Form, Limits, Post, Ref, Reply, Text
from bridge.text import cut, fits, joined, length, marked, person

_TITLES = {
    "reply": "Reply",
    "welcome": "Welcome somebody",
    "note": "Write to the author",
    "signpost": "Crisis signpost",
}
_DONE = {
    "reply": "entry {no} is answered on {title}",
    "welcome": "the author of entry {no} is welcomed on {title}",
    "note": "the author of entry {no} is written to on {title}",
    "signpost": "the author of entry {no} is shown where to find help, on {title}",
}
_ALREADY = {
    "welcome": "has been welcomed",
    "note": "has been written to",
    "signpost": "has been shown where to find help",
}


def _say(work: Work, chat: ChatState, command: Command) -> Reply:
    verb = command.verb
    entry = which.entry(work, chat, command, VERBS[verb].usage)
    if not isinstance(entry, Entry):
        return entry
    there = gestures.answerable(work, chat, entry, verb)
    there = [to for to in there if command.on in (None, to[1].network)] or there
    if not there:
        return out_of_reach(work, entry, "can be answered by us")
    said = which.rest(command)
    if known := _known(chat, entry, verb, said):
        return known
    if not said:
        return _form(work, chat, entry, there[0], verb)
    post, ref = there[0]
    words = _whole(work, chat, post, ref, wording.unpinging(said))
    title = work.state.everywhere[ref.network].title
    if not fits(words, _limits(work, ref)):
        return f"That is longer than one post on {title} can be; say it in fewer words."
    answer = Answer(post.author.account, ref.network, entry.no, verb, said)
    gestures.reply(work, chat, there[0], words, answer)
    which.notice(entry, command)
    if verb in gestures.PRIVATE:
        what = "wrote to the author" if verb == "note" else "told the author where to find help"
        hidden.done(work, chat, entry.no, verb, f"{by(work, command)} {what}.")
    return f"Done: {_DONE[verb].format(no=entry.no, title=title)}."


def _known(chat: ChatState, entry: Entry, verb: str, said: str) -> str:
    """Why it need not be said (again)."""
    given = [a for a in chat.replies.values() if (a.entry, a.verb) == (entry.no, verb)]
    if verb in _ALREADY and given:
        return f"The author of entry {entry.no} {_ALREADY[verb]} already; nothing was done."
    if said and any(a.words == said for a in given):
        return f"Entry {entry.no} has been answered with these words already; nothing was done."
    return ""


def _whole(work: Work, chat: ChatState, post: Post, ref: Ref, said: str) -> Text:
    """A host's words as they go out, signed, with the mention that the network needs."""
    signed = joined(marked(said), signature(work, chat))
    return gestures.addressed(post, signed, by_name=_limits(work, ref).local_mentions)


def _limits(work: Work, ref: Ref) -> Limits:
    return work.state.opened[ref.network].capabilities.limits


def signature(work: Work, chat: ChatState) -> str:
    """ " ^AB": the initials of the host who speaks; "" if that cannot be known."""
    host = work.host or (chat.settings.hosts[0] if len(chat.settings.hosts) == 1 else None)
    names = person(host.name).split() if host else []
    return f" ^{''.join(name[0] for name in dict.fromkeys((names[0], names[-1]))).upper()}" if names else ""


def out_of_reach(work: Work, entry: Entry, can: str) -> str:
    """Why there is nowhere to like, boost or answer an entry."""
    if why := which.off(work, entry):
        return why
    title = work.state.everywhere[entry.first.ref.network].title
    return f"Entry {entry.no} is on {title}: only what anybody may read, on a network where we post, {can}."


# ---------------------------------------------------------------- the form


def _form(work: Work, chat: ChatState, entry: Entry, to: tuple[Post, Ref], verb: str) -> Form:
    post, ref = to
    title = work.state.everywhere[ref.network].title
    private = verb in gestures.PRIVATE
    alone = private and work.state.opened[ref.network].capabilities.direct
    most = min(
        LONGEST, _limits(work, ref).graphemes - length(_whole(work, chat, post, ref, ""), _limits(work, ref))
    )
    seen = f"On {title}, {'only its author' if alone else 'anybody there'} can read this."
    if private and not alone:
        seen = f"Careful: on {title} this is a public reply under their post."
    about = f"{called(work.state, entry)}. " if private else ""
    return Form(
        title=_TITLES[verb],
        verb=verb,
        chat=chat.id,
        item=str(entry.no),
        on=ref.network,
        words=f"{about}{seen}",
        card=None if private else hosts_card(work.state, chat, entry),
        field=Field(
            "Your words",
            cut(Text(_prefilled(work, chat, entry, post, verb, alone=alone)), most).plain,
            most=most,
        ),
    )


def _prefilled(work: Work, chat: ChatState, entry: Entry, post: Post, verb: str, *, alone: bool) -> str:
    """Words to begin with; hosts change them as they like. What others read as well points at no harm."""
    names = display_name(work.state, chat, post, "hosts").split()
    match verb:
        case "welcome":
            where = "here" if post.reach == "room" else f"by replying to it with #{chat.settings.hashtag}"
            return WELCOME.format(name=f", {names[0]}" if names else "", where=where)
        case "note":
            words = HIDDEN if alone and taken_off(entry, work.state.people) else LOOK
            return words.format(name=f" {names[0]}" if names else "")
        case "signpost":
            community = work.state.community
            return f"{KIND} {(community.signpost if community else '') or ANYWHERE}"
        case _:
            return ""


WELCOME = (
    "Welcome{name}! Good to have you with us. Answer any question {where}, starting A1, A2 …, and talk to each "
    "other. Just ask if anything is unclear."
)
HIDDEN = (
    "Hello{name}, thank you for being with us. We took one of your posts off our screens: somebody might be "
    "recognised in it, or hurt by it. Would you look at it again? Tell us if we got it wrong."
)
LOOK = "Hello{name}, thank you for being with us. Would you look at your post again? We are here to talk."
KIND = "We read what you wrote, and we are glad that you said it. You need not carry it alone."
ANYWHERE = (
    "Please talk to somebody you trust, to your doctor or to a crisis line where you live; if you are in danger now, "
    "call the emergency number there."
)


VERBS: dict[str, Verb] = {
    "reply": Verb(_say, "reply 42 Thank you, tell us more!", "answer its author in their thread, signed"),
    "welcome": Verb(_say, "welcome 42 Welcome, good to have you!", "say hello to somebody who is new"),
    "note": Verb(
        _say, "note 42 Would you look at your post again?", "write to its author alone, where that can be"
    ),
    "signpost": Verb(_say, "signpost 42 You are not alone with this.", "tell its author where help is"),
}
