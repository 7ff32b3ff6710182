# ruff: noqa: INP001  a script that bin/ starts by its path
"""From a bare system Python to waf-builder's own code; only the standard library until then.

usage: python3 -I bootstrap.py detect BUILD_DIR
       python3 -I bootstrap.py compile BUILD_DIR CACHE_DIR ENV_DIR
       python3 -I bootstrap.py run COMMAND ...
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# -I keeps the working folder and PYTHONPATH out; this folder is the one that is wanted.
sys.path.insert(0, str(ROOT))

from waf_builder.collector import look_seldom  # noqa: E402
from waf_builder.deploy.app import find_spec, wants_waf  # noqa: E402
from waf_builder.deploy.cache import user_cache  # noqa: E402
from waf_builder.deploy.dependencies import dependencies, kept  # noqa: E402
from waf_builder.deploy.disk import disk_explained, require_space  # noqa: E402
from waf_builder.deploy.early import EarlyEngine  # noqa: E402
from waf_builder.deploy.log import Log  # noqa: E402
from waf_builder.deploy.model import Deploy  # noqa: E402
from waf_builder.ending import ended_by_signals  # noqa: E402
from waf_builder.errors import WafBuilderError  # noqa: E402


def detect(build: Path) -> int:
    """Say whether this buildpack is for that app: 0 and a name, or 1."""
    if not wants_waf(build):
        return 1
    _say("waf-builder")
    return 0


def compile_app(build: Path, cache: Path, env: Path | None) -> int:
    """Install the WAF into an app: 0, or 1 and a paragraph that says why not."""
    log = Log(_say)
    look_seldom()
    try:
        deploy = Deploy.of(build, cache, env)
        os.environ.update(deploy.variables())
        with ended_by_signals(), disk_explained():
            os.chdir(deploy.app)  # messages then name the user's files as the user does
            spec = find_spec(deploy.app)  # before anything that takes time
            require_space(deploy.cache)
            early = EarlyEngine.of(deploy, log)
            meanwhile = early and early.get
            sys.path.insert(0, str(dependencies(deploy, ROOT / "buildpack", log, meanwhile)))
            from waf_builder.deploy.compile import compile_waf

            compile_waf(deploy, spec, log, early)
    except WafBuilderError as error:
        log.error(str(error))  # noqa: TRY400  no logger
        return 1
    return 0


def run_command(arguments: list[str]) -> int:
    """Run a command of waf-builder, with libraries that are got the first time."""
    log = Log(_remark)
    buildpack = ROOT / "buildpack"
    try:
        cache = user_cache()
        os.environ["WAF_BUILDER_CACHE"] = str(cache)
        deploy = Deploy(Path.cwd(), cache, {})
        sys.path.insert(0, str(kept(deploy, buildpack) or dependencies(deploy, buildpack, log)))
    except WafBuilderError as error:
        log.error(str(error))  # noqa: TRY400  no logger
        return 1
    from waf_builder.cli import main

    status: int = main(arguments, prog_name="waf-builder", standalone_mode=True)
    return status


def _say(line: str) -> None:
    # Errors too: on one stream the lines of a build log keep their order.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _remark(line: str) -> None:
    # stdout is the command's.
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    if command == "run":
        sys.exit(run_command(arguments))
    if command == "detect":
        sys.exit(detect(Path(arguments[0])))
    build, cache, env = arguments
    sys.exit(compile_app(Path(build), Path(cache), Path(env) if env else None))
