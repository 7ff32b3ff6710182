"""A small tree written by hand, in the form that `render` publishes and start-waf boots."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from waf_builder.engine.link import link
from waf_builder.paths import start_waf

if TYPE_CHECKING:
    from collections.abc import Iterable

    from waf_builder.engine import Engine

SUMMARY = "block at paranoia level 1, 1 route"

_NGINX = """\
load_module engine/ngx_http_modsecurity_module.so;
include runtime/workers.conf;
daemon off;
pid runtime/nginx.pid;
error_log stderr warn;
worker_shutdown_timeout 25s;

events {
    worker_connections 256;
}

http {
    map $status $verdict {
        403 block;
        default pass;
    }
    log_format waf escape=json '{"time":"$time_iso8601","request_id":"$request_id",'
        '"client_ip":"$remote_addr","method":"$request_method","host":"$host",'
        '"path":"$request_uri","status":$status,"bytes":$body_bytes_sent,'
        '"duration":$request_time,"upstream":"$upstream_addr",'
        '"upstream_status":"$upstream_status","upstream_time":"$upstream_response_time",'
        '"route":"/","waf":"$verdict"}';
    access_log /dev/stderr waf;

    client_body_temp_path runtime/temp/client_body;
    proxy_temp_path runtime/temp/proxy;
    fastcgi_temp_path runtime/temp/fastcgi;
    uwsgi_temp_path runtime/temp/uwsgi;
    scgi_temp_path runtime/temp/scgi;

    modsecurity on;
    modsecurity_transaction_id $request_id;
    modsecurity_rules_file modsecurity/main.conf;

    include runtime/resolver.conf;
    server {
        include runtime/listen.conf;
        location / {
            proxy_pass @BACKEND@;
            proxy_read_timeout 20s;
        }
    }
}
"""

_RULES = """\
SecRuleEngine On
SecAuditEngine RelevantOnly
SecAuditLogParts AHZ
SecAuditLogFormat JSON
SecAuditLogType Serial
SecAuditLog /dev/stdout
SecRule ARGS "@contains attack" \\
    "id:10001,phase:2,deny,status:403,log,auditlog,severity:CRITICAL,msg:'An attack'"
SecRule ARGS "@contains odd" \\
    "id:10002,phase:2,pass,log,auditlog,severity:NOTICE,msg:'Something odd'"
"""

_BOOT = {
    "listen": "listen @ADDRESS@:@PORT@;\n",
    "resolver": "resolver @RESOLVERS@ ipv6=off;\n",
    "workers": "worker_processes @WORKERS@;\n",
}


def write_tree(tree: Path, *, backend: str = "http://127.0.0.1:9") -> Path:
    """Write a tree whose one route goes to `backend`, with two rules, and without an engine."""
    for folder in ("boot", "modsecurity"):
        (tree / folder).mkdir(parents=True)
    (tree / "nginx.conf").write_text(_NGINX.replace("@BACKEND@", backend), encoding="utf-8")
    (tree / "modsecurity/main.conf").write_text(_RULES, encoding="utf-8")
    for name, text in _BOOT.items():
        (tree / f"boot/{name}.conf").write_text(text, encoding="utf-8")
    stamp = {"made_by": "waf-builder", "summary": SUMMARY, "files": ["nginx.conf"]}
    (tree / "waf-builder.json").write_text(json.dumps(stamp, indent=2) + "\n", encoding="utf-8")
    return tree


def bootable_tree(tree: Path, engine: Engine, *, backend: str = "http://127.0.0.1:9") -> Path:
    """Write a tree that this engine can run."""
    write_tree(tree, backend=backend)
    link(engine, tree)
    return tree


def with_stub(tree: Path) -> Path:
    """Give the tree an engine that ends at once, for what start-waf does before it starts one."""
    engine = tree / "engine"
    engine.mkdir()
    (engine / "nginx").write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    (engine / "nginx").chmod(0o755)
    return tree


def add_fields(tree: Path, name: str, text: str, fields: Iterable[str]) -> None:
    """Add boot/NAME.conf and the lines of boot/fields that fill it."""
    (tree / f"boot/{name}.conf").write_text(text, encoding="utf-8")
    (tree / "boot/fields").write_text("".join(f"{field}\n" for field in fields), encoding="utf-8")


def boot(
    tree: Path | str, *, cwd: Path | None = None, **variables: str | None
) -> subprocess.CompletedProcess[str]:
    """Run start-waf to its end, with these variables over ones that are good; None unsets."""
    return subprocess.run(
        [start_waf(), tree],
        env=boot_environment(**variables),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def boot_environment(**variables: str | None) -> dict[str, str]:
    """Return an environment to boot in: a port, a name server, and what is given."""
    given = {"PATH": os.environ["PATH"], "PORT": "8080", "WAF_RESOLVERS": "127.0.0.1", **variables}
    return {name: value for name, value in given.items() if value is not None}
