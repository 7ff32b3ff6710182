"""The five requests that a measurement sends, and two clients that send them in turn."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path
from socket import create_connection

from waf_builder.verify.side import is_whole

HOST = "www.example.com"
HEADERS = f"""\
Host: {HOST}
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8
Accept-Language: fr-FR,fr;q=0.8,en;q=0.5
Accept-Encoding: gzip, deflate, br
Referer: https://{HOST}/articles
Cookie: session=4f8c1d0a9b7e46f2a1c3; theme=dark
"""
FORM = "title=Bonjour+tout+le+monde&body=Un+petit+texte+sans+rien+de+particulier&tags=a%2Cb"
JSON = '{"title": "Bonjour", "items": [{"id": 1, "name": "chaise"}, {"id": 2, "name": "table"}]}'


def message(method: str, target: str, kind: str = "", body: str = "") -> bytes:
    typed = f"Content-Type: {kind}\nContent-Length: {len(body)}\n" if body else ""
    head = f"{method} {target} HTTP/1.1\n{HEADERS}{typed}\n"
    return (head.replace("\n", "\r\n") + body).encode()


MIX = (
    message("GET", "/"),
    message("GET", "/articles?page=2&sort=date&q=chaise+longue"),
    message("GET", "/assets/app-4f8c1d.css"),
    message("POST", "/articles", "application/x-www-form-urlencoded", FORM),
    message("POST", "/api/items", "application/json", JSON),
)


def by_wrk(port: int, folder: Path) -> tuple[float, float, float] | None:
    """Return requests a second, and the median and 99th percentile of waiting in milliseconds.

    None where there is no wrk.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        return None
    script = folder / "mix.lua"
    listed = ", ".join("'" + "".join(f"\\{byte:03d}" for byte in one) + "'" for one in MIX)
    script.write_text(
        f"local mix = {{{listed}}}\nlocal at = 0\n"
        "function request() at = at % #mix + 1; return mix[at] end\n"
        "function done(all, latency) print(string.format('%f %f %f', all.requests * 1e6 /"
        " all.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000)) end\n"
    )
    command = [wrk, "-t1", "-c8", "-d2s", "-s", str(script), f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout
    rate, median, worst = map(float, said.splitlines()[-1].split())
    return rate, median, worst


def drive(port: int, requests: int) -> list[float]:
    """Send so many requests on one connection, and return how long each waited, in seconds."""
    waits = []
    with create_connection(("127.0.0.1", port), 10) as connection:
        for number in range(requests):
            if number % 900 == 899:  # nginx closes a connection after 1,000
                return waits + drive(port, requests - number)
            begun = time.perf_counter()
            connection.sendall(MIX[number % len(MIX)])
            data = b""
            while not is_whole(data, "GET"):
                piece = connection.recv(65536)
                if not piece or data[9:12] not in {b"", b"200"}:
                    raise SystemExit(f"request {number} got {data[:200]!r}")
                data += piece
            waits.append(time.perf_counter() - begun)
    return waits
