"""As much of RFC 6455 as an echo needs: the handshake and single unfragmented frames."""

from __future__ import annotations

import base64
import hashlib
import os
import struct
from collections.abc import Callable
from typing import NamedTuple

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA

Read = Callable[[int], bytes]
"""Returns exactly so many bytes, or raises."""

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class Frame(NamedTuple):
    opcode: int
    payload: bytes


def new_key() -> str:
    """Return a fresh Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def accept(key: str) -> str:
    """Return the Sec-WebSocket-Accept that answers a key."""
    return base64.b64encode(hashlib.sha1((key + _GUID).encode()).digest()).decode()  # noqa: S324


def encode(frame: Frame, *, masked: bool) -> bytes:
    """Return the frame as bytes; clients must mask, servers must not."""
    size = len(frame.payload)
    flag = 0x80 if masked else 0
    head = bytes([0x80 | frame.opcode])
    if size < 126:
        head += bytes([flag | size])
    elif size < 1 << 16:
        head += bytes([flag | 126]) + struct.pack("!H", size)
    else:
        head += bytes([flag | 127]) + struct.pack("!Q", size)
    if not masked:
        return head + frame.payload
    mask = os.urandom(4)
    return head + mask + _mask(frame.payload, mask)


def decode(read: Read) -> Frame:
    """Read one frame, masked or not."""
    first, second = read(2)
    size = second & 0x7F
    if size == 126:
        (size,) = struct.unpack("!H", read(2))
    elif size == 127:
        (size,) = struct.unpack("!Q", read(8))
    mask = read(4) if second & 0x80 else b""
    payload = read(size)
    return Frame(first & 0x0F, _mask(payload, mask) if mask else payload)


def _mask(payload: bytes, mask: bytes) -> bytes:
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    whole = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return whole.to_bytes(len(payload), "big")
