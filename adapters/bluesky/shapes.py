"""What kind of picture a file is and how large, by its first bytes. Pure.

Apps lay a post out before its pictures are there: without a shape they crop them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import NamedTuple


class Shape(NamedTuple):
    """Points. 0 if the file does not say."""

    mime: str
    width: int = 0
    height: int = 0


def shape(data: bytes) -> Shape | None:
    """None if the file is no PNG, JPEG, GIF or WebP."""
    for magic, at, mime, size in _KINDS:
        if data.startswith(magic, at):
            try:
                return Shape(mime, *size(data))
            except (struct.error, IndexError):
                return Shape(mime)
    return None


def _png(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _gif(data: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from("<HH", data, 6)
    return width, height


def _jpeg(data: bytes) -> tuple[int, int]:
    """Segment after segment up to the frame's header. SOF4, SOF8 and SOF12 mean something else."""
    at = 2
    while at < len(data):
        while data[at + 1] == 0xFF:  # filling
            at += 1
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return width, height
        at += 2 + max(length, 2)
    return 0, 0


def _webp(data: bytes) -> tuple[int, int]:
    match data[12:16]:
        case b"VP8X":
            return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
        case b"VP8L":
            (bits,) = struct.unpack_from("<I", data, 21)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
        case b"VP8 ":
            width, height = struct.unpack_from("<HH", data, 26)
            return width & 0x3FFF, height & 0x3FFF
    return 0, 0


_KINDS: tuple[tuple[bytes, int, str, Callable[[bytes], tuple[int, int]]], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, "image/png", _png),
    (b"\xff\xd8\xff", 0, "image/jpeg", _jpeg),
    (b"GIF8", 0, "image/gif", _gif),
    (b"WEBP", 8, "image/webp", _webp),
)
