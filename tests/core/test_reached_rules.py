"""What of a policy may be left out for somebody's entitlements: nothing that changes their access."""

from big_policy import texts
from whole_policies import NOW, drawn, logins

from p3idp.adapters.policy_files.texts import policy_from_texts
from p3idp.core.policy.decide import decide
from p3idp.core.policy.examples import failed_examples, try_examples
from p3idp.core.policy.reached import ReachedRules

ISSUER = "https://aai.egi.eu/auth/realms/egi"


def test_the_reached_part_gives_everybody_the_same_access() -> None:
    tried = opened = 0
    for policy in drawn(40):
        reached = ReachedRules(policy)
        for login in logins(policy):
            claims = login.typed()
            whole = decide(policy, claims, NOW)
            assert decide(reached.by(claims.entitlements), claims, NOW).access == whole.access
            tried, opened = tried + 1, opened + bool(whole.access)
    assert tried > 2_000
    assert opened > 200


def test_a_policy_of_many_communities_is_asked_for_few_rules() -> None:
    policy = policy_from_texts(texts(60, ISSUER))
    part = ReachedRules(policy).by(["urn:mace:egi.eu:group:biomed:role=member", "urn:x:no-entitlement"])
    assert [community.name for community in part.communities] == ["biomed"]
    assert not ReachedRules(policy).by([]).communities


def test_examples_fail_with_the_same_words_as_when_every_rule_is_asked() -> None:
    files = texts(30, ISSUER)
    name = "communities/biomed.yaml"
    files[name] = files[name].replace("biomed: [reader]", "biomed: [member]", 1)
    policy = policy_from_texts(files)
    failed = [each.message for each in failed_examples(policy)]
    assert len(failed) == 1
    assert failed == [each.message for each in try_examples(policy) if not each.holds]
