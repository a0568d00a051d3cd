"""What each release of mod_auth_openidc can be told."""

import pytest

from p3idp.core.site.versions import ModuleVersion, parse_version, understands


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.4.12.3", (2, 4, 12, 3)),
        ("2.4.12.3-2+deb12u5", (2, 4, 12, 3)),
        ("mod_auth_openidc-2.4.20", (2, 4, 20, 0)),
        ("nonsense", None),
    ],
)
def test_versions_are_read_as_packages_and_the_module_write_them(text: str, version: tuple[int, ...] | None):
    assert parse_version(text) == (ModuleVersion(*version) if version else None)


@pytest.mark.parametrize(
    ("version", "none", "withhold", "claim", "escapes", "audience"),
    [
        ("2.4.12.3", False, False, True, False, False),
        ("2.4.14.4", False, True, True, False, False),
        ("2.4.15", True, True, True, False, False),
        ("2.4.16.2", True, True, True, False, False),
        ("2.4.19.2", True, True, False, False, False),
        ("2.4.19.3", True, True, True, False, False),
        ("2.4.20.3", True, True, True, True, True),
    ],
)
def test_each_release_understands(version: str, none: bool, withhold: bool, claim: bool, escapes: bool, audience: bool):
    found = parse_version(version)
    assert found is not None
    can = understands(found)
    assert (can.encoding_none, can.withhold_access_token) == (none, withhold)
    assert (can.require_claim_on_bearer, can.escapes_delimiter, can.verify_audience) == (claim, escapes, audience)
