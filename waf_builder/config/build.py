"""From a Spec to a Config: every decision that a rendered file shows is made here."""

from __future__ import annotations

from collections.abc import Sequence

from waf_builder.config import paths
from waf_builder.config.backends import build_backends
from waf_builder.config.clientip import client_headers, real_ip_from, required_proxies
from waf_builder.config.corrections import build_corrections
from waf_builder.config.detection import build_detection
from waf_builder.config.errorpages import ERROR_PAGES, error_page_statuses
from waf_builder.config.exclusions import resolve_exclusions
from waf_builder.config.gates import build_guards, with_gates
from waf_builder.config.headers import build_headers, with_headers
from waf_builder.config.logs import build_logs
from waf_builder.config.model import Config, Locator, PluginRules, Target, Timeouts
from waf_builder.config.plugins import unsupported_plugins
from waf_builder.config.policies import build_crs_setup, build_policy, unsupported
from waf_builder.config.servers import build_locations, build_servers
from waf_builder.crs.rules import RuleIndex
from waf_builder.errors import ProblemsError
from waf_builder.problem import Place, Problem, errors_in
from waf_builder.spec import model as spec
from waf_builder.spec.clientheaders import REMOVED
from waf_builder.version import Version

NEWEST = Target(
    nginx=Version(1, 30, 4),
    modsecurity=Version(3, 0, 16),
    connector=Version(1, 0, 4),
    crs=Version(4, 25, 1),
)
"""What is rendered for where no engine is at hand and none is named."""

INSTALLED_RULES = "engine/crs/rules/*.conf"
"""Where the engine's Core Rule Set is, as seen from the tree."""

COMPILED_RULES = "modsecurity/crs/*.conf"
"""Where a tree has its own, compiled for its policy."""


def build(  # noqa: PLR0913  each of them is a thing of its own
    source: spec.Spec,
    target: Target = NEWEST,
    *,
    at: Locator = lambda _path: None,
    index: RuleIndex | None = None,
    rules_before_crs: Sequence[str] = (),
    rules_after_crs: Sequence[str] = (),
    plugins: PluginRules = PluginRules(),  # noqa: B008  frozen
) -> Config:
    """Return the configuration for a spec.

    at: where a field of the spec stands, for problems.
    index: the rules that are installed, for exclusions; None where they are not known.
    rules_*, plugins: the user's own rule files and those of plugins, below `modsecurity/` of the
    rendered tree.
    Raises ProblemsError for what the target's versions and rules cannot do.
    """
    backends, problems = build_backends(source, target, at)
    problems += unsupported(source, target, at)
    problems += unsupported_plugins(source, target, at)
    exclusions = resolve_exclusions(source, index, target, at)
    problems += exclusions.problems
    if errors_in(problems):
        raise ProblemsError(_in_order(problems))
    default = spec.Timeouts()
    common = (
        Timeouts(default.connect, default.send, default.read),
        int(spec.Backend.model_fields["retries"].default) + 1,
    )
    policy = build_policy(source.waf, source.max_body, target)
    guards = build_guards(source)
    located = build_locations(source, backends, policy, common, target, exclusions=exclusions.own)
    headers = build_headers(source)
    located = with_headers(located, source, headers)
    located = with_gates(located, source, guards)
    servers = build_servers(located, source.canonical_host or "")
    route_policies = [location.policy for _, location in located if location.policy]
    return Config(
        target=target,
        backends=tuple(backends.values()),
        servers=servers,
        policy=policy,
        crs=build_crs_setup(source, target),
        corrections=build_corrections(source, target),
        detections=build_detection(source),
        route_policies=tuple(route_policies),
        timeouts=common[0],
        tries=common[1],
        max_body=source.max_body,
        client_ip_header=source.client_ip.header,
        trusted=source.client_ip.trusted,
        real_ip_from=real_ip_from(source.client_ip),
        required_proxies=required_proxies(source.client_ip),
        client_headers=client_headers(source.client_ip),
        removed_headers=REMOVED,
        health_path=source.health.path,
        logs=build_logs(source.logs),
        workers=str(source.workers or "@WORKERS@"),
        exclusions=exclusions.common,
        rules_before_crs=tuple(rules_before_crs),
        rules_after_crs=tuple(rules_after_crs),
        plugins=plugins,
        rule_set=INSTALLED_RULES,
        screens=False,
        error_pages=ERROR_PAGES,
        error_page_statuses=error_page_statuses(target),
        routes_differ=paths.differ(servers),
        guarded_paths=paths.guarded(servers),
        address_lists=guards.lists.all,
        access_everywhere=guards.lists.everywhere,
        access_elsewhere=guards.lists.common,
        request_headers=headers.request,
        response_headers=headers.response,
        https_only=source.https_only,
        canonical_host=source.canonical_host or "",
        own_paths=(paths.exactly(source.health.path), "^/__waf/errors/"),
        warnings=tuple(_in_order(problems)),
    )


def _in_order(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.place or Place(""))
