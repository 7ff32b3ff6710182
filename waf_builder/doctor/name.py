"""A backend's name, asked of every name server as nginx would."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from waf_builder.doctor import dns
from waf_builder.doctor.here import Here
from waf_builder.doctor.resolvers import Server, shown
from waf_builder.doctor.result import Result, failed, ok, warning
from waf_builder.doctor.subject import Subject

SECONDS = 3.0
"""How long a name server may take; nginx asks the next one after 5 s."""
_SHOWN = 4

_NO_SUCH_NAME = """\
There is no container of that name. Are process, app_id and network_id right (`waf-builder
domains` prints the names), is the process scaled to 1 or more, are both apps in the private
network? A one-off container may stand outside of it, so ask from the WAF's own container too."""
_NO_ADDRESS = "The name is known and has no IPv4 address: is the process scaled to 1 or more?"
_NO_SERVER = "No name server answers from here: look at /etc/resolv.conf, or name others."
_REFUSES = "The name servers answer, but not this question: are they those of the private network?"


def check_name(
    subject: Subject, host: str, servers: Sequence[Server], here: Here
) -> tuple[Result, tuple[str, ...]]:
    """Return what the name servers say of a name, and the addresses."""
    check = f"{subject.label}: name"
    seconds = here.left(SECONDS)
    with ThreadPoolExecutor(2 * len(servers)) as pool:
        asked = [
            [pool.submit(_ask, server, host, kind, seconds) for kind in (dns.A, dns.AAAA)]
            for server in servers
        ]
        answers = [(one.result(), other.result()) for one, other in asked]
    addresses = _addresses([answer for answer, _ in answers])
    complaints = [
        f"{shown(server)}: {said}"
        for server, (answer, _) in zip(servers, answers, strict=True)
        if (said := _complaint(answer))
    ]
    if not addresses:
        return failed(check, f"{host}: {'; '.join(complaints)}", _why(answers)), ()
    ttl = max(answer.ttl for answer, _ in answers if isinstance(answer, dns.Answer))
    six = next(six for four, six in answers if not _complaint(four))
    seen = f"{_listed(addresses)} for {ttl} s, {_ipv6(six)}"
    if complaints:
        return warning(
            check,
            f"{seen}; {'; '.join(complaints)}",
            "nginx asks all name servers in turn, and waits up to 5 s for each that is silent.",
        ), addresses
    return ok(check, seen), addresses


def _ask(server: Server, host: str, kind: int, seconds: float) -> dns.Answer | str:
    try:
        return dns.ask(server, host, kind, seconds)
    except TimeoutError:
        return "no answer"
    except OSError as error:
        return error.strerror or "no answer"
    except ValueError as error:
        return str(error)


def _complaint(answer: dns.Answer | str) -> str:
    if isinstance(answer, str):
        return answer
    if answer.code:
        return dns.MEANINGS.get(answer.code, f"code {answer.code}")
    return "" if answer.addresses else "no A record"


def _why(answers: Sequence[tuple[dns.Answer | str, dns.Answer | str]]) -> str:
    codes = {answer.code for answer, _ in answers if isinstance(answer, dns.Answer)}
    if not codes:
        return _NO_SERVER
    if dns.NAME_ERROR in codes:
        return _NO_SUCH_NAME
    return _NO_ADDRESS if 0 in codes else _REFUSES


def _addresses(answers: Sequence[dns.Answer | str]) -> tuple[str, ...]:
    found = (answer.addresses for answer in answers if isinstance(answer, dns.Answer))
    return tuple(dict.fromkeys(address for one in found for address in one))


def _listed(addresses: Sequence[str]) -> str:
    more = len(addresses) - _SHOWN
    return ", ".join(addresses[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _ipv6(answer: dns.Answer | str) -> str:
    """Say what an AAAA query got; nginx does not ask one, since a failed one would be a 502."""
    if isinstance(answer, dns.Answer) and not answer.code:
        return f"AAAA {answer.addresses[0]}" if answer.addresses else "no AAAA"
    return f"AAAA: {_complaint(answer)}"
