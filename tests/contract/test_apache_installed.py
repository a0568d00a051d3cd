"""The real Apache of this machine judges what is generated: it accepts ours, and names what is wrong with others'."""

from pathlib import Path

import pytest
import trustme
from site_world import HUB, policy, provider, site_config

from p3idp.adapters.apache.installed import InstalledApache
from p3idp.core.site.versions import ModuleVersion
from p3idp.errors.site import ConfigurationRefused
from p3idp.ops.site_config import APACHE


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    issued = trustme.CA().issue_cert("keystone.test")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "server.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    return {"tls_cert": str(tmp_path / "server.pem"), "tls_key": str(tmp_path / "server.key")}


def test_the_module_says_its_version():
    version = InstalledApache().module_version()
    assert version is not None
    assert version >= ModuleVersion(2, 4, 12)


def test_apache_accepts_what_is_generated_for_one_and_for_several_providers(tmp_path: Path, tls: dict[str, str]):
    hub = provider("hub", HUB, keystone_url="https://keystone.test:5001/v3", issuing_clients=(), audiences=("a",))
    for number, known in enumerate((policy(), policy(provider(issuing_clients=())), policy(provider(), hub))):
        written = site_config(tmp_path, known, InstalledApache(), site=tls).write(tmp_path / f"out{number}")
        assert written.checked


def test_apaches_own_words_name_the_line_where_it_will_lie(tmp_path: Path, tls: dict[str, str]):
    config = site_config(tmp_path, site=tls)
    files = {n: t for n, t in config.render(install_dir="/etc/p3idp/site").items() if n.startswith("apache")}
    files[APACHE] += "OIDCFilterClaimsExprOfTomorrow x\n"
    with pytest.raises(ConfigurationRefused, match=r"Syntax error on line \d+ of /etc/p3idp/site/apache.conf"):
        InstalledApache().check(files, APACHE, "/etc/p3idp/site")


def test_an_encoding_that_debians_module_does_not_know_is_refused(tmp_path: Path, tls: dict[str, str]):
    installed = InstalledApache()
    if (installed.module_version() or ModuleVersion(9, 9, 9)) >= ModuleVersion(2, 4, 15):
        return  # a newer module knows it
    config = site_config(tmp_path, site=tls)
    files = {n: t for n, t in config.render("2.4.20.3", "/x").items() if n.startswith("apache")}
    with pytest.raises(ConfigurationRefused, match="OIDCPassClaimsAs"):
        installed.check(files, APACHE, "/x")


def test_a_host_without_apache_says_so(tmp_path: Path, tls: dict[str, str]):
    bare = InstalledApache(binary=None, server_root=tmp_path)
    assert bare.module_version() is None
    with pytest.raises(ConfigurationRefused, match="not installed here") as caught:
        bare.check({APACHE: ""}, APACHE, "/x")
    assert "--no-check" in caught.value.hint
