"""Headers: what a spec and its routes change, as nginx has to be told."""

from __future__ import annotations

from dataclasses import dataclass, replace

from waf_builder.config.model import Headers, Location
from waf_builder.spec import model as spec
from waf_builder.spec.model import HeaderChanges, Route, Spec

Pairs = tuple[tuple[str, str], ...]

SECURITY = (
    ("Strict-Transport-Security", "$waf_strict_transport_security"),
    ("X-Content-Type-Options", "$waf_x_content_type_options"),
    ("X-Frame-Options", "$waf_x_frame_options"),
    ("Referrer-Policy", "$waf_referrer_policy"),
)
"""The variables are in templates/headers.conf.j2, with their values."""


@dataclass(frozen=True)
class AllHeaders:
    """What holds where no route has anything of its own. request: an empty value removes."""

    response: Headers
    request: Pairs


def build_headers(source: Spec) -> AllHeaders:
    """Return what the spec as a whole changes."""
    return _made(source.headers)


def with_headers(
    located: list[tuple[Route, Location]], source: Spec, common: AllHeaders
) -> list[tuple[Route, Location]]:
    """Return each route and its location, with what it changes.

    nginx inherits headers all or none, so where one differs, all are there.
    """
    return [(route, _with(route, location, source, common)) for route, location in located]


def _with(route: Route, location: Location, source: Spec, common: AllHeaders) -> Location:
    made = _made(_merged(source.headers, route.headers))
    response = _spelled_out(made.response, common.response)
    return replace(
        location,
        headers=response if response != common.response else None,
        request_headers=made.request,
        own_proxy_headers=location.own_proxy_headers or made.request != common.request,
    )


def _spelled_out(own: Headers, common: Headers) -> Headers:
    """Return own headers and, empty, which nginx does not send, the others that are common.

    So whoever reads the location sees that they are left out on purpose.
    """
    named = {name.lower() for name, _ in (*own.security, *own.set)}
    left_out = (name for name, _ in (*common.security, *common.set) if name.lower() not in named)
    return replace(own, set=(*own.set, *((name, "") for name in left_out)))


def _merged(general: spec.Headers, own: spec.Headers) -> spec.Headers:
    return spec.Headers(
        response=_changes(general.response, own.response),
        request=_changes(general.request, own.request),
        security=general.security if own.security is None else own.security,
    )


def _changes(general: HeaderChanges, own: HeaderChanges) -> HeaderChanges:
    """Return both together; of what both name, what `own` says."""
    named = {name.lower() for name in (*own.set, *own.remove)}
    kept = {name: value for name, value in general.set.items() if name.lower() not in named}
    removed = tuple(name for name in general.remove if name.lower() not in named)
    return HeaderChanges.model_construct(set={**kept, **own.set}, remove=(*removed, *own.remove))


def _made(headers: spec.Headers) -> AllHeaders:
    changed = (*headers.response.set, *headers.response.remove)
    named = {name.lower() for name in changed}
    security = SECURITY if headers.security else ()
    return AllHeaders(
        response=Headers(
            security=tuple(pair for pair in security if pair[0].lower() not in named),
            set=tuple(headers.response.set.items()),
            hidden=changed,
        ),
        request=(
            *headers.request.set.items(),
            *((name, "") for name in headers.request.remove),
        ),
    )
