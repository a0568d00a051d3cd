"""Good tokens pass: without these, a broker that refuses everybody would pass the battery."""

import pytest
from hostile import HostileProvider
from trusting import Trust, make_trust

pytestmark = pytest.mark.accept_control


def test_a_token_in_check_ins_shape_is_believed(trusting: Trust, attack):
    claims = attack.accepted("Keycloak's header typ JWT", lambda: trusting.verify(trusting.hostile.access_token()))
    assert claims.subject == "mallory@egi.eu"
    assert claims.client == "p3idp"
    assert claims.entitlements == ("urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu",)


def test_every_issuer_of_a_provider_is_believed_by_its_own_keys(hostile: HostileProvider, attack):
    both = make_trust(hostile, issuers=("https://former.test/auth/realms/egi", hostile.issuer))
    claims = attack.accepted("the second of two issuers", lambda: both.verify(hostile.access_token()))
    assert claims.issuer == hostile.issuer


def test_a_whole_sign_in_succeeds(trusting: Trust, attack):
    signed_in = attack.accepted("code flow with PKCE", trusting.sign)
    assert signed_in.claims.display_name == "Mallory Example"
    assert trusting.hostile.counts["token"] == 1
