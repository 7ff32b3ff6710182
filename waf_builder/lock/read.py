"""From the text of a waf.lock to a Lock, or to every problem in it with its line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.lock.model import FILE, FORMAT, KINDS, Kind, Lock, LockedCrs, LockedEngine, Part
from waf_builder.problem import Place, Problem, did_you_mean, errors_in
from waf_builder.spec import yaml
from waf_builder.spec.mistakes import shown
from waf_builder.version import Version

_T = TypeVar("_T")
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_ENGINE = ("kind", "release", "nginx", "module", "libmodsecurity", "jemalloc", "archives")
_AGAIN = "Make it again: waf-builder lock SPEC"


def lock_beside(spec: Path) -> Path:
    """Return where the lock of a spec stands, whether there is one or not."""
    return spec.parent / FILE


def read_lock(file: Path) -> Lock | None:
    """Return the lock in file, None when there is no such file.

    ProblemsError names each unknown key and damaged value with its line; WafBuilderError when it
    cannot be read or was written by a newer waf-builder.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        if file.is_symlink():
            raise WafBuilderError(f"{file} is a link to nothing\n    {_AGAIN}") from None
        return None
    except UnicodeDecodeError as error:
        raise WafBuilderError(
            f"{file} is not UTF-8 text (byte {error.start + 1})\n    {_AGAIN}"
        ) from None
    except OSError as error:
        raise WafBuilderError(f"{file} cannot be read: {error.strerror}") from None
    document = yaml.read(text, str(file))
    if errors_in(document.problems):
        raise ProblemsError(document.problems)
    reader = _Reader(document)
    lock = reader.lock(document.data)
    if reader.problems:
        raise ProblemsError(sorted(reader.problems, key=lambda one: one.place or Place("")))
    return lock


class _Reader:
    def __init__(self, document: yaml.Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def lock(self, data: Any) -> Lock:
        # The number comes first: what a newer form holds is not for this reader to judge.
        number = data.get("lock") if isinstance(data, dict) else None
        if isinstance(number, int) and not isinstance(number, bool) and number > FORMAT:
            place = self.document.place(("lock",))
            raise WafBuilderError(
                f"{place}: this lock was written by a newer waf-builder: its form is {number},"
                f" and {FORMAT} is the newest that this one reads\n"
                "    Update waf-builder, or make the lock again with this one:"
                " waf-builder lock SPEC"
            )
        top = self.mapping(data, (), ("lock", "waf_builder", "engine", "crs"))
        if isinstance(data, dict) and (number != FORMAT or number is True):
            self.problem("lock.form", ("lock",), f"lock is {shown(number)}, expected {FORMAT}")
        return Lock(
            made_by=self.value(top, (), "waf_builder", _text, "text") or "",
            engine=self.engine(top.get("engine")),
            crs=self.crs(top.get("crs")),
            file=self.document.file,
        )

    def engine(self, data: Any) -> LockedEngine:
        at = ("engine",)
        found = self.mapping(data, at, _ENGINE)
        named = found.get("archives")
        archives = self.mapping(named, (*at, "archives"), named if isinstance(named, dict) else ())
        digests = {
            name: self.value(archives, (*at, "archives"), name, _digest, _EXPECTED_DIGEST)
            for name in archives
        }
        return LockedEngine(
            kind=self.value(found, at, "kind", _kind, f"one of {', '.join(KINDS)}"),
            release=self.value(found, at, "release", _text, "text"),
            nginx=self.part(found, at, "nginx"),
            module=self.part(found, at, "module"),
            libmodsecurity=self.part(found, at, "libmodsecurity"),
            jemalloc=self.part(found, at, "jemalloc"),
            archives={name: digest for name, digest in digests.items() if digest},
        )

    def part(self, data: Mapping[str, Any], at: yaml.Path, key: str) -> Part:
        inner = (*at, key)
        found = self.mapping(data.get(key), inner, ("version", "digest"))
        return Part(*self.version_and_digest(found, inner))

    def crs(self, data: Any) -> LockedCrs:
        found = self.mapping(data, ("crs",), ("version", "digest"))
        version, digest = self.version_and_digest(found, ("crs",))
        if digest and not version and "version" not in found:
            self.problem("lock.missing", ("crs",), "crs has a digest and no version")
        return LockedCrs(version, digest)

    def version_and_digest(
        self, data: Mapping[str, Any], at: yaml.Path
    ) -> tuple[Version | None, str | None]:
        return (
            self.value(data, at, "version", _version, "three numbers such as 1.30.4"),
            self.value(data, at, "digest", _digest, _EXPECTED_DIGEST),
        )

    def mapping(self, data: Any, at: yaml.Path, known: Iterable[str]) -> dict[str, Any]:
        """Return data if it is a mapping, without the keys that are not known."""
        known = tuple(known)
        if data is None and at:
            return {}
        if not isinstance(data, dict):
            name = yaml.dotted(at) if at else "the lock"
            self.problem("lock.type", at, f"{name} is {shown(data)}, expected keys and values")
            return {}
        for key in data:
            if key not in known:
                hint = did_you_mean(str(key), known) or f"Known here: {', '.join(known)}."
                place = self.document.place((*at, key), key=True)
                message = f"{yaml.dotted((*at, key))}: unknown key {key!r}"
                self.problems.append(Problem("lock.unknown-key", message, place, hint))
        return {key: value for key, value in data.items() if key in known}

    def value(
        self,
        data: Mapping[str, Any],
        at: yaml.Path,
        key: str,
        read: Callable[[Any], _T],
        expected: str,
    ) -> _T | None:
        """Return the value of key, None if there is none or it is not what is expected."""
        if data.get(key) is None:
            return None
        try:
            return read(data[key])
        except ValueError:
            inner = (*at, key)
            self.problem(
                "lock.value",
                inner,
                f"{yaml.dotted(inner)} is {shown(data[key])}, expected {expected}",
            )
            return None

    def problem(self, code: str, at: yaml.Path, message: str) -> None:
        self.problems.append(Problem(code, message, self.document.place(at), _AGAIN))


_EXPECTED_DIGEST = "sha256: and 64 hexadecimal digits"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004  read() says what was expected
    return value


def _version(value: Any) -> Version:
    return Version.parse(_text(value))


def _digest(value: Any) -> str:
    if not _DIGEST.fullmatch(_text(value)):
        raise ValueError
    return str(value)


def _kind(value: Any) -> Kind:
    for kind in KINDS:
        if kind == value:
            return kind
    raise ValueError
