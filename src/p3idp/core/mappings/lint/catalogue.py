"""All findings of lint: how bad each is, what it does to people, and what to do. Owns the names and the words.

A name is stable: scripts ask for it. docs/reference/lint.md is generated from here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """``error``: logins fail, or somebody gets what was not meant. ``warning``: could hurt. ``note``: worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Words:
    """One finding in words: what the defect is, what it means to people, what to do about it."""

    severity: Severity
    defect: str
    means: str
    remedy: str


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE

FILES: Mapping[str, Words] = {
    "file-unreadable": Words(
        _E,
        "The file is not what lint can read: no JSON, a name twice, not UTF-8, too large, too deep, of another kind.",
        "Nothing in it was looked at.",
        "Give a policy directory, a Keystone mapping as JSON, or a catalogue of communities (`vos:`) as YAML.",
    ),
    "keystone-refuses": Words(
        _E,
        "The rules do not have the shape that Keystone saves.",
        "Keystone answers 400 (an unknown schema version: 500) and the old mapping stays in force.",
        "Correct the place named.",
    ),
    "schema-version-missing": Words(
        _W,
        "No schema version is given.",
        "Keystone takes 1.0, also for a change to a mapping that had another: `openstack mapping set` and Horizon "
        "leave it out. 1.0 ignores domains of projects and never takes a role away.",
        'Write `{"rules": […], "schema_version": "2.0"}`, or give --schema-version where the file is only the list.',
    ),
}

PATTERNS: Mapping[str, Words] = {
    "pattern-invalid": Words(
        _E,
        "A pattern is no regular expression.",
        "Keystone saves it, and answers 500 to everybody whose login reaches it, in whichever rule it stands.",
        "Correct the pattern.",
    ),
    "pattern-not-text": Words(
        _E,
        "A condition with `regex` holds something that is not text.",
        "Keystone saves it, and answers 500 to everybody whose login reaches it.",
        "Put it in quotes.",
    ),
    "pattern-unanchored": Words(
        _E,
        "A pattern is open at its beginning or its end.",
        "Keystone searches anywhere in the value: a name that only begins or ends the same gets in.",
        "Begin the pattern with `\\A` and end it with `\\Z`.",
    ),
    "pattern-across-names": Words(
        _E,
        "A wildcard stands where a community is named, and runs over colons.",
        "Any community can make a subgroup whose name ends the same, and its members get in.",
        "Name the community; `[^:#]+` stays within one name.",
    ),
    "pattern-dot": Words(
        _W,
        "A dot in a pattern is not escaped.",
        "It stands for any character, so that another name gets in.",
        "Write `\\.` for a dot.",
    ),
    "pattern-dollar": Words(
        _N,
        "A pattern ends with `$`.",
        "`$` also matches before a newline at the end, so that a value with one gets in.",
        "Write `\\Z`.",
    ),
    "pattern-anything": Words(
        _E,
        "A pattern is found in every value.",
        "The condition asks for nothing: everybody who has the attribute passes.",
        "Say which values are meant, or remove the condition if everybody is.",
    ),
    "pattern-slow": Words(
        _E,
        "A pattern can take Keystone very long.",
        "One login with such a value keeps a worker of Keystone busy for seconds, or for ever.",
        "Leave repeats within repeats and alternatives that overlap; say `[^:]+` rather than `.*`; anchor the pattern.",
    ),
}

