"""How the fields of a spec fit together: which problem, at which field, and when there is none."""

from __future__ import annotations

from datetime import date

import pytest
from specs import APP_ID, NETWORK_ID, SMALLEST, TWO_BACKENDS, codes_of, problems_of, tree_of
from support.cases import for_each

from waf_builder.problem import Severity
from waf_builder.spec.load import loads


def found(text: str) -> list[tuple[str, str]]:
    """Return code and line:column of each problem."""
    return [
        (problem.code, f"{problem.place.line}:{problem.place.column}")
        for problem in problems_of(text)
    ]


def routes(*lines: str) -> str:
    return "routes:\n" + "".join(f"  - {line}\n" for line in lines)


@pytest.mark.parametrize("process", ["api", "worker", "webs", "myweb"])
def test_a_private_process(process: str):
    assert codes_of(SMALLEST.replace("myappbackend", process)) == []


@pytest.mark.parametrize("process", ["web", "tcp", '"${P:-web}"'])
def test_a_public_process_is_a_warning(process: str):
    (problem,) = problems_of(SMALLEST.replace("myappbackend", process))

    assert (problem.code, problem.severity) == ("spec.process-public", Severity.WARNING)


def test_the_value_of_a_variable_is_looked_at_as_well():
    spec = SMALLEST.replace("myappbackend", '"${P}"')

    assert codes_of(spec) == []
    assert codes_of(spec, {"P": "api"}) == []
    assert codes_of(spec, {"P": "web"}) == ["spec.process-public"]


def test_a_host_needs_no_process():
    assert codes_of("backend: {host: a.internal, port: 80}\n") == []


@pytest.mark.parametrize("key", ["process: api", f"app_id: {APP_ID}", "index: 1"])
def test_a_host_and_ids(key: str):
    assert codes_of(f"backend: {{host: a.internal, port: 80, {key}}}\n") == ["spec.host-and-ids"]


def test_a_backend_without_an_address():
    named = f"backends:\n  a:\n    port: 80\n    process: api\n    network_id: {NETWORK_ID}\n"

    assert found("backend:\n  process: api\n  port: 80\n") == [("spec.no-address", "2:3")]
    assert found(named) == [("spec.no-address", "3:5")]


@pytest.mark.parametrize(
    ("field", "value", "warns"),
    [
        ("connect", "30s", False),
        ("connect", "30001ms", True),
        ("send", "30s", False),
        ("send", "31s", True),
        ("read", "28s", False),
        ("read", "1m", True),
    ],
)
def test_a_timeout_that_the_router_makes_useless(field: str, value: str, warns: bool):
    expected = ["spec.timeout-router"] if warns else []

    assert codes_of(f"{SMALLEST}  timeouts: {{{field}: {value}}}\n") == expected
    assert codes_of(SMALLEST + routes(f"{{path: /, timeouts: {{{field}: {value}}}}}")) == expected


@pytest.mark.parametrize("kind", ["websocket", "streaming"])
def test_a_stream_may_be_silent_for_longer(kind: str):
    def stream(read: str) -> str:
        return SMALLEST + routes(f"{{path: /, {kind}: true, timeouts: {{read: {read}}}}}")

    assert codes_of(stream("60s")) == []
    assert codes_of(stream("61s")) == ["spec.timeout-router"]


@pytest.mark.parametrize(("size", "fine"), [("75m", True), ("78643200", True), ("78643201", False)])
def test_a_body_that_the_router_refuses(size: str, fine: bool):
    expected = [] if fine else ["spec.max-body-router"]

    assert codes_of(f"{SMALLEST}max_body: {size}\n") == expected
    assert codes_of(SMALLEST + routes(f"{{path: /, max_body: {size}}}")) == expected


def test_one_backend_needs_no_name_in_a_route():
    assert codes_of(SMALLEST + routes("{path: /}")) == []
    assert codes_of("backends: {a: {host: a, port: 80}}\n" + routes("{path: /}")) == []
    assert codes_of("backends: {a: {host: a, port: 80}}\n") == []


