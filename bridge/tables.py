"""Decoding TOML tables key by key, so that every mistake of a config is found and named at once.

msgspec stops at the first thing wrong in a table; a person who mends a config wants the whole list.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
import tomllib
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from bridge.errors import Mistake

T = TypeVar("T", bound=msgspec.Struct)

SECRET = re.compile(r"token|password|passwd|secret|credential|api_?key|private_?key", re.IGNORECASE)
_CREDENTIAL = re.compile(
    r"\b(?:xox[a-z]|xapp)-[\w-]+|(?<=://)[^/@\s]+(?=@)"  # Slack's tokens; what stands in an address
    r"|\b[a-z0-9]{4}(?:-[a-z0-9]{4}){3}\b"  # app passwords
    r"|(?<![\w./-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{32,}(?![\w./-])"  # what nobody would type
)
_KINDS = {
    "str": "text in quotes",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list in square brackets",
    "object": "a table",
    "datetime": "a date with a time",
}
_HINTS = tuple(
    (re.compile(pattern, re.IGNORECASE), mend)
    for pattern, mend in (
        ("[“”„‘’]", 'Put straight quotes (") around the text: a word processor has made curly ones of them.'),
        (r"\d-\d\d[T ]\d\d:\d\d\s*(#|$)", "A time needs its seconds: T20:00:00."),
        (r"^\s*[\w-]+\s*:", "Write = in place of the colon: key = value."),
        (r"^\s*[\w-]+\s*=\s*(#|$)", "The value after the = is missing."),
        (
            r"^\s*[\w-]+\s*=\s*(true|false|yes|no|on|off)\s*(#|$)",
            "Yes is written true, no is written false: in small letters, without quotes.",
        ),
        (r"^\s*[\w-]+\s*=\s*[^\W\d]", 'Put the text in quotes: key = "text".'),
        (r"^\s*\[", "A bracket too few or too many: [a table], or [[one of several]]."),
    )
)
_COMPARED = {">=": "at least", "<=": "at most", ">": "more than", "<": "less than"}


class Findings:
    """What is wrong, and what is merely unwise, in a config file, and in all of a config."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.mistakes: list[Mistake] = []
        self.warnings: list[Mistake] = []

    def within(self, file: str) -> Findings:
        """For another file of the same config: what is found there is found here as well."""
        other = Findings(file)
        other.mistakes, other.warnings = self.mistakes, self.warnings
        return other

    def mistake(self, key: str, value: object, expected: str, mend: str) -> None:
        self.mistakes.append(Mistake(self.file, key, shown(value), expected, mend))

    def warn(self, key: str, value: object, expected: str, mend: str) -> None:
        self.warnings.append(Mistake(self.file, key, shown(value), expected, mend, warning=True))

    def unknown(self, key: str, known: Iterable[str]) -> None:
        """A key that means nothing here. Its value stays out of sight: it may be a secret misspelt."""
        last = key.rsplit(".", 1)[-1]
        names = sorted(known)
        near = difflib.get_close_matches(last, names, n=1, cutoff=0.6)
        mend = (
            f"Did you mean {near[0]!r}?" if near else "Take it out, or put it into the table it belongs to."
        )
        if last == "include":
            mend = "Put it at the top of the config, before the first line in brackets."
        self.mistake(key, "", "one of: " + (", ".join(names) or "no key at all"), mend)


def shown(value: object) -> str:
    """A value as a message may repeat it: on one line, short, without credentials. "" for nothing."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dt.datetime):
        return value.isoformat()
    if isinstance(value, Mapping | list):
        return "{…}" if isinstance(value, Mapping) else "[…]"
    text = _CREDENTIAL.sub("…", f"{value:g}" if isinstance(value, float) else str(value))
    text = text if len(text) <= 60 else text[:59] + "…"
    return f'"{text}"' if isinstance(value, str) else text


def decode(
    kind: type[T],
    table: object,
    at: str,
    found: Findings,
    *,
    required: tuple[str, ...] = (),
    secrets: tuple[str, ...] = (),
) -> T | None:
    """`table` as a `kind`, with everything wrong in it reported under the key path `at`.

    A key that cannot be read keeps its default, so that the rest can still be checked. `required` names keys
    that have a default only for that reason. `secrets` are full names of the environment variables that hold
    what must not stand here. None if there is nothing to go on with.
    """
    if not isinstance(table, dict):
        found.mistake(at, table, "a table", f"Write a line [{at}] and below it one key = value per line.")
        return None
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    good: dict[str, Any] = {}
    for key, value in table.items():
        path = joined(at, key)
        if key in fields:
            try:
                msgspec.convert(value, fields[key].type)
                good[key] = value
            except msgspec.ValidationError as error:
                _complain(found, path, value, fields[key].type, str(error))
        elif SECRET.search(key):
            refuse_secret(found, path, key, secrets)
        else:
            found.unknown(path, fields)
    needed = {*required, *(name for name, field in fields.items() if field.required)}
    for key in sorted(needed):
        state = "missing" if key not in table else "empty" if table[key] in ("", []) else ""
        if state:
            words = f"{_expected(fields[key].type, '')}; it is {state}"
            found.mistake(joined(at, key), "", words, _example(key, fields[key].type))
    try:
        return msgspec.convert(good, kind)
    except msgspec.ValidationError as error:
        if good.keys() >= {name for name, field in fields.items() if field.required}:
            found.mistake(at, "", str(error), "Change the keys of this table accordingly.")
        return None


def refuse_secret(found: Findings, path: str, key: str, secrets: tuple[str, ...]) -> None:
    """A secret never stands in the config; say where it goes instead."""
    fitting = [name for name in secrets if name.endswith(key.upper())] or list(secrets)
    where = " or ".join(fitting) or "an environment variable"
    files = f", or its file's path into {' or '.join(n + '_FILE' for n in fitting)}" if fitting else ""
    found.mistake(
        path,
        "",
        "no secret in this file",
        f"Take it out, change it, and put the new one into {where}{files}.",
    )


def joined(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _complain(found: Findings, path: str, value: object, kind: Any, error: str) -> None:
    message, _, where = error.partition(" - at `$")
    inner = where.rstrip("`").replace("[...]", "")
    found.mistake(path + inner, value, _expected(kind, message), _example(path.rsplit(".", 1)[-1], kind))


def _expected(kind: Any, message: str) -> str:
    """What msgspec says in a person's words; without a message, what the type asks for."""
    choices = _choices(kind)
    if choices:
        return "one of " + ", ".join(f'"{choice}"' for choice in choices)
    if "matching regex" in message:
        return next((m.title for m in _metas(kind) if m.title), "text of another form")
    match = re.match(r"Expected `([^`]+)`(?: ([<>]=?) (\S+))?", message)
    if match is None:
        return _named(kind) if not message or "datetime" in message else message[0].lower() + message[1:]
    words = " or ".join(_KINDS.get(n, n) for n in match[1].split(" | ") if n != "null")
    return f"{words}, {_COMPARED[match[2]]} {float(match[3]):g}" if match[2] else words