CONDITIONS: Mapping[str, Words] = {
    "entry-not-text": Words(
        _E,
        "A condition lists something that is not text.",
        "Claims are text: it never equals one. A list or an object breaks every login that reaches it.",
        "Put it in quotes.",
    ),
    "entry-semicolon": Words(
        _E,
        "A condition lists a value with a semicolon.",
        "Keystone splits claims at semicolons first, so no value ever equals it.",
        "List the parts as entries of their own.",
    ),
    "entry-odd-character": Words(
        _W,
        "A condition lists a value with a blank at an end, an invisible character, or letters composed in parts.",
        "Keystone compares to the letter: what looks the same does not match.",
        "Type the value anew.",
    ),
    "entry-looks-like-pattern": Words(
        _W,
        "A condition without `regex` lists what looks like a pattern.",
        "It is compared as it stands, so nobody matches.",
        'Add "regex": true, or write the value itself.',
    ),
    "condition-empty": Words(
        _W,
        "A condition lists nothing.",
        "`any_one_of: []` never matches, `not_any_of: []` always does; an empty whitelist hands on nothing, an empty "
        "blacklist everything.",
        "List the values, or remove the condition.",
    ),
    "absent-attribute": Words(
        _W,
        "A rule asks that an attribute does not hold some value.",
        "An attribute that is not there at all fails the rule too: people without the claim are shut out.",
        "Do not lean on not_any_of: say with any_one_of who is meant.",
    ),
    "exclusion-open": Words(
        _W,
        "A pattern of not_any_of is open at its beginning or its end.",
        "Keystone searches anywhere in the value: people with a longer name are shut out as well.",
        "List the values that are barred; leave the pattern if everything that holds it is.",
    ),
    "only-exclusions": Words(
        _E,
        "A rule says only who is not meant.",
        "Everybody else of the identity provider gets in.",
        "Say with any_one_of who is meant.",
    ),
    "matches-everybody": Words(
        _E,
        "A rule gives groups or projects and asks for nothing but attributes that everybody has.",
        "Everybody of the identity provider gets them.",
        "Add a condition, such as any_one_of on the entitlements.",
    ),
    "whitelist-no-gate": Words(
        _E,
        "A rule gives fixed groups or projects and has a whitelist or blacklist where a condition is meant.",
        "A whitelist only picks values: where none is left the rule applies all the same.",
        "Use any_one_of (or not_any_of) as the condition.",
    ),
    "never-matches": Words(
        _E,
        "The conditions of a rule exclude each other.",
        "Nobody ever matches it.",
        "Remove one of the two conditions.",
    ),
    "attribute-optional": Words(
        _W,
        "A rule lists an attribute that not everybody has, such as name or email.",
        "Whoever comes without it does not match at all: a bare 401. Introspection, for one, releases no name.",
        "Remove it and what is filled from it; whatever is listed behind it then has another number ({n}).",
    ),
    "attribute-case": Words(
        _W,
        "The name of an attribute is spelt in two ways.",
        "Names count to the letter: with one of them the rule never applies.",
        "Write the name as Apache passes it.",
    ),
    "attribute-forgeable": Words(
        _W,
        "A rule reads an HTTP_… header.",
        "A client can send such a header on every way to Keystone that bypasses Apache; and Apache drops names with an "
        "underscore, such as HTTP_OIDC_eduperson_entitlement.",
        "Read the environment key OIDC-… (OIDCPassClaimsAs environment).",
    ),
}

TEXTS: Mapping[str, Words] = {
    "index-out-of-range": Words(
        _E,
        "A field `{n}` stands for nothing.",
        "Keystone answers 500 to everybody who matches. any_one_of and not_any_of are not counted.",
        "Count only entries without condition, with whitelist or with blacklist, from 0.",
    ),
    "template-broken": Words(
        _E,
        "A text has a stray brace or a field with a name.",
        "Keystone fills texts in with Python's str.format, which fails: 500 for everybody who matches.",
        "Write `{0}` for a value, and `{{` and `}}` for braces.",
    ),
    "template-unnumbered": Words(
        _W,
        "A text has a field without a number.",
        "`{}` counts by itself in each text, and adding a field changes what the next one stands for.",
        "Write the number.",
    ),
    "template-inside": Words(
        _E,
        "A field looks inside the value.",
        "Python's attributes and items come out, not the claim: people get made-up names, or one name for all.",
        "Write the plain field.",
    ),
    "order-unstable": Words(
        _W,
        "A text is filled from a whitelist or blacklist that may leave several values.",
        "Keystone keeps them in a set: the text of a list comes out, in another order after each restart.",
        "Use `groups`, or one rule for each value.",
    ),
    "template-format": Words(
        _E,
        "A field has a width, a precision or a conversion.",
        "A precision cuts names, so that two people become one; a width of millions fills Keystone's memory.",
        "Write the plain field.",
    ),
}