def test_the_sole_backend_is_called_backend():
    assert codes_of(SMALLEST + routes("{path: /, backend: backend}")) == []
    assert codes_of(SMALLEST + routes("{path: /, backend: myappbackend}")) == ["spec.route-backend"]


def test_several_backends_need_routes_that_name_them():
    assert codes_of(TWO_BACKENDS) == ["spec.no-routes"]
    assert found(TWO_BACKENDS + routes("{path: /, backend: site}", "{path: /api/}")) == [
        ("spec.unused-backend", "3:8"),
        ("spec.route-backend", "6:5"),
    ]


def test_an_unused_backend_is_a_warning():
    (problem,) = problems_of(TWO_BACKENDS + routes("{path: /, backend: api}"))

    assert (problem.code, problem.severity) == ("spec.unused-backend", Severity.WARNING)
    assert problem.message == "backends.site is used by no route"


@for_each(
    ("first", "second", "same"),
    [
        ("{path: /a}", "{path: /a}", True),
        ("{path: /a}", "{path: /a/}", False),
        ("{path: /a}", "{path: /A}", False),
        ("{path: /a}", "{path: /a, exact: true}", False),
        ("{path: /a, exact: true}", "{path: /a, exact: true}", True),
        ("{path: /a, hosts: [a.com]}", "{path: /a}", False),
        ("{path: /a, hosts: [a.com]}", "{path: /a, hosts: [b.com]}", False),
        ("{path: /a, hosts: [a.com]}", "{path: /a, hosts: [A.com]}", True),
        ("{path: /a, hosts: [a.com, b.com]}", "{path: /a, hosts: [c.com, b.com]}", True),
        ('{path: /a, hosts: ["*.a.com"]}', "{path: /a, hosts: [b.a.com]}", False),
        ("{path: /a, methods: [GET]}", "{path: /a, methods: [POST]}", True),
    ],
)
def test_a_route_that_can_never_match(first: str, second: str, same: bool):
    assert codes_of(SMALLEST + routes(first, second)) == (["spec.same-route"] if same else [])


def test_a_host_that_a_route_names_twice():
    spec = SMALLEST + routes("{path: /, hosts: [a.com, b.com, A.com, a.com]}")

    assert found(spec) == [("spec.same-host", "7:37"), ("spec.same-host", "7:44")]


@pytest.mark.parametrize(
    ("path", "fine"),
    [
        ("/__waf/health", False),
        ("/__waf/errors/", False),
        ("/__waf/errors/x", False),
        ("/__waf/", True),
        ("/__waf/healthy", True),
        ("/", True),
    ],
)
def test_a_path_that_the_waf_answers_itself(path: str, fine: bool):
    expected = [] if fine else ["spec.path-reserved"]

    assert codes_of(SMALLEST + routes(f"{{path: {path}}}")) == expected
    assert codes_of(SMALLEST + routes(f"{{path: {path}, exact: true}}")) == expected


def test_a_health_path_of_one_s_own():
    assert codes_of(SMALLEST + "health: {path: /up}\n" + routes("{path: /__waf/health}")) == []
    assert codes_of(SMALLEST + "health: {path: /up}\n" + routes("{path: /up}")) == [
        "spec.path-reserved"
    ]
    assert codes_of(SMALLEST + "health: {path: /}\n") == ["spec.path-reserved"]
    assert codes_of(SMALLEST + "health: {path: /}\n" + routes("{path: /api/}")) == []


@pytest.mark.parametrize(
    ("waf", "route", "fine"),
    [
        ("{paranoia_level: 2, detection_paranoia_level: 2}", "{}", True),
        ("{paranoia_level: 2, detection_paranoia_level: 1}", "{}", False),
        ("{detection_paranoia_level: 1}", "{}", True),
        ("{paranoia_level: 2}", "{detection_paranoia_level: 1}", False),
        ("{paranoia_level: 2}", "{paranoia_level: 1, detection_paranoia_level: 1}", True),
        ("{}", "{paranoia_level: 3, detection_paranoia_level: 2}", False),
        # What a route leaves out follows its own level.
        ("{detection_paranoia_level: 2}", "{paranoia_level: 4}", True),
    ],
)
def test_detection_at_a_lower_level_than_blocking(waf: str, route: str, fine: bool):
    spec = f"{SMALLEST}waf: {waf}\n" + routes(f"{{path: /, waf: {route}}}")

    assert codes_of(spec) == ([] if fine else ["spec.detection-level"])


