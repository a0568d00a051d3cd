"""What a plan does to people: who gains and who loses which role on which project, at their next login.

Owns that question. Both sides are Keystone's: what it holds now, and what it would hold after the plan, each asked by
its mapping (core/keystone_rules) and the grants of its groups, so that the comparison is the same for a policy, a
rollback and somebody else's mapping.

    cloud.py     a snapshot that is asked what a login gets in it
    assertion.py remembered claims as the attributes that a mapping asks for
    rules.py     a login made from each rule that the plan touches
    compare.py   people, one by one: by their claims, or by their groups where no claims are known
    part.py      the result: values, coverage, JSON
    findings.py  which losses are a danger
"""
