"""The rules in this process: libmodsecurity, asked what it says to a request."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from waf_builder.errors import WafBuilderError
from waf_builder.inspect.forwarded import CLIENT

if TYPE_CHECKING:
    from typing_extensions import Self

    from waf_builder.inspect.head import Head
    from waf_builder.inspect.routing import Route

MAIN = "modsecurity/main.conf"
_AUDIT_LOG = re.compile(r"^SecAuditLog .*$", re.MULTILINE)
_SETTING = re.compile(r"^Sec(?!Rule|Action|Marker)\w+ .*$", re.MULTILINE)
_ERROR = re.compile(
    r"Rules error\. File: (?P<file>.*?)\. Line: (?P<line>\d+)\. Column: \d+\. *(?P<what>.*)",
    re.DOTALL,
)
_TWICE = re.compile(r"^modsecurity/(?=modsecurity/|engine/)")
"""Files that are included have the folder of the one that includes them before their own."""
_LOG_NAME = "waf-inspect-audit"
_OPEN_FILES = Path("/proc/self/fd")
_PORT = 80
_ANSWER = b"yes\n"
_OK = 200


class LibraryError(WafBuilderError):
    """The rules cannot be loaded in this process; the message says why, and the way out."""


class Library:
    """Rules, loaded for each route's policy when it is first asked.

    tree: the files below `modsecurity/`, by path. rule_set: the folder of the rules where the tree
    does not bring its own. sources: files of a user's, by what they are in the tree. Entered, it is
    ready; left, its files are gone.
    """

    def __init__(
        self,
        tree: Mapping[str, str],
        unicode_map: str,
        rule_set: Path | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        self._tree, self._unicode_map, self._rule_set = tree, unicode_map, rule_set
        self._sources = sources or {}
        self._loaded: dict[str, Any] = {}

    def __enter__(self) -> Self:
        """Write the files; LibraryError where there is no libmodsecurity."""
        try:
            import libmodsecurity
        except ImportError as error:
            raise LibraryError(
                f"libmodsecurity is not installed here: {error}\n"
                "    pip install 'waf-builder[inspect]', or --engine nginx asks a real nginx\n"
                "    There are wheels for CPython 3.10 to 3.13 on x86-64."
            ) from None
        self._module = libmodsecurity
        self._engine = libmodsecurity.ModSecurity()
        self._engine.set_log_callback(_ignore)
        self._log = os.memfd_create(f"{_LOG_NAME}-{secrets.token_hex(8)}")
        self._folder = Path(tempfile.mkdtemp(prefix="waf-inspect-"))
        self._write()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the files."""
        self._loaded.clear()
        self._engine.set_log_callback(None)
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._log)

    def _write(self) -> None:
        log = f"SecAuditLog {_open_file(self._log)}"
        for name, text in self._tree.items():
            if name.startswith("modsecurity/"):
                file = self._folder / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(_AUDIT_LOG.sub(log, text), encoding="utf-8")
        # nginx reads names from the tree on, and libmodsecurity from the file that includes.
        below = self._folder / "modsecurity"
        (below / "modsecurity").symlink_to(".")
        (below / "runtime").mkdir()
        (below / "runtime/brake-rules.conf").touch()
        (self._folder / "engine").mkdir()
        (self._folder / "engine/unicode.mapping").write_text(self._unicode_map, encoding="utf-8")
        (below / "engine").symlink_to("../engine")
        if self._rule_set:
            (self._folder / "engine/crs").symlink_to(self._rule_set.absolute())

    def after_fork(self) -> None:
        """Write records to a log of this process, which has the rules of the one it copies.

        libmodsecurity has the log open, and never opens it again; so what it has open is replaced.
        """
        own = os.memfd_create(_LOG_NAME)
        shared = _open_file(self._log).readlink()
        for file in list(_OPEN_FILES.iterdir()):
            if not file.is_symlink() or file.readlink() != shared:
                continue
            number = int(file.name)
            how = os.O_RDWR if number == self._log else os.O_RDWR | os.O_APPEND
            replacing = os.open(_open_file(own), how)
            os.dup2(replacing, number)
            os.close(replacing)
        os.close(own)

    def load(self, route_rules: str = "") -> Any:
        """Return the rules of a route's file on top of all routes'; LibraryError if they fail.

        A location's rules run before those of all (https://github.com/owasp-modsecurity/ModSecurity,
        `RulesSet::merge`), and its settings hold.
        """
        if route_rules not in self._loaded:
            self._loaded[route_rules] = self._with(route_rules, "")
        return self._loaded[route_rules]

    def _with(self, route_rules: str, first: str) -> Any:
        rules = self._module.RulesSet()
        if first:
            self._require(rules, rules.load(first))
        if route_rules:
            self._require(rules, rules.load_from_uri(str(self._folder / route_rules)))
        self._require(rules, rules.load_from_uri(str(self._folder / MAIN)))
        if route_rules:
            settings = _SETTING.findall((self._folder / route_rules).read_text("utf-8"))
            self._require(rules, rules.load("\n".join([*settings, ""])))
        return rules

    def _require(self, rules: Any, loaded: int) -> None:
        if loaded < 0:
            said = self._placed(str(rules.get_parser_error())).strip()
            raise LibraryError(
                f"libmodsecurity {self._module.__version__} cannot load these rules:"
                f" {said.splitlines()[0] if said else 'it does not say why'}\n"
                "    `--engine nginx` asks a real nginx with its own libmodsecurity."
            )

    def _placed(self, said: str) -> str:
        """Return what the engine says of a rule, at its file and line."""
        found = _ERROR.match(said.replace(f"{self._folder}/", ""))
        if found is None:
            return said.replace(f"{self._folder}/", "")
        file = _TWICE.sub("", found["file"])
        return f"{self._sources.get(file, file)}:{found['line']}: {found['what']}"

    def ask(
        self, head: Head, route: Route, key: str, first: str = ""
    ) -> tuple[int, Mapping[str, Any]]:
        """Return the status of the answer, and the audit record; {} where no rule matched.

        200 stands for whatever the backend answers. first: rules that run before all others; with
        some, everything is loaded anew.
        """
        rules = self._with(route.rules, first) if first else self.load(route.rules)
        transaction = self._module.Transaction(self._engine, rules, key)
        status = _run(transaction, head, route)
        transaction.process_logging()
        return status, self._record()

    def _record(self) -> Mapping[str, Any]:
        size = os.fstat(self._log).st_size
        if not size:
            return {}
        text = os.pread(self._log, size, 0).decode("utf-8", "replace")
        os.ftruncate(self._log, 0)
        found: Mapping[str, Any] = json.loads(text.splitlines()[0], strict=False)["transaction"]
        return found


