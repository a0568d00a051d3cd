"""Every forged token is refused, for its own reason: as the ID token of a sign-in, and as a subject token."""

import pytest
from battery import Attack
from forgeries import FORGERIES, Forgery
from trusting import Trust, make_trust

BY_ROW = {row: [f for f in FORGERIES if f.row == row] for row in sorted({f.row for f in FORGERIES})}
ID_ROWS = [row for row, found in BY_ROW.items() if any("id" in f.kinds for f in found)]
ACCESS_ROWS = [row for row, found in BY_ROW.items() if any("access" in f.kinds for f in found)]


def sign_in_with(trusting: Trust, forgery: Forgery) -> object:
    trusting.hostile.token_changes = {"id_token": forgery.token(trusting.hostile, "id")}
    return trusting.sign()


def exchange(trusting: Trust, forgery: Forgery) -> object:
    return trusting.verify(forgery.token(trusting.hostile, "access"))


@pytest.mark.parametrize("row", [pytest.param(row, marks=pytest.mark.attack(row)) for row in ID_ROWS])
def test_a_forged_id_token_ends_the_sign_in(row: str, trusting: Trust, attack: Attack):
    for forgery in BY_ROW[row]:
        if "id" in forgery.kinds:
            attack.refused(f"ID token: {forgery.name}", lambda f=forgery: sign_in_with(trusting, f), forgery.reason)
    assert trusting.hostile.counts["introspection"] == trusting.hostile.counts["userinfo"] == 0


@pytest.mark.parametrize(
    "row", [pytest.param(row, marks=pytest.mark.attack(row if row[0] == "X" else "X13")) for row in ACCESS_ROWS]
)
def test_a_forged_access_token_is_no_subject_token(row: str, trusting: Trust, attack: Attack):
    for forgery in BY_ROW[row]:
        if "access" in forgery.kinds:
            attack.refused(
                f"{row} access token: {forgery.name}", lambda f=forgery: exchange(trusting, f), forgery.reason
            )
    assert trusting.hostile.counts["introspection"] == 0


@pytest.mark.attack("R30", "R31", "R32")
def test_a_token_that_brings_its_key_causes_no_call(trusting: Trust, attack: Attack):
    trusting.verify(trusting.hostile.access_token())
    before = trusting.hostile.counts.total()
    for row in ("R30", "R31", "R32"):
        for forgery in BY_ROW[row]:
            if "kid" in forgery.header and row == "R30":
                continue  # a token without kid may be signed with a new key: one call a minute
            attack.refused(f"warm: {forgery.name}", lambda f=forgery: exchange(trusting, f), forgery.reason, row)
    assert trusting.hostile.counts.total() == before


@pytest.mark.attack("R25")
@pytest.mark.parametrize("advertised", [["none"], ["none", "RS256"], ["HS256"], [], None, "none"])
def test_what_discovery_says_of_algorithms_is_not_asked(advertised, trusting: Trust, attack: Attack):
    trusting.hostile.discovery = {
        "id_token_signing_alg_values_supported": advertised,
        "introspection_signing_alg_values_supported": advertised,
    }
    for forgery in BY_ROW["R24"] + BY_ROW["R28"]:
        name = f"advertised {advertised}: {forgery.name}"
        attack.refused(name, lambda f=forgery: sign_in_with(trusting, f), forgery.reason)


@pytest.mark.attack("R22")
@pytest.mark.parametrize("advertised", [{}, {"nonce_supported": False}])
def test_an_id_token_of_another_browser_is_refused(advertised, trusting: Trust, attack: Attack):
    trusting.hostile.discovery = advertised
    attack.refused(f"{advertised}", lambda: trusting.sign(nonce="mine", asked="somebody else's"), "nonce")
    attack.refused(f"{advertised}, attempt without nonce", lambda: trusting.sign(nonce=""), "nonce")


@pytest.mark.attack("X06")
def test_without_a_list_of_clients_no_access_token_is_honoured(hostile, attack: Attack):
    trusting = make_trust(hostile, issuing_clients=(), audiences=())
    attack.refused("no list", lambda: trusting.verify(hostile.access_token()), "no-clients")
    attack.refused("no list, aud ours", lambda: trusting.verify(hostile.access_token(aud="p3idp")), "no-clients")
    attack.refused("no list, empty azp", lambda: trusting.verify(hostile.access_token(azp="")), "no-clients")
