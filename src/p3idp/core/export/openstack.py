"""The policy's objects as a shell script of ``openstack`` commands. Owns their words, order and quoting.

Made to be read. Every value is quoted for the shell, options carry theirs behind ``=``, and names stand behind ``--``:
none of them can become a command or an option.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from shlex import quote

from p3idp.core.access.desired import Desired
from p3idp.core.access.resources import Kind, Resource, mark
from p3idp.core.export.origin import Origin
from p3idp.core.export.parts import Files, domain_of, issuers_of, of, properties_of, rule_file, rule_files
from p3idp.core.mappings.compile import SCHEMA_VERSION

Options = Mapping[str, str | list[str]]
SCRIPT = "access.sh"
FOLDER = "mappings"
_ABOUT = """\
It makes what is missing and changes what differs in identity providers, mappings and protocols; it takes
nothing away, so a second run changes nothing. Run it as whoever may administer Keystone: OS_CLOUD or other OS_
variables tell `openstack` where. Roles, and projects that the site has anyway, must be there.
The marks p3idp:… in descriptions and tags tell p3idp that these are its own, should it ever come back."""
_START = """\
set -eu
cd -- "$(dirname -- "$0")"
has() { openstack "$@" >/dev/null 2>&1; }
run() { printf '%s\\n' "openstack $*"; openstack "$@" >/dev/null; }
"""
# The client has no option for the attribute with a login's issuer, and its `protocol set` always ends in status 1.
# The token goes from one program to the other and stands in no list of processes.
_PROTOCOL = """\
# The client cannot change a protocol, nor say in which attribute a login's issuer stands: Keystone is asked itself.
keystone=$(openstack configuration show -f value -c auth_url -c auth.auth_url | sed -n '/^http/{p;q;}')
keystone=${keystone%/}; keystone=${keystone%/v3}/v3
set_protocol() {
  echo "set protocol $1"
  openstack token issue -f value -c id | sed 's/^/X-Auth-Token: /' |
    curl -sSf -o /dev/null ${OS_CACERT:+--cacert "$OS_CACERT"} -X PATCH -H @- -H 'Content-Type: application/json' \\
      --data "$2" "$keystone/OS-FEDERATION/identity_providers/$1"
}"""


def openstack_files(desired: Desired, origin: Origin) -> Files:
    """The script, and the rules that it reads."""
    return {SCRIPT: "\n".join(_script(desired, origin)), **rule_files(desired, FOLDER)}


def _script(desired: Desired, origin: Origin) -> Iterator[str]:
    yield "#!/bin/sh"
    yield from (f"# {line}" for line in (*origin.lines, *_ABOUT.splitlines()))
    yield _START
    domain = domain_of(desired)
    ours = mark(desired.owner)
    yield "# The domain of these people, their groups and their projects"
    yield _run("domain create --or-show", [domain], description=ours)
    yield "\n# Identity providers: who may vouch for people, and for how many minutes a login's groups count"
    for provider in of(desired, Kind.IDENTITY_PROVIDER):
        yield from _provider(provider, domain, ours)
    yield "\n# Projects"
    for project in of(desired, Kind.PROJECT):
        yield from _project(project, ours)
    yield "\n# Groups: a federated login puts people into them"
    for group in of(desired, Kind.GROUP):
        # Not --or-show: the client then looks for the group in a domain whose id is the domain's name.
        domain, name = group.key
        shown = _words("has group show", [name], {"domain": domain})
        yield f"{shown} || {_run('group create', [name], domain=domain, description=ours)}"
    yield "\n# What the groups may do, and where"
    for grant in of(desired, Kind.ROLE_ASSIGNMENT):
        yield _grant(grant)
    yield "\n# Mappings: which claims lead to which group"
    for mapping in of(desired, Kind.MAPPING):
        rules: Options = {"rules": rule_file(mapping, FOLDER), "schema_version": SCHEMA_VERSION}
        yield from _set_or_create("mapping", mapping.key[0], rules, rules)
    yield "\n# Protocols: which mapping an identity provider's logins go through"
    yield from (_protocol(protocol) for protocol in of(desired, Kind.PROTOCOL))
    yield from ("", _PROTOCOL)
    yield from (_set_protocol(protocol) for protocol in of(desired, Kind.PROTOCOL))
    yield ""


def _provider(provider: Resource, domain: str, ours: str) -> Iterator[str]:
    said: Options = {
        "authorization_ttl": str(provider.attributes["authorization_ttl"]),
        "remote_id": list(issuers_of(provider)),
    }
    made: Options = {**said, "domain": domain, "description": ours}
    yield from _set_or_create(
        "identity provider",
        provider.key[0],
        made,
        said,
        " --enable" if provider.attributes["enabled"] else " --disable",
    )


def _project(project: Resource, ours: str) -> Iterator[str]:
    domain, name = project.key
    yield _run("project create --or-show", [name], domain=domain, tag=ours)
    if properties := [f"{key}={value}" for key, value in properties_of(project).items()]:
        # Not in the same call: Keystone writes accounting:VO as accounting_VO where a project is made.
        yield _run("project set", [name], domain=domain, property=properties)


def _grant(grant: Resource) -> str:
    domain, group, role, _, where, project = grant.key
    return _run("role add", [role], group=group, group_domain=domain, project=project, project_domain=where)


def _set_or_create(what: str, name: str, made: Options, said: Options, flags: str = "") -> Iterator[str]:
    yield f"if {_words(f'has {what} show', [name], {})}; then"
    yield f"  {_run(f'{what} set{flags}', [name], **said)}"
    yield "else"
    yield f"  {_run(f'{what} create{flags}', [name], **made)}"
    yield "fi"


def _protocol(protocol: Resource) -> str:
    provider, name = protocol.key
    shown = _words("has federation protocol show", [name], {"identity_provider": provider})
    made = {"identity_provider": provider, "mapping": str(protocol.attributes["mapping"])}
    return f"{shown} || {_run('federation protocol create', [name], **made)}"


def _set_protocol(protocol: Resource) -> str:
    said = {"mapping_id": protocol.attributes["mapping"]}
    said["remote_id_attribute"] = protocol.attributes["remote_id_attribute"]
    return f"set_protocol {quote('/protocols/'.join(protocol.key))} {quote(json.dumps({'protocol': said}))}"


def _run(command: str, names: Sequence[str], **options: str | list[str]) -> str:
    return _words(f"run {command}", names, options)


def _words(command: str, names: Sequence[str], options: Options) -> str:
    given = (
        f"--{name.replace('_', '-')}={quote(value)}"
        for name, values in options.items()
        for value in (values if isinstance(values, list) else [values])
    )
    return " ".join([command, *given, "--", *map(quote, names)])
