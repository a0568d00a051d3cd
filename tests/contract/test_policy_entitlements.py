"""What a policy file is told that holds no group entitlement: what it is, and what to write."""

import pytest
from policies import ACCESS, PolicyFiles

from p3idp.errors.policy import PolicyInvalid

RIGHT = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            "urn:mace:egi.eu:aai.egi.eu:vm_operator@vo.access.egi.eu",
            f"is a group entitlement in the form before AARC-G002, which Check-in is giving up; did you mean {RIGHT}?",
        ),
        (
            "urn:mace:egi.eu:res:gocdb#aai.egi.eu",
            "is a capability: it says what may be done with a resource, and rules ask for a group entitlement; "
            "one looks like urn:mace:egi.eu:group:<VO>:role=<role>",
        ),
        ("urn:mace:egi.eu:aai.egi.eu:rcauth", "is a capability"),
        (
            "urn:mace:egi.eu:goc.egi.eu:1G0:GRIDOPS-MON:Site+Operations+Manager@egi.eu",
            "is the role of Site Operations Manager for GRIDOPS-MON in GOCDB",
        ),
        (RIGHT.replace(":group:", ":groups:"), f"is not a group entitlement; did you mean {RIGHT}?"),
        (RIGHT.replace("role=", "role:"), f"is not a group entitlement; did you mean {RIGHT}?"),
        (RIGHT.replace("vo.", "vo;."), "is not a group entitlement; one looks like urn:mace:egi.eu:group:<VO>"),
        ("urn:mace:egi.eu:group:Ryhm\u00e4", "did you mean urn:mace:egi.eu:group:Ryhm%C3%A4?"),
        ("urn:mace:egi.eu:group:" + "g" * 500, "longer than 512 characters"),
    ],
)
def test_a_policy_file_is_told_what_its_entitlement_is(tmp_path, written, told):
    files = PolicyFiles(tmp_path)
    files.write("communities/vo.access.egi.eu.yaml", ACCESS.replace(RIGHT, f'"{written}"'))
    with pytest.raises(PolicyInvalid) as caught:
        files.load()
    assert told in str(caught.value)
    assert "vo.access.egi.eu.yaml:6" in str(caught.value)


def test_an_encoded_name_is_one_however_its_digits_are_written(tmp_path):
    files = PolicyFiles(tmp_path)
    files.write("communities/vo.access.egi.eu.yaml", ACCESS.replace("vo.access.egi.eu:role", "a%2fb:role"))
    [rule] = [r for c in files.load().communities if c.name == "vo.access.egi.eu" for r in c.rules]
    assert (str(rule.entitlement), rule.entitlement.authority) == (
        "urn:mace:egi.eu:group:a%2Fb:role=vm_operator",
        "aai.egi.eu",
    )
