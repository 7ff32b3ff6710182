"""One backend as the doctor meets it: what the spec says, with what boot fills in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from waf_builder.config.model import Backend
from waf_builder.doctor.variables import address_of, value_of
from waf_builder.spec import model as spec
from waf_builder.spec.environment import Deferred


@dataclass(frozen=True)
class Subject:
    """A backend whose variables have been filled in, as far as they are there.

    label: what its checks begin with. host, port: None while a variable is missing.
    path: a path below which the spec sends requests to it.
    """

    label: str
    written: spec.Backend
    backend: Backend
    address: tuple[str, int] | None
    process: str | None
    network_id: str | None
    path: str

    @property
    def private(self) -> bool:
        """Whether the platform gives it its name, in a private network."""
        return self.written.host is None

    @property
    def host_header(self) -> str:
        """A Host header such as it gets from the WAF."""
        if "$" not in self.backend.host_header:
            return self.backend.host_header
        host, port = self.address or ("", 0)
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def find_subjects(
    source: spec.Spec, backends: Mapping[str, Backend], environ: Mapping[str, str]
) -> list[Subject]:
    """Return every backend of a spec, in its order."""
    return [
        Subject(
            label="backend" if source.backend else f"backend {name}",
            written=written,
            backend=backends[name],
            address=address_of(backends[name], environ),
            process=_part("process", written, backends[name], environ),
            network_id=_part("network_id", written, backends[name], environ),
            path=_path(name, source),
        )
        for name, written in source.all_backends().items()
    ]


def _part(
    part: str, written: spec.Backend, backend: Backend, environ: Mapping[str, str]
) -> str | None:
    value = getattr(written, part)
    if not isinstance(value, Deferred):
        return None if value is None else str(value)
    fields = (field for field in backend.fields if field.where.endswith(f".{part}"))
    return next((value_of(field, environ) for field in fields), None)


def _path(name: str, source: spec.Spec) -> str:
    """Return the shortest path of a backend's routes: most probably a page that it has."""
    sole = next(iter(source.all_backends()))
    paths = [route.path for route in source.all_routes() if (route.backend or sole) == name]
    return min(paths, key=len, default="/")
