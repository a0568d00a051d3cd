"""Good tokens pass: without these, a broker that refuses everybody would pass the battery."""

import pytest
from trusting import Trust

pytestmark = pytest.mark.accept_control


def test_a_token_in_check_ins_shape_is_believed(trusting: Trust, attack):
    claims = attack.accepted("Keycloak's header typ JWT", lambda: trusting.verify(trusting.hostile.access_token()))
    assert claims.subject == "mallory@egi.eu"
    assert claims.client == "p3idp"
    assert claims.entitlements == ("urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu",)


def test_a_whole_sign_in_succeeds(trusting: Trust, attack):
    signed_in = attack.accepted("code flow with PKCE", trusting.sign)
    assert signed_in.claims.display_name == "Mallory Example"
    assert trusting.hostile.counts["token"] == 1
