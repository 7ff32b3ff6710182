"""The nginx directives that crossplane's own table (nginx 1.23.1) does not have.

Contexts and arguments are those of nginx 1.31.5's command tables
(https://github.com/nginx/nginx/tree/master/src/http) and of ModSecurity-nginx 1.0.4
(`src/ngx_http_modsecurity_module.c`).
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Form(NamedTuple):
    """One way to write a directive: where it may stand, what it takes.

    arguments: the counts that are allowed, as digits (`12`: one or two), `on|off`,
    or `1+`, `2+` for a least number.
    """

    contexts: str
    arguments: str


_ANYWHERE: Final = "http server location"

ADDED: Final[dict[str, tuple[Form, ...]]] = {
    # ModSecurity-nginx. `modsecurity_use_error_log` is missing on purpose: 1.0.4 refuses it.
    "modsecurity": (Form(_ANYWHERE, "on|off"),),
    "modsecurity_rules": (Form(_ANYWHERE, "1"),),
    "modsecurity_rules_file": (Form(_ANYWHERE, "1"),),
    "modsecurity_rules_remote": (Form(_ANYWHERE, "2"),),
    "modsecurity_transaction_id": (Form(_ANYWHERE, "1+"),),
    # Newer than the table, or never in it.
    "add_header_inherit": (Form("http server location location-if", "1"),),
    "add_trailer_inherit": (Form("http server location location-if", "1"),),
    "auth_delay": (Form(_ANYWHERE, "1"),),
    "client_body_early_read": (Form("http server", "1+"),),
    "early_hints": (Form(_ANYWHERE, "1+"),),
    "grpc_ssl_certificate_cache": (Form(_ANYWHERE, "123"),),
    "grpc_ssl_conf_command": (Form(_ANYWHERE, "2"),),
    "http2": (Form("http server", "on|off"),),
    "http3": (Form("http server", "on|off"),),
    "http3_hq": (Form("http server", "on|off"),),
    "http3_max_concurrent_streams": (Form("http server", "1"),),
    "http3_stream_buffer_size": (Form("http server", "1"),),
    "keepalive_min_timeout": (Form(_ANYWHERE, "1"),),
    "keepalive_time": (Form("http server location upstream", "1"),),
    "max_headers": (Form("http server", "1"),),
    "open_file_cache_events": (Form(_ANYWHERE, "on|off"),),
    "post_action": (Form("http server location location-if", "1"),),
    "proxy_cookie_flags": (Form(_ANYWHERE, "1234"),),
    "proxy_pass_trailers": (Form(_ANYWHERE, "on|off"),),
    "proxy_ssl_certificate_cache": (Form(_ANYWHERE, "123"),),
    "proxy_ssl_conf_command": (Form(_ANYWHERE, "2"),),
    "quic_active_connection_id_limit": (Form("http server", "1"),),
    "quic_bpf": (Form("main", "on|off"),),
    "quic_gso": (Form("http server", "on|off"),),
    "quic_host_key": (Form("http server", "1"),),
    "quic_retry": (Form("http server", "on|off"),),
    "ssl_certificate_cache": (Form("http server", "123"),),
    "ssl_certificate_compression": (Form("http server", "on|off"),),
    "ssl_conf_command": (Form("http server", "2"),),
    "ssl_ech_file": (Form("http server", "1"),),
    "ssl_object_cache_inheritable": (Form("main", "on|off"),),
    "ssl_ocsp": (Form("http server", "1"),),
    "ssl_ocsp_cache": (Form("http server", "1"),),
    "ssl_ocsp_responder": (Form("http server", "1"),),
    "ssl_reject_handshake": (Form("http server", "on|off"),),
    "userid_flags": (Form(_ANYWHERE, "123"),),
}

WIDENED: Final[dict[str, tuple[Form, ...]]] = {
    "keepalive": (Form("upstream", "12"),),  # `keepalive 32 local` since 1.29.7
    "limit_conn_dry_run": (Form(_ANYWHERE, "on|off"),),  # the table has no `on` and `off` for it
    "limit_req_dry_run": (Form(_ANYWHERE, "on|off"),),
    "resolver_timeout": (Form("upstream", "1"),),  # since 1.27.3
}
"""Forms besides those that crossplane knows of the same directive."""

FREE_FORM: Final = frozenset({"charset_map", "geo", "map", "split_clients", "types"})
"""Blocks whose lines are values, not directives."""

FREE_FORM_WORDS: Final = frozenset(
    {"default", "delete", "hostnames", "include", "proxy", "proxy_recursive", "ranges", "volatile"}
)
"""What nginx reads as its own word at the start of such a line."""
