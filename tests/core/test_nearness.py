"""What nearly is the right entitlement, and what is not near at all."""

import pytest

from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.nearness import Nearness, is_misspelt, near_misses

WANTED = parse_entitlement("urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator")


@pytest.mark.parametrize(
    ("held", "how"),
    [
        ("urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator", None),
        ("urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu", None),
        ("urn:mace:egi.eu:group:vo.access.egi.eu:role=VM_operator", Nearness.CASE),
        ("urn:mace:egi.eu:group:vo.access.egi.eu:role=member", Nearness.OTHER_ROLE),
        ("urn:mace:egi.eu:group:vo.access.egi.eu", Nearness.OTHER_ROLE),
        ("urn:mace:egi.eu:group:vo.access.egi.eu:sub:role=vm_operator", Nearness.SUBGROUP),
        ("urn:geant:other.org:group:vo.access.egi.eu:role=vm_operator", Nearness.OTHER_NAMESPACE),
        ("urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator:", Nearness.MALFORMED),
        ("urn:mace:egi.eu:vo.access.egi.eu", Nearness.MALFORMED),
        ("urn:mace:egi.eu:group:vo%2Eaccess.egi.eu:role=vm_operator", Nearness.ENCODED),
        ("urn:mace:egi.eu:group:vo%2Eaccess.egi.eu:role=member", None),
        ("urn:mace:egi.eu:aai.egi.eu:vm_operator@vo.access.egi.eu", Nearness.LEGACY),
        ("urn:mace:egi.eu:aai.egi.eu:member@vo.access.egi.eu", Nearness.LEGACY),
        ("urn:mace:egi.eu:aai.egi.eu:member@fedcloud.egi.eu", None),
        ("urn:mace:egi.eu:goc.egi.eu:1G0:vo.access.egi.eu:Site+Administrator@egi.eu", Nearness.LEGACY),
        ("urn:mace:egi.eu:res:vo.access.egi.eu#aai.egi.eu", Nearness.CAPABILITY),
        ("urn:mace:egi.eu:res:gocdb#aai.egi.eu", None),
        ("urn:mace:egi.eu:group:vo.ac\u200bcess.egi.eu:role=vm_operator", Nearness.MALFORMED),
        ("urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator\0", Nearness.MALFORMED),
        ("urn:mace:egi.eu:group:biomed:role=vm_operator", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_each_kind_of_near_miss_has_its_name(held: str, how: Nearness | None) -> None:
    assert WANTED is not None
    assert [miss.how for miss in near_misses(WANTED, [held])] == ([how] if how else [])


def test_a_group_above_the_one_asked_for() -> None:
    wanted = parse_entitlement("urn:mace:egi.eu:group:a:b:role=c")
    assert wanted is not None
    [miss] = near_misses(wanted, ["urn:mace:egi.eu:group:a:role=c"])
    assert miss.how is Nearness.PARENT_GROUP


@pytest.mark.parametrize(
    ("text", "misspelt"),
    [
        ("urn:mace:egi.eu: group:vo.imagine-ai.eu:role=vm_operator", True),
        ("urn:mace:egi.eu:group:", True),
        ("urn:mace:egi.eu:group:a:role=b", False),
        ("urn:mace:egi.eu:res:cloud#aai.egi.eu", False),
    ],
)
def test_only_what_means_to_be_a_group_can_be_misspelt(text: str, misspelt: bool) -> None:
    assert is_misspelt(text) is misspelt
