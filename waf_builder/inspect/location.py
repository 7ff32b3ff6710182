"""The location of a request, or what nginx answers by itself."""

from __future__ import annotations

from dataclasses import dataclass

from waf_builder.inspect.clear import Clarity
from waf_builder.inspect.head import Head, Refused
from waf_builder.inspect.routing import Host, Route, Routing, host_for

_INTERNAL = "/__waf/errors/"


@dataclass(frozen=True)
class Met:
    """Where a request goes. status: what nginx answers without the rules, 0 when it asks them."""

    route: Route | None
    status: int = 0


class Locator:
    """Chooses locations as nginx does for one routing."""

    def __init__(self, routing: Routing) -> None:
        self._routing = routing
        self._clarity = Clarity(routing.guarded)

    def locate(self, head: Head) -> Met:
        """Return where a request goes; raises Refused for one that the server itself refuses."""
        routing = self._routing
        if "#" in head.uri:
            raise Refused(400)
        if routing.clear_paths and not self._clarity.path(head):
            raise Refused(400)
        if routing.clear_host and not self._clarity.host(head):
            raise Refused(400)
        host = host_for(routing.hosts, head.host)
        met = self._in(host, head.path)
        limit = met.route.max_body if met.route else routing.max_body
        return Met(met.route, 413) if 0 < limit < len(head.body) else met

    def _in(self, host: Host, path: str) -> Met:
        if path == self._routing.health_path:
            return Met(None, 200)
        if path.startswith(_INTERNAL):
            return Met(None, 404)
        if path in host.redirects:
            return Met(None, 301)
        same = [route for route in host.routes if route.path == path]
        for route in sorted(same, key=lambda route: not route.exact):
            return Met(route)
        lacking = [route for route in host.routes if route.path == f"{path}/"]
        if lacking:  # what proxy_pass does: https://nginx.org/en/docs/http/ngx_http_core_module.html#location
            return Met(lacking[0], 301)
        around = [route for route in host.routes if not route.exact and path.startswith(route.path)]
        if not around:
            return Met(None, 404)
        return Met(max(around, key=lambda route: len(route.path)))
