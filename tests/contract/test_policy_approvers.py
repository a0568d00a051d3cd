"""Who may approve, as site.yaml names them: what it means, and what could never be two people."""

import pytest
from policies import PolicyFiles

from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.model import Approvers
from p3idp.errors.policy import PolicyInvalid

HELD = "urn:mace:egi.eu:group:cloud-admins:role=approver"


def test_approvers_are_people_of_one_provider_or_hold_an_entitlement(tmp_path) -> None:
    files = PolicyFiles(tmp_path)
    assert files.load().site.approvers is None
    named = f"{{identity_provider: egi, subjects: [a@x, b@x], entitlements: ['{HELD}'], issuing_clients: [p3idp]}}"
    files.change("site.yaml", "domain: egi\n", f"domain: egi\napprovers: {named}\n")
    held = parse_entitlement(HELD)
    assert held is not None
    assert files.load().site.approvers == Approvers("egi", ("a@x", "b@x"), (held,), ("p3idp",))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "holds nothing"),
        ("{}", "`identity_provider` is missing"),
        ("{identity_provider: egi}", "two people are needed"),
        ("{identity_provider: egi, subjects: [a@x]}", "two people are needed"),
        ("{identity_provider: egi, subjects: [a@x, a@x]}", "is one person all the same"),
        ("{identity_provider: other, subjects: [a@x, b@x]}", "there is no identity provider `other` here"),
        ("{identity_provider: egi, subjects: [a@x, 'b@x ']}", "is no subject"),
        ("{identity_provider: egi, subjects: [a@x, b\u043eb@x]}", "is no subject"),
        ("{identity_provider: egi, subjects: [a@x, '']}", "is no subject"),
        ("{identity_provider: egi, entitlements: [admins]}", "not a"),
        ("{identity_provider: egi, subject: [a@x, b@x]}", "did you mean `subjects`?"),
        ("[a@x, b@x]", "must hold keys and values"),
    ],
)
def test_what_could_never_be_two_people_is_a_mistake(tmp_path, written: str, told: str) -> None:
    files = PolicyFiles(tmp_path)
    files.change("site.yaml", "domain: egi\n", f"domain: egi\napprovers: {written}\n")
    with pytest.raises(PolicyInvalid) as refused:
        files.load()
    assert any(file == "site.yaml" and line == 4 and told in message for file, line, message in refused.value.places), (
        refused.value.places
    )