def _bare(kind: Any) -> list[Any]:
    """The members of a type without Annotated and None."""
    if hasattr(kind, "__metadata__"):
        return _bare(typing.get_args(kind)[0])
    arguments = typing.get_args(kind)
    if type(None) in arguments:
        return [b for a in arguments if a is not type(None) for b in _bare(a)]
    return [kind]


def _metas(kind: Any) -> list[msgspec.Meta]:
    """What a type's annotations say of it."""
    annotated = [kind, *typing.get_args(kind)]
    return [m for k in annotated for m in getattr(k, "__metadata__", ()) if isinstance(m, msgspec.Meta)]


def _choices(kind: Any) -> tuple[str, ...]:
    return tuple(
        str(choice) for b in _bare(kind) if typing.get_origin(b) is Literal for choice in typing.get_args(b)
    )


def _named(kind: Any) -> str:
    names = {dict: "object", list: "array", tuple: "array"}
    plain = [typing.get_origin(b) or b for b in _bare(kind)]
    return " or ".join(_KINDS.get(names.get(p, getattr(p, "__name__", "")), "a value") for p in plain)


def _example(key: str, kind: Any) -> str:
    """The mend for a value of the wrong kind: a line to copy, from the field's Meta where it gives one."""
    for meta in _metas(kind):
        if meta.description:
            return meta.description
        if meta.examples:
            return f"Write it like this: {key} = {meta.examples[0]}"
    choices = _choices(kind)
    samples = {
        str: '"…"',
        int: "5",
        float: "5",
        bool: "true",
        list: '["…"]',
        tuple: '["…"]',
        dict: '{cy = "…"}',
    }
    sample = (
        f'"{choices[0]}"'
        if choices
        else samples.get(typing.get_origin(_bare(kind)[0]) or _bare(kind)[0], "…")
    )
    return f"Write it like this: {key} = {sample}"


# ---------------------------------------------------------------- reading the file


def read(path: Path, found: Findings) -> dict[str, Any]:
    """The tables of a TOML file; {} and a mistake if there is nothing to read."""
    try:
        raw = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        found.mistake("the file", "", "a config file", "Make one with: chatbridge init")
        return {}
    except OSError as error:
        found.mistake(
            "the file", "", "a file that can be read", f"It says: {error.strerror}. Look at its rights."
        )
        return {}
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        found.mistake(f"line {line}", "", "text in UTF-8", "Save the file again with the encoding UTF-8.")
        return {}
    try:
        return tomllib.loads(raw)
    except tomllib.TOMLDecodeError as error:
        _broken(found, raw, str(error))
        return {}
    except RecursionError:
        found.mistake(
            "the file", "", "lists and tables nested a few levels deep", "Take the brackets out again."
        )
        return {}


def _broken(found: Findings, raw: str, error: str) -> None:
    match = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)", error)
    what = error[: match.start()] if match else error
    number = int(match[1]) if match and match[1] else raw.count("\n") + 1
    where = (
        f"line {number}, column {match[2]}" if match and match[2] else f"line {number} (the end of the file)"
    )
    lines = raw.splitlines() or [""]
    line = lines[min(number, len(lines)) - 1]
    found.mistake(where, "", f"TOML; the reader says: {what}", _hint(line, what))


def _hint(line: str, what: str) -> str:
    """The likeliest mend for a line that is no TOML."""
    if "Cannot" in what or "twice" in what:
        return "The same key or table stands there twice: keep one. Lists of tables need [[double]] brackets."
    if line.count('"') % 2:
        return 'A quote (") is missing in this line. Inside a text write \\" for a quote.'
    return next(
        (mend for pattern, mend in _HINTS if pattern.search(line)),
        'Each line is [a table], key = value, or a # comment; texts stand in "quotes".',
    )
