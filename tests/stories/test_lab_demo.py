"""The page that `make run` ends with tells a newcomer where to go, as whom, and what each will see."""

from pathlib import Path

import pytest

from p3idp.lab import demo, running
from p3idp.lab.handle import LabHandle
from p3idp.lab.layout import Layout
from p3idp.lab.people import lab_people


@pytest.fixture(scope="module")
def page(lab: LabHandle) -> str:
    return demo.run_demo(lab.layout, lambda line: None)


def test_the_page_names_every_address_and_person(page: str, lab: LabHandle):
    assert {lab.urls.broker_url, lab.urls.keystone_url, lab.urls.issuer} <= set(page.split())
    for person in lab_people():
        assert f"  {person.login} " in page


def test_the_page_says_what_each_person_gets(page: str):
    gets = {line.split()[0]: line for line in page.splitlines() if line.startswith("  ") and line.split()}
    assert "p3 (member)" in gets["alice"]
    assert "nothing" in gets["bob"]
    assert "nothing" in gets["grace"]  # her assurance is low, and training asks for more


def test_the_commands_of_the_page_name_this_lab(page: str, lab: LabHandle):
    assert f"p3idp plan --settings {lab.settings_path}" in page
    assert f"p3idp login --broker {lab.urls.broker_url} --ca-file {lab.ca_file}" in page
    assert f"--dir {lab.state_dir}" in page


def test_without_keystone_the_page_says_so_and_how_to_bring_it(lab: LabHandle, monkeypatch: pytest.MonkeyPatch):
    def up_without_keystone(layout: Layout, say: running.Say) -> list[running.Row]:
        return [running.Row("broker", layout.addresses.broker_url, "ready", Path("log"))]

    monkeypatch.setattr(running, "up", up_without_keystone)
    page = demo.run_demo(lab.layout, lambda line: None)
    assert "The lab is up, without Keystone." in page
    assert "apt-get install" in page
    assert lab.urls.keystone_url not in page
