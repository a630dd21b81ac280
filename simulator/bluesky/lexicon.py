"""Which records the real server refuses, and in which words (lexicons and messages of @atproto/lexicon)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from wcwidth import iter_graphemes

from simulator.bluesky.wire import GATE, LIKE, POST, PROFILE, REPOST, Record, XrpcError

_TID = re.compile(r"[2-7a-j][2-7a-z]{12}")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,20})?(Z|[+-]\d\d:\d\d)")
_AT_URI = re.compile(r"at://[\w:.%-]+/[\w.-]+/[\w.:~-]+")
_CID = re.compile(r"baf[a-z2-7]{50,}")
_LANGUAGE = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]+)*")
_DID = re.compile(r"did:[a-z]+:[\w.:%-]*[\w.-]")
_URI = re.compile(r"[a-z][a-z.-]{0,80}:[\x21-\x7e]+")


class _Wrong(Exception):
    pass


def check(collection: str, rkey: str, record: Any) -> None:
    """Raises XrpcError 400 as putRecord and createRecord answer it."""
    if not isinstance(record, dict):
        raise XrpcError(400, "InvalidRequest", "Input/record must be an object")
    if record.setdefault("$type", collection) != collection:
        raise _invalid(f"Invalid $type: expected {collection}, got {record['$type']}")
    if collection in (POST, LIKE, REPOST, GATE) and not _TID.fullmatch(rkey):
        raise _invalid(f'Invalid record key for {collection}: Invalid TID (got "{rkey}")')
    if collection == PROFILE and rkey != "self":
        raise _invalid(f'Invalid record key for {collection}: Expected "self" (got "{rkey}")')
    try:
        if known := _RECORDS.get(collection):
            known(record)
    except _Wrong as wrong:
        raise _invalid(f"Invalid {collection} record: {wrong}") from None


def _invalid(message: str) -> XrpcError:
    return XrpcError(400, "InvalidRequest", message)


def _post(record: Record) -> None:
    _has(record, "Record", ("text", "createdAt"))
    _text(record["text"], "Record/text", 3000, 300)
    _created(record)
    for n, facet in _array(record, "facets"):
        _facet(facet, f"Record/facets/{n}")
    if "reply" in record:
        _object(record["reply"], "Record/reply", ("root", "parent"))
        for end in ("root", "parent"):
            _strong(record["reply"][end], f"Record/reply/{end}")
    for n, language in _array(record, "langs", 3):
        if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
            raise _Wrong(f"Record/langs/{n} must be a well-formed BCP 47 language tag")
    for n, tag in _array(record, "tags", 8):
        _text(tag, f"Record/tags/{n}", 640, 64)
    if "embed" in record:
        _embed(record["embed"], "Record/embed")
    if "labels" in record:
        _self_labels(record["labels"])


def _profile(record: Record) -> None:
    if "displayName" in record:
        _text(record["displayName"], "Record/displayName", 640, 64)
    if "description" in record:
        _text(record["description"], "Record/description", 2560, 256)
    if "labels" in record:
        _self_labels(record["labels"])


def _endorsement(record: Record) -> None:
    """A like or a repost."""
    _has(record, "Record", ("subject", "createdAt"))
    _strong(record["subject"], "Record/subject")
    _created(record)


def _gate(record: Record) -> None:
    _has(record, "Record", ("post", "createdAt"))
    _at_uri(record["post"], "Record/post")
    _created(record)
    for n, uri in _array(record, "hiddenReplies", 300):
        _at_uri(uri, f"Record/hiddenReplies/{n}")


def check_report(body: Record) -> None:
    """The input of com.atproto.moderation.createReport. Raises XrpcError."""
    try:
        _report(body)
    except _Wrong as wrong:
        raise XrpcError(400, "InvalidRequest", str(wrong)) from None


def _report(body: Record) -> None:
    if not isinstance(body["reasonType"], str):
        raise _Wrong("Input/reasonType must be a string")
    if "reason" in body:
        _text(body["reason"], "Input/reason", 20_000, 2_000)
    subject = body["subject"]
    _object(subject, "Input/subject", ())
    if subject.get("$type") == "com.atproto.repo.strongRef":
        _strong(subject, "Input/subject")
    elif subject.get("$type") != "com.atproto.admin.defs#repoRef":
        raise _Wrong("Input/subject $type must be one of the union's")


def _self_labels(labels: Any) -> None:
    _object(labels, "Record/labels", ("values",))
    for n, label in _array(labels, "values", 10, path="Record/labels/"):
        _object(label, f"Record/labels/values/{n}", ("val",))


def _facet(facet: Any, path: str) -> None:
    _object(facet, path, ("index", "features"))
    _object(facet["index"], f"{path}/index", ("byteStart", "byteEnd"))
    for end in ("byteStart", "byteEnd"):
        value = facet["index"][end]
        if not isinstance(value, int) or isinstance(value, bool):
            raise _Wrong(f"{path}/index/{end} must be an integer")
        if value < 0:
            raise _Wrong(f"{path}/index/{end} can not be less than 0")
    for n, feature in _array(facet, "features", path=f"{path}/"):
        at = f"{path}/features/{n}"
        _object(feature, at, ())
        if not isinstance(feature.get("$type"), str):
            raise _Wrong(f'{at} must be an object which includes the "$type" property')
        match feature["$type"].partition("#")[2]:
            case "link":
                _has(feature, at, ("uri",))
                if not isinstance(feature["uri"], str) or not _URI.fullmatch(feature["uri"]):
                    raise _Wrong(f"{at}/uri must be a uri")
            case "tag":
                _has(feature, at, ("tag",))
                _text(feature["tag"], f"{at}/tag", 640, 64)
            case "mention":
                _has(feature, at, ("did",))
                if not isinstance(feature["did"], str) or not _DID.fullmatch(feature["did"]):
                    raise _Wrong(f"{at}/did must be a valid did")


def _embed(embed: Any, path: str) -> None:
    _object(embed, path, ())
    match embed.get("$type"):
        case "app.bsky.embed.record":
            _has(embed, path, ("record",))
            _strong(embed["record"], f"{path}/record")
        case "app.bsky.embed.recordWithMedia":
            _has(embed, path, ("record", "media"))
            _object(embed["record"], f"{path}/record", ("record",))
            _strong(embed["record"]["record"], f"{path}/record/record")
            _embed(embed["media"], f"{path}/media")
        case "app.bsky.embed.images":
            _has(embed, path, ("images",))
            for n, image in _array(embed, "images", 4, path=f"{path}/"):
                _image(image, f"{path}/images/{n}")
        case "app.bsky.embed.external":
            _has(embed, path, ("external",))
            _object(embed["external"], f"{path}/external", ("uri", "title", "description"))
            uri = embed["external"]["uri"]
            if not isinstance(uri, str) or not _URI.fullmatch(uri):
                raise _Wrong(f"{path}/external/uri must be a uri")
        case None:
            raise _Wrong(f'{path} must be an object which includes the "$type" property')


def _image(image: Any, path: str) -> None:
    _object(image, path, ("image", "alt"))
    blob = image["image"]
    if not isinstance(blob, dict) or not _is_cid(_link(blob)):
        raise _Wrong(f"{path}/image should be a blob ref")
    if "aspectRatio" in image:
        _object(image["aspectRatio"], f"{path}/aspectRatio", ("width", "height"))
        for side in ("width", "height"):
            value = image["aspectRatio"][side]
            if not isinstance(value, int) or value < 1:
                raise _Wrong(f"{path}/aspectRatio/{side} can not be less than 1")


def _link(blob: Record) -> Any:
    ref = blob.get("ref")
    return ref.get("$link") if isinstance(ref, dict) else None


def _strong(ref: Any, path: str) -> None:
    _object(ref, path, ("uri", "cid"))
    _at_uri(ref["uri"], f"{path}/uri")
    if not _is_cid(ref["cid"]):
        raise _Wrong(f"{path}/cid must be a cid string")


def _at_uri(value: Any, path: str) -> None:
    if not isinstance(value, str) or not _AT_URI.fullmatch(value):
        raise _Wrong(f"{path} must be a valid at-uri")


def _created(record: Record) -> None:
    if not isinstance(record["createdAt"], str) or not _is_time(record["createdAt"]):
        raise _Wrong("Record/createdAt must be an valid atproto datetime (both RFC-3339 and ISO-8601)")


def _is_cid(value: Any) -> bool:
    return isinstance(value, str) and _CID.fullmatch(value) is not None


def _is_time(value: str) -> bool:
    if not _DATETIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value[:19])
    except ValueError:
        return False
    return True


def _text(value: Any, path: str, size: int, graphemes: int) -> None:
    if not isinstance(value, str):
        raise _Wrong(f"{path} must be a string")
    if len(value.encode()) > size:
        raise _Wrong(f"{path} must not be longer than {size} characters")
    if sum(1 for _ in iter_graphemes(value)) > graphemes:
        raise _Wrong(f"{path} must not be longer than {graphemes} graphemes")


def _object(value: Any, path: str, required: Iterable[str]) -> None:
    if not isinstance(value, dict):
        raise _Wrong(f"{path} must be an object")
    _has(value, path, required)


def _has(value: Record, path: str, required: Iterable[str]) -> None:
    for key in required:
        if key not in value:
            raise _Wrong(f'{path} must have the property "{key}"')


def _array(
    holder: Record, key: str, most: int | None = None, path: str = "Record/"
) -> Iterable[tuple[int, Any]]:
    value = holder.get(key, [])
    if not isinstance(value, list):
        raise _Wrong(f"{path}{key} must be an array")
    if most is not None and len(value) > most:
        raise _Wrong(f"{path}{key} must not have more than {most} elements")
    return enumerate(value)


_RECORDS = {POST: _post, PROFILE: _profile, LIKE: _endorsement, REPOST: _endorsement, GATE: _gate}
