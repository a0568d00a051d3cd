"""Which cloud a command is about: the file, what is remembered, and what a broker says of itself."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from p3idp.client.cache.files import PrivateFiles
from p3idp.client.clouds import SCOPES, Cloud, Clouds
from p3idp.client.discovery import PATH, completed
from p3idp.client.http import Answer
from p3idp.errors import P3idpError
from p3idp.errors.sign_in import ClientConfigInvalid, CloudNameTaken, CloudUnknown

FILE = """
default = "one"
flow = "device"
[clouds.one]
broker = "https://one.test"
[clouds.two]
issuer = "https://op.test"
client_id = "cli"
flow = "browser"
scopes = ["openid"]
"""


@pytest.fixture
def clouds(tmp_path: Path) -> Clouds:
    return Clouds(PrivateFiles(tmp_path / "kept"), tmp_path / "client.toml")


def write(tmp_path: Path, text: str) -> None:
    (tmp_path / "client.toml").write_text(text)


def test_the_file_names_clouds_side_by_side(clouds: Clouds, tmp_path: Path):
    write(tmp_path, FILE)
    assert clouds.find() == Cloud("one", broker="https://one.test", flow="device")
    assert clouds.find("two").flow == "browser"
    assert clouds.find("two", {"flow": "paste", "issuer": ""}).flow == "paste"
    assert clouds.at_broker("https://one.test/") == clouds.find("one")
    assert clouds.at_broker("https://other.test") is None


def test_what_a_sign_in_was_told_is_remembered_and_the_file_counts_more(clouds: Clouds, tmp_path: Path):
    asked = clouds.find(None, {"broker": "https://b.test:8443", "client_id": "cli", "scopes": ("openid",)})
    assert asked.name == "b.test:8443"
    clouds.remember(asked, replace(asked, issuer="https://op.test", flow="paste"))
    assert clouds.find() == replace(asked, issuer="https://op.test")  # how to sign in is for now alone
    assert clouds.find(learnt=False) == asked  # so that the broker can say something else next time
    clouds.use(asked, "p3@egi")
    assert clouds.find().project == "p3@egi"
    write(tmp_path, '[clouds."b.test:8443"]\nclient_id = "mine"\n')
    assert clouds.find().client_id == "mine"
    assert clouds.find().project == "p3@egi"


def test_what_is_remembered_already_waits_for_nobody(clouds: Clouds, tmp_path: Path):
    a = Cloud("a", broker="https://a.test", scopes=("openid",))
    clouds.remember(a, a)
    with PrivateFiles(tmp_path / "kept").alone("clouds.json", 1):
        clouds.remember(a, a)
    assert clouds.find() == a


def test_an_option_alone_is_about_the_cloud_in_use(clouds: Clouds, tmp_path: Path):
    write(tmp_path, FILE)
    assert clouds.find(None, {"flow": "paste"}) == Cloud("one", broker="https://one.test", flow="paste")
    with pytest.raises(CloudUnknown):
        clouds.find("three", {"flow": "paste"})


def test_one_name_is_one_cloud(clouds: Clouds, tmp_path: Path):
    write(tmp_path, FILE)
    with pytest.raises(CloudNameTaken):
        clouds.find("one", {"broker": "https://two.test"})
    with pytest.raises(CloudNameTaken):
        clouds.find("two", {"issuer": "https://other.test"})
    assert clouds.find("three", {"broker": "https://two.test"}).name == "three"


def test_a_name_is_free_for_another_cloud_where_nobody_is_signed_in(clouds: Clouds, tmp_path: Path):
    old = Cloud("a", broker="https://one.test", client_id="old", ca_file="/old.pem")
    clouds.remember(old, old)
    clouds.use(old, "p3@egi")
    other = {"broker": "https://two.test"}
    with pytest.raises(CloudNameTaken):
        clouds.find("a", other, is_left=lambda cloud: cloud.client_id != "old")
    assert clouds.find("a", other, is_left=lambda _: True) == Cloud("a", broker="https://two.test")
    write(tmp_path, FILE)
    with pytest.raises(CloudNameTaken):
        clouds.find("one", other, is_left=lambda _: True)


@pytest.mark.parametrize("key", ["broker", "issuer"])
@pytest.mark.parametrize(
    "address", ["b.test", "b.test:8443", "https://", "http://b.test", "https://b.test:99999", "https://me:x@b.test"]
)
@pytest.mark.parametrize("name", [None, "one"])
def test_an_address_that_is_none_is_named(
    clouds: Clouds, tmp_path: Path, key: str, address: str, name: str | None
):  # fmt: skip
    write(tmp_path, FILE)
    with pytest.raises(ClientConfigInvalid, match=f"The {key} '{address}' is not a plain https address") as refused:
        clouds.find(name, {key: address})
    assert f"--{key} https://" in refused.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "[clouds.a]\n[clouds.a]\n",
        "[clouds.a]\npasword = 'x'\n",
        "[clouds.a]\nproject = 'x'\n",
        "cloud = 1\n",
        "clouds = 3\n",
        "[clouds]\na = 3\n",
        "[clouds.a]\nissuer = 3\n",
        "[clouds.a]\nscopes = 'openid'\n",
        "[clouds.a]\nscopes = [1]\n",
        "[clouds.a]\ntoken_command = 'oidc-token egi'\n",
        "[clouds.a]\nflow = 'magic'\n",
        "[clouds.a\n",
        "\udcff",
    ],
    ids=[
        "a name twice", "unknown key", "project", "unknown top", "clouds a number", "cloud a number", "issuer a number",
        "scopes a text", "scopes numbers", "command a text", "unknown flow", "no TOML", "no UTF-8",
    ],
)  # fmt: skip
def test_a_file_with_a_mistake_is_refused_by_name(clouds: Clouds, tmp_path: Path, text: str):
    (tmp_path / "client.toml").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ClientConfigInvalid) as refused:
        clouds.find("a")
    assert refused.value.exit_status == 2


def test_without_a_choice_none_is_guessed(clouds: Clouds, tmp_path: Path):
    with pytest.raises(CloudUnknown):
        clouds.find()
    write(tmp_path, FILE.replace('default = "one"', ""))
    with pytest.raises(CloudUnknown, match="one, two"):
        clouds.find()
    with pytest.raises(CloudUnknown, match="one, two"):
        clouds.find("three")


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"form": 9}', '{"form": 1, "clouds": 3}'])
def test_a_memory_that_cannot_be_read_is_none(clouds: Clouds, tmp_path: Path, text: str):
    a = Cloud("a", broker="https://a.test")
    clouds.remember(a, a)
    (tmp_path / "kept/clouds.json").write_text(text)
    with pytest.raises(CloudUnknown):
        clouds.find()
    clouds.remember(a, a)
    assert clouds.find().name == "a"


# ---- what a broker says ----

SAID = {
    "resource": "https://b.test",
    "authorization_servers": ["https://op.test"],
    "scopes_supported": ["openid", "entitlements"],
    "p3idp_client_id": "site-cli",
    "openstack_auth_url": "https://k.test/v3",
    "openstack_identity_provider": "egi",
    "openstack_protocol": "openid",
}


class PaperBroker:
    def __init__(self, status: int, body: object) -> None:
        self.answer, self.asked = Answer(status, {}, json.dumps(body).encode()), []

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        self.asked.append(url)
        return self.answer


def complete(cloud: Cloud, status: int = 200, **other: object) -> Any:
    said = {name: value for name, value in {**SAID, **other}.items() if value is not None}
    return completed(cloud, PaperBroker(status, said))  # type: ignore[arg-type]  # it stands in for Web


def test_a_broker_says_the_rest_and_the_user_counts_more():
    full = complete(Cloud("b", broker="https://b.test/"))
    assert (full.issuer, full.client_id, full.auth_url) == ("https://op.test", "site-cli", "https://k.test/v3")
    assert (full.identity_provider, full.protocol) == ("egi", "openid")
    assert full.scopes == ("openid", "entitlements", "offline_access")
    own = complete(Cloud("b", broker="https://b.test", client_id="mine", scopes=("openid",)))
    assert (own.client_id, own.scopes) == ("mine", ("openid", "offline_access"))


def test_where_nobody_says_scopes_they_are_those_that_every_client_of_a_site_asks():
    """Another set would give other groups, which ends the person's other tokens at Keystone."""
    full = complete(Cloud("b", broker="https://b.test"), scopes_supported=None)
    assert full.scopes == (*SCOPES, "offline_access")
    assert {"eduperson_entitlement", "entitlements", "eduperson_assurance", "voperson_id"} <= set(SCOPES)


