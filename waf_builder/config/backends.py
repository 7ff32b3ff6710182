"""Backends: which address, how it is resolved, and what is left for boot."""

from __future__ import annotations

import ipaddress

from waf_builder.config.domains import private_domain
from waf_builder.config.model import Backend, BootField, Form, Locator, Target, Timeouts
from waf_builder.problem import Problem
from waf_builder.spec import model as spec
from waf_builder.spec.address import APP_ID, HOST, NETWORK_ID, PORT, PROCESS
from waf_builder.spec.environment import Deferred
from waf_builder.spec.yaml import Path, dotted

_BALANCE = {"round_robin": "", "least_conn": "least_conn", "random": "random two least_conn"}
_SAMPLES = {
    "process": "sample",
    "port": "8080",
    "app_id": "ap-00000000-0000-4000-8000-000000000000",
    "network_id": "pn-00000000-0000-4000-8000-000000000000",
    "host": "sample.internal",
}
_PATTERNS = {
    "process": PROCESS,
    "port": PORT,
    "app_id": APP_ID,
    "network_id": NETWORK_ID,
    "host": HOST,
}


def build_backends(
    source: spec.Spec, target: Target, at: Locator
) -> tuple[dict[str, Backend], list[Problem]]:
    """Return the backends by name, and what the target's nginx cannot do for them."""
    backends: dict[str, Backend] = {}
    problems: list[Problem] = []
    for name, wanted in source.all_backends().items():
        path: Path = (name,) if source.backend else ("backends", name)
        backends[name] = _backend(name, wanted, target, dotted(path))
        problems += _unsupported(backends[name], wanted, target, (path, at))
    return backends, problems


def _backend(name: str, backend: spec.Backend, target: Target, where: str) -> Backend:
    text, fields = _texts(name, backend, where)
    if backend.host is not None:
        host = text["host"]
    else:
        host = private_domain(
            text["app_id"], text["network_id"], text.get("process", ""), backend.index
        )
    variable = f"address_{name.replace('-', '_')}"
    sticky, cookie = _sticky(name, backend.sticky)
    address = f"{host}:{text['port']}"
    return Backend(
        name=name,
        variable=variable,
        address=address,
        form=_form(host, target, deferred=isinstance(backend.host, Deferred)),
        fields=tuple(fields),
        balance=_BALANCE[backend.balance],
        sticky=sticky,
        sticky_cookie=cookie,
        keepalive=backend.keepalive or (0 if target.keeps_upstreams_by_default else None),
        tries=backend.retries + 1,
        host_header=_host_header(backend.host_header, variable),
        timeouts=Timeouts(backend.timeouts.connect, backend.timeouts.send, backend.timeouts.read),
    )


def _texts(name: str, backend: spec.Backend, where: str) -> tuple[dict[str, str], list[BootField]]:
    """Return each part of the address as text, a token for what is left for boot."""
    parts = ["host"] if backend.host is not None else ["process", "app_id", "network_id"]
    text: dict[str, str] = {}
    fields: list[BootField] = []
    for part in [*parts, "port"]:
        value = getattr(backend, part)
        if isinstance(value, Deferred):
            field = _boot_field(name, part, value, where)
            fields.append(field)
            text[part] = f"@{field.token}@"
        elif value is not None:
            text[part] = str(value)
    return text, fields


def _boot_field(name: str, part: str, value: Deferred, where: str) -> BootField:
    return BootField(
        token=f"BACKEND_{name.replace('-', '_')}_{part}".upper(),
        name=value.name,
        prefix=value.prefix,
        suffix=value.suffix,
        default=value.default,
        pattern=_PATTERNS[part],
        where=f"{where}.{part}",
        sample=_SAMPLES[part],
    )


def _form(host: str, target: Target, *, deferred: bool) -> Form:
    if not deferred and is_address(host):
        return "address"
    return "resolve" if target.resolves_upstreams else "variable"


def is_address(host: str) -> bool:
    """Say whether host is an IP address, so that there is nothing to resolve."""
    try:
        ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def _sticky(name: str, sticky: str | None) -> tuple[str, str]:
    if sticky is None:
        return "", ""
    if sticky == "client_ip":
        return "$remote_addr", ""
    return f"$sticky_{name.replace('-', '_')}", sticky.removeprefix("cookie:")


def _host_header(wanted: str, variable: str) -> str:
    return {"preserve": "$waf_host", "internal": f"${variable}"}.get(wanted, wanted)


def _unsupported(
    backend: Backend, wanted: spec.Backend, target: Target, stands: tuple[Path, Locator]
) -> list[Problem]:
    path, at = stands
    knobs = [
        knob
        for knob, used in (("sticky", wanted.sticky), ("balance", backend.balance))
        if used and backend.form == "variable"
    ]
    return [
        Problem(
            f"config.{knob}-needs-resolve",
            f"{dotted(path)} has {knob}, which needs nginx 1.27.3 or newer",
            at((*path, knob)),
            hint=(
                f"nginx {target.nginx} finds a changing address only through a variable in"
                " proxy_pass,\nwhich tries the addresses in turn. Remove the key, or use a"
                " newer engine (stack scalingo-26)."
            ),
        )
        for knob in knobs
    ]