def _run(transaction: Any, head: Head, route: Route) -> int:
    """Put a request to the rules in the connector's order and return the status of the answer."""
    transaction.process_connection(CLIENT, _PORT, "127.0.0.1", _PORT)
    if status := _stopped(transaction):
        return status
    transaction.process_uri(head.uri.encode("latin-1"), head.method, head.version)
    if status := _stopped(transaction):
        return status
    for name, value in head.headers:
        transaction.add_request_header(name.encode("latin-1"), value.encode("latin-1"))
    transaction.process_request_headers()
    if status := _stopped(transaction) or unwanted(head, route):
        return status
    if head.body:
        transaction.append_request_body(head.body)
        if status := _stopped(transaction):
            return status
    with _silent() if head.body else contextlib.nullcontext():
        transaction.process_request_body()
    if status := _stopped(transaction):
        return status
    return _answered(transaction)


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Keep from stderr what libxml2 says there about a body that is no XML."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _answered(transaction: Any) -> int:
    """Let the rules read an answer that leaks nothing."""
    transaction.add_response_header("Content-Type", "text/html")
    transaction.add_response_header("Content-Length", str(len(_ANSWER)))
    transaction.process_response_headers(_OK, "HTTP/1.1")
    if status := _stopped(transaction):
        return status
    transaction.append_response_body(_ANSWER)
    transaction.process_response_body()
    return _stopped(transaction) or _OK


def _stopped(transaction: Any) -> int:
    """Return the status with which a rule has refused the request, 0 when none has."""
    found = transaction.intervention()
    return int(found.status) if found is not None and found.disruptive else 0


def unwanted(head: Head, route: Route) -> int:
    """Return the status with which nginx refuses a method or a type, once phase 1 is over."""
    if route.methods and not re.fullmatch(route.methods, head.method):
        return 405
    if route.content_types and head.body_type is not None:
        wanted = rf"(?:{route.content_types})\s*(?:;.*)?"
        if not re.fullmatch(wanted, head.body_type, re.IGNORECASE | re.ASCII | re.DOTALL):
            return 415
    return 0


def _open_file(number: int) -> Path:
    return _OPEN_FILES / str(number)


def _ignore(_line: str) -> None:
    """Say nothing: the audit record has all of it."""