GIVES: Mapping[str, Words] = {
    "rule-gives-nothing": Words(
        _W, "`local` is empty.", "The rule applies and gives nothing.", "Fill it, or remove the rule."
    ),
    "groups-without-domain": Words(
        _E,
        "`groups` stands without `domain`.",
        "Keystone fails everybody who matches.",
        'Add `"domain": {"name": …}` in the same object.',
    ),
    "groups-letters-name": Words(
        _E,
        "A text of `groups` contains, or can contain, the letters `name`.",
        "Keystone then takes it for JSON and fails the login: a community called vo.names.org is enough.",
        'Use `"group": {"name": …, "domain": …}`, one rule a group.',
    ),
    "group-from-claim": Words(
        _W,
        "Names of groups come from a claim unseen.",
        "Whoever can put a value into the claim gets the group of that name, such as `admins`.",
        "Name with a whitelist which values count.",
    ),
    "group-list-literal": Words(
        _E,
        "A claim that is taken for groups may hold the text of a list.",
        "A value such as `['admins']` is read as a list, past a blacklist that forbids admins.",
        "Name with a whitelist which values count.",
    ),
    "group-name-list": Words(
        _W,
        "`group.name` is filled from a claim.",
        "Of two values, one group is made whose name is the text of a list; nobody is in it.",
        "Use `groups` with a whitelist, or one rule for each group.",
    ),
    "group-by-id": Words(
        _W,
        "A group is named by its id.",
        "When the group is deleted, everybody who matches gets a 500; a name would be skipped.",
        'Write `"group": {"name": …, "domain": …}`.',
    ),
    "projects-roles-stay": Words(
        _E,
        "`projects` in schema 1.0 or 2.0.",
        "Roles are given to the user directly and never taken away when the claim goes.",
        "Give groups, and grant roles to the groups.",
    ),
    "projects-overwritten": Words(
        _W,
        "Several rules give projects.",
        "Only those of the last rule that matches count; the others are lost.",
        "Give groups, which add up.",
    ),
    "projects-from-claim": Words(
        _E,
        "Projects, or roles on them, come from a claim.",
        "Whoever can put a value into the claim chooses project and role, admin included.",
        "Write projects and roles out, or give groups.",
    ),
    "role-admin": Words(
        _W,
        "The role admin is given.",
        "In Keystone admin on any project is admin of the whole cloud.",
        "Give member or manager; let a second person look at the rule if admin is meant.",
    ),
    "domain-missing": Words(
        _E,
        "From schema 2.0 on, neither the user nor the last matching object has a domain.",
        "Keystone answers 400 with a TypeError of Python for a message.",
        'Add `"domain": {"name": …}` to the user.',
    ),
    "schema-3-sync": Words(
        _W,
        "Schema 3.0 synchronises roles.",
        "Each login deletes every role given to the user directly that the mapping did not produce, also those that an "
        "administrator gave by hand.",
        "Use schema 2.0 with groups, unless that is what you want.",
    ),
}

