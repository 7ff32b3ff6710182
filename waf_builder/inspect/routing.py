"""Which requests nginx lets through to which route: the part of a Config that decides it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from waf_builder.config.model import Config, Location

_THRESHOLD = "inbound_anomaly_score_threshold"
_LEVELS = ("blocking_paranoia_level", "paranoia_level")
"""What the Core Rule Set 4 calls it, and 3.3."""
_ALLOWED = {
    "allowed_methods": "allowed_methods",
    "allowed_content_types": "allowed_request_content_type",
    "max_arguments": "waf_max_arguments",
}
"""Keys of a spec, and the variables that the rules get for them."""


def _as_bytes(path: str) -> str:
    """Return a path of the configuration as nginx compares it, one character a byte."""
    return path.encode("utf-8").decode("latin-1")


@dataclass(frozen=True)
class Route:
    """One location.

    rules: the file of what its policy does differently, empty for none. methods, content_types:
    patterns, empty for all. max_body: in bytes, 0 for any size. threshold: the score from which on
    it refuses. level: the paranoia level up to which rules count. own: keys of the spec that say
    what is allowed, where they are not those of all routes.
    """

    label: str
    path: str
    exact: bool
    mode: str
    rules: str
    methods: str
    content_types: str
    max_body: int
    threshold: int
    level: int
    own: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Host:
    """One server. names: empty for the default one. redirects: paths that lack their slash."""

    names: tuple[str, ...]
    routes: tuple[Route, ...]
    answers_everything: bool
    redirects: tuple[str, ...]


@dataclass(frozen=True)
class Routing:
    """The servers, the default one first, and what all of them refuse.

    guarded: patterns of `$request_uri $uri`, as in `Config.guarded_paths`. clear_paths, clear_host:
    whether a path, a host that can be read in two ways is refused. common: what is allowed, by the
    key of the spec, where a route has none of its own.
    """

    hosts: tuple[Host, ...]
    max_body: int
    threshold: int
    health_path: str
    clear_paths: bool
    guarded: tuple[str, ...]
    clear_host: bool
    common: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` takes."""
        return asdict(self)

    def threshold_of(self, label: str) -> int:
        """Return the score from which on a route refuses; the general one without a route."""
        route = self.route(label)
        return route.threshold if route else self.threshold

    def level_of(self, label: str) -> int:
        """Return the paranoia level of a route; the lowest without one."""
        route = self.route(label)
        return route.level if route else 1

    def allowed(self, label: str, key: str) -> tuple[Sequence[str], bool]:
        """Return what a key allows on a route, and whether on this one alone."""
        route = self.route(label)
        own = route.own.get(key) if route else None
        return (own, True) if own is not None else (self.common.get(key, ()), False)

    @property
    def several_routes(self) -> bool:
        """Whether what holds for all routes holds for more than one."""
        return sum(len(host.routes) for host in self.hosts) > 1

    @property
    def several_hosts(self) -> bool:
        """Whether a path may be of several routes, one for each host."""
        return sum(bool(host.routes) for host in self.hosts) > 1

    def route(self, label: str) -> Route | None:
        """Return a route by its label, None where none has it."""
        routes = (route for host in self.hosts for route in host.routes)
        return next((route for route in routes if route.label == label), None)


def routing_of(config: Config) -> Routing:
    """Return what of a configuration decides where a request goes."""
    common = _allowed(dict(config.policy.variables))
    return Routing(
        hosts=tuple(
            Host(
                server.names,
                tuple(_route(location, config, common) for location in server.locations),
                server.answers_everything,
                tuple(_as_bytes(path) for path, _ in server.slash_redirects),
            )
            for server in config.servers
        ),
        max_body=config.max_body,
        threshold=int(dict(config.policy.variables)[_THRESHOLD]),
        health_path=config.health_path,
        clear_paths=config.routes_differ,
        guarded=config.guarded_paths,
        clear_host=config.excludes_by_host,
        common=common,
    )


def _route(location: Location, config: Config, common: Mapping[str, Sequence[str]]) -> Route:
    policy = location.policy
    variables = (policy and policy.variables) or config.policy.variables
    own = _allowed(dict(variables)) if policy and policy.variables else {}
    return Route(
        label=location.label,
        path=_as_bytes(location.path),
        exact=bool(location.modifier),
        mode=location.mode,
        rules=policy.file if policy else "",
        methods=location.methods,
        content_types=location.content_types,
        max_body=config.max_body if location.max_body is None else location.max_body,
        threshold=int(dict(variables)[_THRESHOLD]),
        level=_level(dict(variables)),
        own={key: value for key, value in own.items() if value != common[key]},
    )


def _allowed(variables: Mapping[str, str]) -> dict[str, list[str]]:
    return {
        key: [word.strip("|") for word in variables[name].split()] for key, name in _ALLOWED.items()
    }


def _level(variables: Mapping[str, str]) -> int:
    return int(next(variables[name] for name in _LEVELS if name in variables))


def from_json(data: Mapping[str, Any]) -> Routing:
    """Return the routing that `Routing.as_json` was made of."""
    hosts = tuple(
        Host(
            tuple(host["names"]),
            tuple(Route(**route) for route in host["routes"]),
            host["answers_everything"],
            tuple(host["redirects"]),
        )
        for host in data["hosts"]
    )
    return Routing(**{**data, "hosts": hosts, "guarded": tuple(data["guarded"])})


def host_for(hosts: Sequence[Host], name: str) -> Host:
    """Return the server that nginx takes for a host name in small letters.

    An exact name wins, then the longest `*.name`, then the default server:
    https://nginx.org/en/docs/http/server_names.html
    """
    exact = {own: host for host in hosts for own in host.names}
    labels = name.split(".")
    wildcards = (f"*.{'.'.join(labels[start:])}" for start in range(1, len(labels)))
    return next((exact[one] for one in (name, *wildcards) if one in exact), hosts[0])
