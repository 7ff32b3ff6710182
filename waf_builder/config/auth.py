"""Basic authentication: which route asks for which password."""

from __future__ import annotations

from collections.abc import Mapping

from waf_builder.config.model import BasicAuth
from waf_builder.spec import model as spec
from waf_builder.spec.model import Route, Spec, effective


def build_passwords(source: Spec) -> dict[spec.BasicAuth, BasicAuth]:
    """Return what boot has to write; equal names and passwords become one file."""
    wanted = [("basic_auth", source.basic_auth)]
    wanted += [
        (f"routes[{index}].basic_auth", route.basic_auth)
        for index, route in enumerate(source.routes)
        if isinstance(route.basic_auth, spec.BasicAuth)
    ]
    made: dict[spec.BasicAuth, BasicAuth] = {}
    for where, auth in wanted:
        if auth and auth not in made:
            file = f"runtime/password-{len(made) + 1}"
            made[auth] = BasicAuth(file, auth.user, auth.password_env, where)
    return made


def password_of(
    route: Route, source: Spec, made: Mapping[spec.BasicAuth, BasicAuth]
) -> BasicAuth | None:
    """Return what a route asks for."""
    auth = effective(route.basic_auth, source.basic_auth)
    return made[auth] if auth else None
