"""Which template makes which file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from waf_builder.config.model import Config


@dataclass(frozen=True)
class Output:
    """One file of the rendered tree: its path, its template and what the template sees."""

    path: str
    template: str
    context: Mapping[str, Any]


def outputs(config: Config) -> Iterator[Output]:
    """Yield every file of the tree, nginx.conf first."""
    seen = _context(config)
    yield Output("nginx.conf", "nginx.conf.j2", seen)
    names = ["main", "engine", "crs-setup", "late"]
    names += ["screens"] if config.screens else []
    names += ["corrections"] if config.corrections else []
    names += ["extra-detection"] if config.detections else []
    for name in names:
        yield Output(f"modsecurity/{name}.conf", f"modsecurity/{name}.conf.j2", seen)
    for name, exclusions in (
        ("before", config.scoped_exclusions),
        ("after", config.fixed_exclusions),
    ):
        if exclusions:
            file = f"modsecurity/exclusions-{name}-crs.conf"
            yield Output(file, f"{file}.j2", seen)
    for policy in config.route_policies:
        yield Output(policy.file, "modsecurity/route.conf.j2", {"policy": policy})
    for addresses in config.address_lists:
        yield Output(addresses.file, "access/list.conf.j2", {"list": addresses})
    for page in config.error_pages:
        for kind in ("html", "json"):
            yield Output(f"errors/{page.status}.{kind}", f"errors/page.{kind}.j2", {"page": page})
    boot = ["listen", "workers", "logs", "brake", "brake-rules"]
    boot += ["resolver"] if config.resolves else []
    boot += ["backends"] if config.boot_fields else []
    for name in boot:
        yield Output(f"boot/{name}.conf", f"boot/{name}.conf.j2", seen)
    yield Output("boot/fields", "boot/fields.j2", seen)
    if config.passwords:
        yield Output("boot/passwords", "boot/passwords.j2", seen)


def _context(config: Config) -> dict[str, Any]:
    names = [name for name in dir(config) if not name.startswith("_")]
    return {name: getattr(config, name) for name in names}
