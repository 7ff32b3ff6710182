"""Where plugins are looked for, what is taken of them, and what is wrong with them."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from specs import OLD
from support.files import FileServer, serve_files

from waf_builder import cli
from waf_builder.config.build import NEWEST
from waf_builder.config.model import PluginRules
from waf_builder.errors import ProblemsError, WafBuilderError
from waf_builder.plugins.files import read_plugin
from waf_builder.plugins.find import Found, Places, find_plugins
from waf_builder.spec.model import Plugin

if TYPE_CHECKING:
    from collections.abc import Iterator

RULE = 'SecAction "id:{},phase:1,pass,nolog"\n'
FILES = {
    "shop-config.conf": RULE.format(9599010),
    "shop-before.conf": RULE.format(9599100),
    "shop-after.conf": RULE.format(9599200),
    "shop.data": "word\n",
}


def write(folder: Path, files: dict[str, str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def archive(files: dict[str, str], top: str = "shop-plugin-1.0/plugins/") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(top + name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "app", tmp_path / "crs", tmp_path / "cache")


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serve_files() as server:
        yield server


def find(places: Places, *named: Plugin) -> Found:
    return find_plugins(named, NEWEST, places)


def problems(places: Places, *named: Plugin) -> list[tuple[str, str]]:
    """Return code and hint of each problem."""
    with pytest.raises(ProblemsError) as raised:
        find(places, *named)
    return [(problem.code, problem.hint) for problem in raised.value.problems]


class TestPlaces:
    @pytest.mark.parametrize(
        ("folder", "plugin"),
        [
            ("app/waf/plugins/shop", Plugin(name="shop")),
            ("app/waf/plugins/shop/plugins", Plugin(name="shop")),
            ("app/security/x/plugins", Plugin(name="shop", folder="security/x")),
            ("app/security/x", Plugin(name="shop", folder="security/x")),
            ("app/waf/plugins/y", Plugin(name="shop", folder="waf/plugins/y")),
            ("crs/plugins", Plugin(name="shop")),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_a_folder(self, places: Places, tmp_path: Path, folder: str, plugin: Plugin):
        write(tmp_path / folder, {**FILES, "README.md": "x", "LICENSE": "x"})
        found = find(places, plugin)

        assert found.rules == {f"modsecurity/plugins/shop/{n}": t for n, t in FILES.items()}
        assert found.sources.keys() == found.rules.keys()
        assert found.plugins == PluginRules(
            config=("plugins/shop/shop-config.conf",),
            before=("plugins/shop/shop-before.conf",),
            after=("plugins/shop/shop-after.conf",),
        )

    @pytest.mark.parametrize(
        "name", ["wordpress", "wordpress-rule-exclusions", "wordpress-rule-exclusions-plugin"]
    )
    @pytest.mark.parametrize(
        "folder",
        [
            "app/waf/plugins/wordpress",
            "app/waf/plugins/wordpress-rule-exclusions",
            "app/waf/plugins/wordpress-rule-exclusions-plugin/plugins",
            "crs/plugins",
        ],
    )
    def test_an_application_by_each_of_its_names(
        self, places: Places, tmp_path: Path, name: str, folder: str
    ):
        write(tmp_path / folder, {"wordpress-rule-exclusions-before.conf": RULE.format(9507100)})

        assert find(places, Plugin(name=name)).plugins.before == (
            f"plugins/{name}/wordpress-rule-exclusions-before.conf",
        )

    def test_the_rule_sets_own_folder_holds_several(self, places: Places, tmp_path: Path):
        others = {"bots-before.conf": "", "shopping-before.conf": "", "empty-before.conf": ""}
        write(tmp_path / "crs/plugins", {**FILES, **others})

        assert {name.rpartition("/")[2] for name in find(places, Plugin(name="bots")).rules} == {
            "bots-before.conf",
            "shop.data",  # whose data it is nobody can tell
        }
        assert find(places, Plugin(name="shop")).plugins.before == (
            "plugins/shop/shop-before.conf",
        )

    def test_several_are_loaded_phase_by_phase_in_the_order_of_the_spec(
        self, places: Places, tmp_path: Path
    ):
        for name in ("a", "b"):
            files = {f"{name}-{phase}.conf": "" for phase in ("config", "before", "after")}
            write(tmp_path / "app/waf/plugins" / name, files)

        assert find(places, Plugin(name="b"), Plugin(name="a")).plugins == PluginRules(
            config=("plugins/b/b-config.conf", "plugins/a/a-config.conf"),
            before=("plugins/b/b-before.conf", "plugins/a/a-before.conf"),
            after=("plugins/b/b-after.conf", "plugins/a/a-after.conf"),
        )

    def test_crs_3_has_its_exclusions_built_in(self, places: Places):
        assert find_plugins([Plugin(name="wordpress")], OLD, places) == Found()


class TestMistakes:
    def test_an_application_that_is_nowhere_says_where_to_get_it(self, places: Places):
        ((code, hint),) = problems(places, Plugin(name="phpmyadmin"))

        assert code == "plugin.missing"
        assert "https://github.com/coreruleset/phpmyadmin-rule-exclusions-plugin\n" in hint
        assert "waf/plugins/phpmyadmin/" in hint

    def test_every_plugin_that_is_nowhere_is_named(self, places: Places):
        (places.beside / "empty").mkdir(parents=True)
        found = problems(
            places,
            Plugin(name="a"),
            Plugin(name="b", folder="nowhere"),
            Plugin(name="c", folder="empty"),
        )

        assert [code for code, _ in found] == [
            "plugin.missing",
            "plugin.no-folder",
            "plugin.empty",
        ]

    @pytest.mark.parametrize(
        ("name", "code"),
        [
            ("shop.lua", "plugin.lua"),
            ("shop.conf", "plugin.stray-file"),
            ("shop-Before.conf", "plugin.stray-file"),
            ("a b-before.conf", "plugin.file-name"),
            ('x"-before.conf', "plugin.file-name"),
        ],
    )
    def test_a_file_that_cannot_be_loaded(
        self, places: Places, tmp_path: Path, name: str, code: str
    ):
        write(tmp_path / "app/waf/plugins/shop", {**FILES, name: ""})

        assert [found for found, _ in problems(places, Plugin(name="shop"))] == [code]

    def test_a_file_that_is_no_text(self, places: Places, tmp_path: Path):
        folder = write(tmp_path / "app/waf/plugins/shop", FILES)
        (folder / "shop.data").write_bytes(b"\xff")

        assert [code for code, _ in problems(places, Plugin(name="shop"))] == ["plugin.not-text"]

    def test_a_pipe_hangs_nothing(self, places: Places, tmp_path: Path):
        folder = write(tmp_path / "app/waf/plugins/shop", FILES)
        os.mkfifo(folder / "more.data")

        with pytest.raises(WafBuilderError, match="is not a regular file"):
            find(places, Plugin(name="shop"))

    def test_a_folder_that_no_entry_names(self, places: Places, tmp_path: Path):
        write(tmp_path / "app/waf/plugins/shop", FILES)
        write(tmp_path / "app/waf/plugins", {"shop-before.conf": ""})
        url = "https://example.com/shop.tar.gz"

        assert [code for code, _ in problems(places)] == ["plugin.unused"] * 2
        named = Plugin(name="shop", url=url, sha256="0" * 64)
        offline = replace(places, download=False)
        with pytest.raises(WafBuilderError, match=url):
            find(offline, named)


class TestUrl:
    def test_the_digest_is_what_the_shell_says(self, tmp_path: Path):
        folder = write(tmp_path / "plugins", {**FILES, "empty-after.conf": ""})
        (folder / "empty-after.conf").unlink()
        command = "LC_ALL=C sha256sum *.conf *.data | LC_ALL=C sort -k2 | sha256sum"
        listed = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )

        assert read_plugin(folder)[0].digest == listed.stdout.split()[0]

    def test_without_a_digest_the_error_says_which_to_write(
        self, places: Places, server: FileServer, tmp_path: Path
    ):
        server.files["shop.tar.gz"] = archive(FILES)
        digest = read_plugin(write(tmp_path / "same", FILES))[0].digest
        ((code, hint),) = problems(places, Plugin(name="shop", url=f"{server.url}/shop.tar.gz"))

        assert (code, hint.rpartition(" ")[2]) == ("plugin.no-pin", digest)

    def test_it_is_got_once(self, places: Places, server: FileServer, tmp_path: Path):
        server.files["shop.tar.gz"] = archive({**FILES, "../README.md": "x"})
        digest = read_plugin(write(tmp_path / "same", FILES))[0].digest
        plugin = Plugin(name="shop", url=f"{server.url}/shop.tar.gz", sha256=digest)
        first, second = find(places, plugin), find(places, plugin)

        assert first == second
        assert set(first.rules) == {f"modsecurity/plugins/shop/{name}" for name in FILES}
        assert server.asked == ["shop.tar.gz"]

    def test_what_was_damaged_in_the_cache_is_got_again(
        self, places: Places, server: FileServer, tmp_path: Path
    ):
        server.files["shop.tar.gz"] = archive(FILES)
        digest = read_plugin(write(tmp_path / "same", FILES))[0].digest
        plugin = Plugin(name="shop", url=f"{server.url}/shop.tar.gz", sha256=digest)
        good = find(places, plugin)
        for file in places.cache.rglob("*.conf"):
            file.write_text("# damaged\n")

        assert find(places, plugin) == good
        assert len(server.asked) == 2

    def test_another_packing_of_the_same_files_will_do(
        self, places: Places, server: FileServer, tmp_path: Path
    ):
        server.files["shop.tar.gz"] = archive(dict(reversed(FILES.items())), "other/plugins/")
        digest = read_plugin(write(tmp_path / "same", FILES))[0].digest

        assert find(places, Plugin(name="s", url=f"{server.url}/shop.tar.gz", sha256=digest)).rules

    def test_other_files_are_refused(self, places: Places, server: FileServer, tmp_path: Path):
        server.files["shop.tar.gz"] = archive({**FILES, "shop.data": "other\n"})
        digest = read_plugin(write(tmp_path / "same", FILES))[0].digest
        plugin = Plugin(name="shop", url=f"{server.url}/shop.tar.gz", sha256=digest)

        assert [code for code, _ in problems(places, plugin)] == ["plugin.changed"]

    @pytest.mark.parametrize(
        "content",
        [b"", b"nothing packed", archive({}), archive(FILES, "x/")],
        ids=["nothing", "no archive", "an empty one", "no plugins folder"],
    )
    def test_an_archive_without_a_plugin(self, places: Places, server: FileServer, content: bytes):
        server.files["shop.tar.gz"] = content

        ((code, _),) = problems(places, Plugin(name="shop", url=f"{server.url}/shop.tar.gz"))
        assert code in {"plugin.not-got", "plugin.empty"}

    def test_a_server_that_has_it_not(self, places: Places, server: FileServer):
        url = f"{server.url}/shop.tar.gz"
        missing = Plugin(name="a")
        found = problems(places, Plugin(name="shop", url=url), missing)

        assert [code for code, _ in found] == ["plugin.not-got", "plugin.missing"]

    def test_a_published_tree_has_it_too(self, places: Places, tmp_path: Path):
        tree = tmp_path / "tree"
        write(tree / "modsecurity/plugins/shop", FILES)
        digest = read_plugin(tree / "modsecurity/plugins/shop")[0].digest
        plugin = Plugin(name="shop", url="https://example.com/shop.tar.gz", sha256=digest)

        assert find(replace(places, tree=tree, download=False), plugin).rules


SPEC = "backend: {host: 127.0.0.1, port: 3000}\nwaf: {plugins: [shop]}\n"


def render(folder: Path, files: dict[str, str]) -> str:
    write(folder, {"backend.yaml": SPEC})
    write(folder / "waf/plugins/shop", files)
    command = ["render", str(folder / "backend.yaml"), "-o", str(folder / "tree")]
    return CliRunner().invoke(cli.main, [*command, "--engine", "none"]).output


class TestLint:
    def test_a_mistake_names_the_users_file(self, tmp_path: Path):
        said = render(tmp_path, {"shop-before.conf": 'SecRule ARGS "@contain x" "id:9599100"\n'})

        assert f"{tmp_path}/waf/plugins/shop/shop-before.conf:1:" in said
        assert "[seclang.unknown-operator]" in said
        assert not (tmp_path / "tree").exists()

    def test_two_rules_with_one_id(self, tmp_path: Path):
        rules = RULE.format(9599100)
        said = render(tmp_path, {"shop-before.conf": rules, "shop-after.conf": rules})

        assert "[seclang.duplicate-id]" in said

    def test_a_rule_of_another_release_may_be_named(self, tmp_path: Path):
        rule = 'SecRule ARGS:x "@eq 1" "id:9599100,phase:1,pass,nolog,ctl:ruleRemoveById=932150"\n'
        said = render(tmp_path, {"shop-before.conf": rule})

        assert "[seclang" not in said
        assert (tmp_path / "tree/modsecurity/plugins/shop/shop-before.conf").read_text() == rule

    def test_a_number_of_the_rule_set_may_not(self, tmp_path: Path):
        said = render(tmp_path, {"shop-before.conf": RULE.format(949110)})

        assert "[seclang.reserved-id]" in said
