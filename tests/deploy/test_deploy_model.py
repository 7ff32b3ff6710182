from __future__ import annotations

import os

import pytest

from waf_builder.deploy.model import AppVariables, Deploy, DeployError


@pytest.fixture
def env(tmp_path):
    folder = tmp_path / "env"
    folder.mkdir()
    (folder / "API_APP_ID").write_text("ap-1\n")
    (folder / "TWO_LINES").write_text("a\nb\n")
    (folder / "EMPTY").touch()
    (folder / "not-a-name").touch()
    (folder / "A_FOLDER").mkdir()
    return folder


def test_a_variable_is_the_text_of_its_file(env):
    variables = AppVariables(env)
    assert variables["API_APP_ID"] == "ap-1"
    assert variables["TWO_LINES"] == "a\nb"
    assert variables["EMPTY"] == ""
    assert variables.get("MISSING") is None


@pytest.mark.parametrize("name", ["../API_APP_ID", "", "A_FOLDER", "not-a-name", "/etc/hostname"])
def test_what_is_no_variable_is_not_there(env, name):
    assert name not in AppVariables(env)


@pytest.mark.parametrize("folder", [None, "nowhere"])
def test_there_need_be_no_variables(tmp_path, folder):
    variables = AppVariables(folder and tmp_path / folder)
    assert dict(variables) == {}
    assert len(variables) == 0


def test_asking_for_one_opens_no_other(env):
    os.mkfifo(env / "SECRET")
    assert AppVariables(env)["API_APP_ID"] == "ap-1"


def test_the_apps_own_settings_come_first(tmp_path, env, monkeypatch):
    monkeypatch.setenv("STACK", "of-the-build")
    deploy = Deploy.of(tmp_path, tmp_path / "cache", env)
    assert deploy.stack == "of-the-build"
    (env / "STACK").write_text("of-the-app")
    assert deploy.stack == "of-the-app"
    assert deploy.variables()["STACK"] == "of-the-app"
    assert deploy.variables()["WAF_BUILDER_CACHE"] == str(tmp_path / "cache/waf-builder")


def test_variables_of_the_app_do_not_become_those_of_the_build(tmp_path, env):
    assert "API_APP_ID" not in Deploy.of(tmp_path, tmp_path / "cache", env).variables()


def test_an_app_must_be_there(tmp_path):
    with pytest.raises(DeployError) as caught:
        Deploy.of(tmp_path / "app", tmp_path / "cache", None)
    assert str(caught.value) == f"There is no folder {tmp_path / 'app'}, expected the app."
