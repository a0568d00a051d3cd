// Decides which claims about a person leave the provider: by the scopes that were asked, and by where they are read.
// The rows are Check-in's "User attributes" table, with the new name `entitlements` beside the old one.

export const ID_TOKEN = 'id_token';
export const USERINFO = 'userinfo';
export const INTROSPECTION = 'introspection';
export const ACCESS_TOKEN = 'access_token';

const PROFILE = ['profile', 'aarc'];
const EMAIL = ['email', 'aarc'];

const ROWS = [
  {
    claim: 'voperson_id',
    scopes: ['voperson_id', 'aarc'],
    places: [ID_TOKEN, USERINFO, INTROSPECTION, ACCESS_TOKEN],
    value: (person) => person.voperson_id,
  },
  { claim: 'preferred_username', scopes: PROFILE, places: [ID_TOKEN, USERINFO, INTROSPECTION], value: (person) => person.login },
  { claim: 'name', scopes: PROFILE, places: [USERINFO], value: (person) => person.name },
  { claim: 'given_name', scopes: PROFILE, places: [USERINFO], value: (person) => person.given_name },
  { claim: 'family_name', scopes: PROFILE, places: [USERINFO], value: (person) => person.family_name },
  { claim: 'email', scopes: EMAIL, places: [USERINFO, INTROSPECTION], value: (person) => person.email },
  { claim: 'email_verified', scopes: EMAIL, places: [USERINFO, INTROSPECTION], value: (person) => (person.email ? true : undefined) },
  entitlementsAs('eduperson_entitlement'),
  entitlementsAs('entitlements'),
  {
    claim: 'eduperson_assurance',
    scopes: ['eduperson_assurance'],
    places: [USERINFO, INTROSPECTION],
    value: (person) => presentOnly(person.assurance),
  },
];

const PARAMETRIC = ROWS.filter((row) => row.parametric).map((row) => `${row.claim}:`);

export const SCOPES = [...new Set(['openid', 'offline_access', ...ROWS.flatMap((row) => row.scopes)])];
export const CLAIMS = ROWS.map((row) => row.claim);

export function isKnownScope(scope) {
  return SCOPES.includes(scope) || PARAMETRIC.some((prefix) => scope.startsWith(prefix) && scope.length > prefix.length);
}

/** The claims about a person that someone holding these scopes may read in this place. */
export function release(person, scopes, place) {
  const claims = ROWS
    .filter((row) => row.places.includes(place))
    .filter((row) => row.scopes.some((scope) => scopes.has(scope)) || (row.parametric && limits(row.claim, scopes).size > 0))
    .map((row) => [row.claim, row.value(person, scopes)]);
  return Object.fromEntries(claims.filter(([, value]) => value !== undefined));
}

function entitlementsAs(claim) {
  return {
    claim,
    scopes: [claim],
    parametric: true,
    places: [USERINFO, INTROSPECTION],
    value(person, scopes) {
      if (scopes.has(claim)) return presentOnly(person.entitlements);
      const wanted = limits(claim, scopes);
      return presentOnly(person.entitlements.filter((value) => wanted.has(value)));
    },
  };
}

/** The values that parametric scopes such as `entitlements:urn:…` ask for. */
function limits(claim, scopes) {
  const prefix = `${claim}:`;
  return new Set([...scopes].filter((scope) => scope.startsWith(prefix)).map((scope) => scope.slice(prefix.length)));
}

/** Check-in leaves an empty claim out. */
function presentOnly(values) {
  return values.length ? values : undefined;
}
