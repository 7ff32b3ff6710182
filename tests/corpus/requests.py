"""The corpus: ordinary requests and attacks, as bytes to send and as data with reasons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from .notation import read

FOLDER = Path(__file__).parent
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")
BODIES = ("form", "json", "text", "multipart", "file")
KEYS = frozenset(
    {*METHODS, *BODIES, "why", "query", "headers", "cookies", "type", "client", "host", "raw"}
)

_BOUNDARY = "----geckoformboundary8d1c7f0a54b2e3f6"
_BROWSERS = ("firefox", "chrome", "safari", "beacon")
_CLIENTS: dict[str, dict[str, str]] = read(FOLDER / "clients.yaml")
_UNSAFE_IN_TARGET = re.compile(r"[^\x21-\x7e]+")


@dataclass(frozen=True)
class Request:
    """One request of the corpus.

    group: the file it stands in. data: head and body as they go over the wire.
    """

    name: str
    group: str
    why: str
    data: bytes

    @property
    def line(self) -> str:
        """The request line without its version."""
        return self.data.split(b"\r\n", 1)[0].decode("latin-1").rpartition(" ")[0]


def ordinary() -> list[Request]:
    """Return the requests that a WAF has to let through."""
    return _all("ordinary")


def specialist() -> list[Request]:
    """Return requests whose text is itself code, markup or a query, all that such apps send.

    A WAF that does not know the app cannot tell each of them from an attack.
    """
    return _all("specialist")


def attacks() -> list[Request]:
    """Return the requests that it should not."""
    return _all("attacks")


def _all(folder: str) -> list[Request]:
    found = [one for file in sorted((FOLDER / folder).glob("*.yaml")) for one in _in(file)]
    names = [one.name for one in found]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"these names stand twice: {twice}"
    return found


def _in(file: Path) -> Iterator[Request]:
    group = read(file)
    for name, entry in group["requests"].items():
        if unknown := set(entry) - KEYS:
            raise ValueError(f"{file.name}: {name} has unknown keys {sorted(unknown)}")
        defaults = {"host": group["host"], "client": group["client"]}
        try:
            data = _raw(entry["raw"]) if "raw" in entry else _built({**defaults, **entry})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{file.name}: {name}: {error!r}") from error
        yield Request(name, file.stem, entry["why"], data)


def _raw(text: str) -> bytes:
    data = text.replace("\n", "\r\n").encode()
    return data.replace(b"{length}", str(len(data.partition(b"\r\n\r\n")[2])).encode())


def _built(entry: Mapping[str, Any]) -> bytes:
    (method,) = [key for key in METHODS if isinstance(entry.get(key), str)]
    target = _UNSAFE_IN_TARGET.sub(lambda found: quote(found[0]), entry[method])
    if isinstance(pairs := entry.get("query"), dict):
        target += ("&" if "?" in target else "?") + form(pairs)
    origin = f"https://{entry['host']}"
    fields = {"Host": entry["host"]}
    for key, value in _CLIENTS[entry["client"]].items():
        fields[key] = value.format(origin=origin)
    if cookies := entry.get("cookies"):
        fields["Cookie"] = "; ".join(f"{key}={value}" for key, value in cookies.items())
    content_type, body = _body(entry)
    if method not in {"get", "head"} and entry["client"].startswith(_BROWSERS):
        fields["Origin"] = origin
    if body is not None:
        fields["Content-Type"] = entry.get("type", content_type)
        fields["Content-Length"] = str(len(body))
    own = entry.get("headers", {})
    replaced = {key.lower() for key in own}
    fields = {key: value for key, value in fields.items() if key.lower() not in replaced}
    fields |= {key: value for key, value in own.items() if value is not None}
    lines = [f"{method.upper()} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")


def form(pairs: Mapping[str, Any]) -> str:
    """Return pairs as browsers write them; a list is a key that comes several times."""
    return "&".join(
        f"{_form_word(key)}={_form_word(value)}"
        for key, values in pairs.items()
        for value in (values if isinstance(values, list) else [values])
    )


def _form_word(value: Any) -> str:
    # https://url.spec.whatwg.org/#application-x-www-form-urlencoded-percent-encode-set
    text = str(value).replace("\n", "\r\n") if isinstance(value, str) else json.dumps(value)
    return quote_plus(text, safe="*").replace("~", "%7E")


def _body(entry: Mapping[str, Any]) -> tuple[str, bytes | None]:
    if "form" in entry:
        return "application/x-www-form-urlencoded", form(entry["form"]).encode()
    if "json" in entry:
        given = entry["json"]
        text = given if isinstance(given, str) else _compact(given)
        return "application/json", text.encode()
    if "text" in entry:
        return "text/plain;charset=UTF-8", entry["text"].encode()
    if "multipart" in entry:
        return f"multipart/form-data; boundary={_BOUNDARY}", _multipart(entry["multipart"])
    if "file" in entry:
        return "application/octet-stream", entry["file"]
    return "", None


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _multipart(parts: Mapping[str, Any]) -> bytes:
    # https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data
    body = b""
    for key, values in parts.items():
        for value in values if isinstance(values, list) else [values]:
            body += f"--{_BOUNDARY}\r\n".encode() + _part(key, value) + b"\r\n"
    return body + f"--{_BOUNDARY}--\r\n".encode()


def _part(key: str, value: Any) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{key}"'
    if not isinstance(value, dict):
        text = value.replace("\n", "\r\n") if isinstance(value, str) else json.dumps(value)
        return f"{disposition}\r\n\r\n{text}".encode()
    name = value["name"].replace('"', "%22")
    content = value["content"]
    content = content.encode() if isinstance(content, str) else content
    kind = value.get("type", "application/octet-stream")
    return f'{disposition}; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'.encode() + content