@pytest.mark.parametrize(
    ("cloud", "status", "said", "kind"),
    [
        (Cloud("b", broker="https://b.test"), 404, {}, CloudUnknown),
        (Cloud("b", broker="https://b.test"), 403, {}, CloudUnknown),
        (Cloud("b", broker="https://b.test"), 200, {"resource": "https://evil.test"}, CloudUnknown),
        (Cloud("b", broker="https://b.test"), 200, {"authorization_servers": []}, CloudUnknown),
        (Cloud("b", broker="https://b.test"), 200, {"p3idp_client_id": "\x1b[2J"}, CloudUnknown),
        (Cloud("b", broker="http://b.test"), 200, {}, ClientConfigInvalid),
        (Cloud("b"), 200, {}, CloudUnknown),
    ],
    ids=["says nothing", "refuses", "another's name", "no issuer", "no client", "clear text", "no broker"],
)
def test_too_little_is_named_and_nothing_is_guessed(
    cloud: Cloud, status: int, said: dict[str, object], kind: type[P3idpError]
):
    with pytest.raises(kind):
        complete(cloud, status, **said)


def test_a_broker_that_says_nothing_yet_leaves_it_to_the_user():
    paper = PaperBroker(404, {})
    full = completed(Cloud("b", issuer="https://op.test", client_id="c", broker="https://b.test"), paper)  # type: ignore[arg-type]  # as above
    assert full.issuer == "https://op.test"
    assert paper.asked == [f"https://b.test{PATH}"]