@pytest.mark.parametrize(
    ("cidr", "fine"),
    [
        ("172.16.0.0/12", True),
        ("10.240.4.0/24", True),
        ("10.240.0.0/22", False),
        ("10.240.1.1", False),
        ("10.0.0.0/8", False),
        ("2001:db8::/32", True),
    ],
)
def test_trusting_the_private_network_is_a_warning(cidr: str, fine: bool):
    problems = problems_of(f'{SMALLEST}client_ip: {{trusted: ["192.0.2.0/24", "{cidr}"]}}\n')

    assert [(found.code, found.severity) for found in problems] == (
        [] if fine else [("spec.trusts-private-network", Severity.WARNING)]
    )


class TestEnforceAfter:
    DAY = "2027-03-31"
    DETECT = f"waf: {{mode: detect, enforce_after: {DAY}}}\n"

    @pytest.mark.parametrize(
        ("today", "overdue"),
        [("2027-03-30", False), ("2027-03-31", False), ("2027-04-01", True), ("2028-01-01", True)],
    )
    def test_the_day_itself_is_the_last(self, today: str, overdue: bool):
        _, problems = loads(SMALLEST + self.DETECT, "f", {}, date.fromisoformat(today))

        assert [(found.code, found.severity) for found in problems] == (
            [("spec.enforce-after-past", Severity.WARNING)] if overdue else []
        )

    @pytest.mark.parametrize(
        ("common", "own", "codes"),
        [
            ("mode: detect", f"enforce_after: {DAY}", []),
            ("mode: block", f"mode: detect, enforce_after: {DAY}", []),
            ("mode: block", f"enforce_after: {DAY}", ["spec.enforce-after-mode"]),
            ("mode: detect", f"mode: block, enforce_after: {DAY}", ["spec.enforce-after-mode"]),
            # What a route does with the mode says nothing of the date of all others.
            (f"mode: detect, enforce_after: {DAY}", "mode: block", []),
            (f"mode: detect, enforce_after: {DAY}", 'mode: "off"', []),
        ],
    )
    def test_only_a_mode_that_detects_has_a_date(self, common: str, own: str, codes: list[str]):
        text = f"{SMALLEST}waf: {{{common}}}\nroutes: [{{path: /, waf: {{{own}}}}}]\n"
        _, problems = loads(text, "f", {}, date(2027, 1, 1))

        assert [found.code for found in problems] == codes

    def test_a_date_that_is_past_changes_nothing_that_is_rendered(self):
        assert tree_of(SMALLEST + self.DETECT) == tree_of(SMALLEST + "waf: {mode: detect}\n")
        past = SMALLEST + self.DETECT.replace("2027", "2001")
        assert tree_of(past) == tree_of(SMALLEST + "waf: {mode: detect}\n")


def test_everything_at_once_in_the_order_of_the_file():
    text = (
        "routes:\n"
        "  - {path: /, backend: nobody, websocket: true, streaming: true}\n"
        "max_body: 80m\n"
        "backends:\n"
        "  b: {host: a.internal, port: 80, process: web}\n"
        "  a: {process: tcp, port: 80}\n"
    )

    assert found(text) == [
        ("spec.route-backend", "2:24"),
        ("spec.websocket-streaming", "2:60"),
        ("spec.max-body-router", "3:11"),
        ("spec.unused-backend", "5:6"),
        ("spec.host-and-ids", "5:13"),
        ("spec.unused-backend", "6:6"),
        ("spec.no-address", "6:6"),
        ("spec.process-public", "6:16"),
    ]
