"""What goes together, and what an engine's versions cannot do: data, with reasons and sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from waf_builder.crs.needs import too_old_for
from waf_builder.engine.model import Engine
from waf_builder.problem import Problem, Severity
from waf_builder.version import Version

_FIRST = Version(3, 0, 0)


@dataclass(frozen=True)
class Fix:
    """A hole in libmodsecurity from `since` on that `fixed` closed."""

    name: str
    fixed: Version
    what: str
    since: Version = _FIRST


FIXES = (
    # https://github.com/owasp-modsecurity/ModSecurity/releases, and each name's own record.
    Fix("CVE-2023-38285", Version(3, 0, 10), "transformations that take very long"),
    Fix("CVE-2024-1019", Version(3, 0, 12), "a path with %3F passes the rules that look at paths"),
    Fix(
        "CVE-2025-27110",
        Version(3, 0, 14),
        "HTML entities with leading zeros are not decoded",
        since=Version(3, 0, 13),
    ),
    Fix("CVE-2026-30923", Version(3, 0, 15), "one character crashes a worker at t:hexDecode"),
    Fix("CVE-2026-42268", Version(3, 0, 15), "a crash of @verifySSN, @verifyCPF and @verifySVNR"),
    Fix("CVE-2026-52747", Version(3, 0, 16), "line breaks in multipart fields are not inspected"),
    Fix("CVE-2026-52761", Version(3, 0, 16), "t:utf8toUnicode is wrong on 32-bit processors"),
    Fix("GHSA-cxqf-vgrr-xxrv", Version(3, 0, 17), "some named HTML entities are not decoded"),
    Fix("GHSA-jx3r-phvx-2jmj", Version(3, 0, 17), "an XML body can crash a worker"),
    Fix("GHSA-vmg8-j66p-vgvw", Version(3, 0, 17), "a Content-Type in mixed case hides responses"),
)

PCRE_LIMIT_SINCE = Version(3, 0, 10)
"""The first that knows SecPcreMatchLimit (https://github.com/owasp-modsecurity/ModSecurity/pull/2736)."""
PCRE_LIMIT_PROVED = Version(3, 0, 14)
"""The first on which small hostile requests were measured to stay small with a limit of 3000."""
FULL_AUDIT_SINCE = Version(1, 0, 4)
"""The first connector that keeps every audit record when `error_page` answers a refused request
(https://github.com/owasp-modsecurity/ModSecurity-nginx/pull/346)."""


def check_pair(engine: Engine) -> list[Problem]:
    """Return what is wrong with this combination of versions, errors first.

    An error means that the rules will not load; a warning, that a request can hurt; a note,
    what a newer version would bring.
    """
    return [*_pairs(engine), *_pcre_limit(engine), *_audit_log(engine), *_fixes(engine)]


def _pairs(engine: Engine) -> Iterator[Problem]:
    crs = engine.crs
    if crs is None:
        return
    pair = too_old_for(crs.version, engine.modsecurity_version)
    if pair is not None:
        yield Problem(
            "engine.crs-needs-newer",
            f"Core Rule Set {crs.version} needs libmodsecurity {pair.needs} or newer, this is"
            f" {engine.modsecurity_version}: {pair.reason}, which older ones cannot read",
            hint="Take another rule set (--crs: 4.28.0 loads on 3.0.9 too), or a"
            " newer engine (--engine).",
        )


def _pcre_limit(engine: Engine) -> Iterator[Problem]:
    version = engine.modsecurity_version
    if version >= PCRE_LIMIT_PROVED:
        return
    fact = (
        "does not enforce SecPcreMatchLimit"
        if version < PCRE_LIMIT_SINCE
        else f"is not known to enforce SecPcreMatchLimit well enough: {PCRE_LIMIT_PROVED} is"
    )
    yield Problem(
        "engine.pcre-limit",
        f"libmodsecurity {version} {fact},"
        " so one request of 2 KB can keep a worker busy for seconds",
        hint="Some of the Core Rule Set's expressions take very long on such input, and nothing"
        f" stops them.\nUse libmodsecurity {PCRE_LIMIT_PROVED} or newer (Debian 13, Ubuntu 26.04)"
        " where strangers can send requests.",
        severity=Severity.WARNING,
    )


def _audit_log(engine: Engine) -> Iterator[Problem]:
    version = engine.connector_version
    if version is None or version >= FULL_AUDIT_SINCE:
        return
    yield Problem(
        "engine.audit-log",
        f"the ModSecurity-nginx connector is {version}: a page of our own for a request that the"
        " rules refused would cost its audit record, so nginx's plain page is sent",
        hint=f"{FULL_AUDIT_SINCE} keeps both. With older ones an `error_page` for 400 or 403 in a"
        " template override loses records.",
        severity=Severity.NOTE,
    )


def _fixes(engine: Engine) -> Iterator[Problem]:
    version = engine.modsecurity_version
    missing = [fix for fix in FIXES if fix.since <= version < fix.fixed]
    if missing:
        newest = max(fix.fixed for fix in missing)
        yield Problem(
            "engine.security-fixes",
            f"libmodsecurity {version} is older than {newest}, which fixes known holes; your"
            " distribution may have fixed them in its own package of this version",
            hint="\n".join(f"{fix.name}: {fix.what} (fixed in {fix.fixed})" for fix in missing),
            severity=Severity.NOTE,
        )