PEOPLE: Mapping[str, Words] = {
    "user-missing": Words(
        _E,
        "Some logins match and name no user.",
        "Keystone takes REMOTE_USER, whatever Apache put there.",
        'Give the user in the same rule: `"user": {"id": "{0}", "name": "{0}"}`.',
    ),
    "user-constant": Words(
        _E,
        "The user is the same for everybody.",
        "All who match are one person in Keystone: they share servers, keys and blame.",
        "Fill id and name from the subject claim.",
    ),
    "user-reassignable": Words(
        _E,
        "The user's id comes from a name or an e-mail address.",
        "Names repeat and addresses pass on: the next holder is the same user, and who changes theirs becomes another.",
        'Take "id" from sub or voperson_id; "name" may then be anything.',
    ),
    "user-display-name": Words(
        _N,
        "The user's name comes from a name or an e-mail address, the id from something else.",
        "The id keeps people apart, but two users may show the same name.",
        "Take both from the same claim, if that matters to you.",
    ),
    "user-splits": Words(
        _W,
        "The user comes from a claim that may hold a semicolon or several values.",
        "Keystone splits it, and a user is made whose name is the text of a list.",
        "Take the subject claim, which has one value.",
    ),
    "user-local": Words(
        _E,
        "The user is of type local.",
        "Whoever brings that name becomes an existing user of Keystone, administrators included; groups are ignored.",
        "Remove the type.",
    ),
    "user-second": Words(
        _W,
        "Several rules give different users.",
        "The first one that matches counts; a rule moved up makes new people, and the old ones' servers are orphaned.",
        "Give the same user in every rule.",
    ),
    "issuer-unchecked": Words(
        _N,
        "No rule asks for the issuer.",
        "Two people of two issuers with the same subject are one user, where the identity provider has several or no "
        "remote_ids.",
        "Add a condition on the issuer.",
    ),
}

TOGETHER: Mapping[str, Words] = {
    "rule-repeated": Words(
        _W, "A rule stands twice.", "The second adds nothing; who changes one forgets the other.", "Remove one."
    ),
    "rule-shadowed": Words(
        _W,
        "Whatever a rule gives, another one gives under a wider condition.",
        "Its condition protects nothing: the other rule lets the same people in, and more.",
        "Remove the rule, or narrow the other.",
    ),
    "condition-repeated": Words(
        _N, "Two rules have the same condition.", "They could be one rule.", "Put both `local` lists into one rule."
    ),
}

LIVE: Mapping[str, Words] = {
    "live-domain-unknown": Words(
        _E, "Keystone has no such domain.", "Everybody who matches gets a 404.", "Correct the name, or make the domain."
    ),
    "live-group-unknown": Words(
        _E,
        "Keystone has no group of that name in that domain.",
        "Keystone skips it silently: people sign in and have no roles.",
        "Make the group, or correct the name.",
    ),
    "live-group-id-unknown": Words(
        _E,
        "Keystone has no group with that id.",
        "Everybody who matches gets a 500.",
        "Name the group by name and domain.",
    ),
    "live-role-unknown": Words(
        _E, "Keystone has no such role.", "Everybody who matches gets a 404.", "Correct the role's name."
    ),
    "live-project-unknown": Words(
        _W,
        "Keystone has no such project.",
        "The first login makes it, with nobody looking after it.",
        "Correct the name, or make the project.",
    ),
    "live-issuer-unknown": Words(
        _E,
        "A rule asks for an issuer that the identity provider does not have among its remote_ids.",
        "Sign-ins from that issuer end in a 403 before the mapping is asked.",
        "Add the issuer to the remote_ids, or remove it from the rule.",
    ),
    "live-provider-unknown": Words(
        _E, "Keystone has no such identity provider.", "Every sign-in ends in a 404.", "Run `p3idp plan` and apply it."
    ),
    "live-provider-open": Words(
        _E,
        "An identity provider has no remote_ids.",
        "Any issuer is accepted.",
        "`openstack identity provider set --remote-id ISSUER ID`.",
    ),
    "live-provider-disabled": Words(
        _W, "An identity provider is disabled.", "Every sign-in ends in a 403.", "Enable it, unless that was meant."
    ),
    "live-issuer-shared": Words(
        _E,
        "Two identity providers have the same remote_id.",
        "Which of the two a login belongs to is chance; one person becomes two.",
        "Leave it to one of them.",
    ),
    "live-second-protocol": Words(
        _W,
        "An identity provider has two protocols.",
        "The same person through the second one gets a 409: the user exists already.",
        "Keep one protocol, or an identity provider for each.",
    ),
    "live-mapping-missing": Words(
        _E,
        "A protocol names a mapping that Keystone does not have.",
        "Every sign-in ends in a 404.",
        "Make the mapping, or name another in the protocol.",
    ),
    "live-mapping-unused": Words(
        _N, "No protocol uses the mapping.", "It has no effect.", "Delete it, or name it in a protocol."
    ),
    "live-schema-version": Words(
        _E,
        "The mapping in Keystone has another schema version.",
        "A change that left it out has reset it: domains and roles are treated differently.",
        "Save the mapping again together with its version.",
    ),
    "live-drift": Words(
        _W,
        "The mapping in Keystone is not this one.",
        "People get other access than these rules say.",
        "Find out who changed it; then run `p3idp plan`, or save these rules.",
    ),
    "live-incomplete": Words(
        _N,
        "Keystone cut a list short.",
        "What is not in the list was not looked for.",
        "Raise list_limit in keystone.conf for this account, and lint again.",
    ),
}

POLICY: Mapping[str, Words] = {
    "policy-invalid": Words(
        _E, "A policy file has a mistake.", "The policy is not read, and nothing changes.", "Correct the line."
    ),
    "example-fails": Words(
        _E,
        "An example of the policy comes out otherwise.",
        "Rule or example is wrong; `p3idp plan` refuses.",
        "Correct the one that is not meant.",
    ),
    "rule-without-example": Words(
        _W,
        "No example is let in by the rule.",
        "Nothing notices when a change shuts its people out.",
        "Add an example.",
    ),
    "rule-ended": Words(
        _W,
        "The validity of a community or a rule has ended.",
        "It gives nobody anything, and stays to be read.",
        "Set a new `until`, or remove it.",
    ),
    "rule-never-gives": Words(
        _E,
        "The conditions of a rule, its community and its identity providers exclude each other.",
        "It never gives anybody anything.",
        "Change the condition named.",
    ),
    "name-twin": Words(
        _W,
        "Two names differ only in case, or in how their letters are composed.",
        "They look like one and are two: people of one are refused by the other.",
        "Write them the same.",
    ),
    "name-odd-character": Words(
        _W,
        "A name holds an invisible character, or letters composed in parts.",
        "It is compared to the letter: what looks the same is not.",
        "Type the name anew.",
    ),
    "entitlement-legacy": Words(
        _W,
        "An entitlement is written in a form that was given up.",
        "No rule matches it any more.",
        "Write it as AARC-G069 says.",
    ),
}

VOS: Mapping[str, Words] = {
    "entitlement-malformed": Words(
        _E,
        "A value of the catalogue is no group entitlement.",
        "Nobody holds such a value: the community has no access.",
        "Write the entitlement as AARC-G069 says.",
    ),
    "entitlement-shared": Words(
        _W,
        "Two names of the catalogue stand for the same entitlement.",
        "Whoever is in one is in the other: their projects are open to the same people.",
        "Give each its own entitlement, or keep one name.",
    ),
    "role-unusual": Words(
        _W,
        "A role that hardly any other community of the catalogue asks for.",
        "People with the usual roles are refused; or the role means more than using machines.",
        "Ask the community which role its people hold.",
    ),
}

SECTIONS: Mapping[str, Mapping[str, Words]] = {
    "Files": FILES,
    "Patterns": PATTERNS,
    "Conditions": CONDITIONS,
    "Texts that are filled in": TEXTS,
    "Groups, projects and domains": GIVES,
    "Users": PEOPLE,
    "Rules together": TOGETHER,
    "The live Keystone (--online)": LIVE,
    "Policy files": POLICY,
    "Catalogues of communities": VOS,
}
CATALOGUE: Mapping[str, Words] = {code: words for section in SECTIONS.values() for code, words in section.items()}
