// Makes oidc-provider's access tokens look like Check-in's: a JWT one can read, for a token one can introspect.
//
// The library knows opaque tokens, which it stores and can introspect, and JWTs, which it forgets. Keycloak's are both.
// So tokens stay opaque and stored, and what leaves is a signed JWT whose `jti` says under which identifier.

import { SignJWT, createLocalJWKSet, importJWK, jwtVerify } from 'jose';

import { ALGORITHM } from './keys.mjs';
import { ACCESS_TOKEN, INTROSPECTION, release } from './release.mjs';

// The library turns away anything that decodes as a JWT at introspection and revocation, before it looks it up.
// A leading mark lets ours through to `find` below.
const MARK = '~';

export function issueAsJwt(provider, { keys, describe }) {
  const publicKeys = createLocalJWKSet({ keys: keys.signing.map(({ kty, kid, alg, use, n, e }) => ({ kty, kid, alg, use, n, e })) });

  async function identifierIn(value) {
    try {
      const token = value.startsWith(MARK) ? value.slice(MARK.length) : value;
      const { payload } = await jwtVerify(token, publicKeys, { issuer: provider.issuer, algorithms: [ALGORITHM], typ: 'JWT' });
      return payload.typ === 'Bearer' ? payload.jti : undefined;
    } catch {
      return undefined; // not ours, expired, or signed by a key that is gone: in each case a token nobody knows
    }
  }

  for (const Model of [provider.AccessToken, provider.ClientCredentials]) {
    const { find } = Model;
    const { getValueAndPayload } = Model.prototype;

    Model.prototype.getValueAndPayload = async function getJwtAndPayload() {
      const { payload } = await getValueAndPayload.call(this);
      return { value: await sign(accessTokenClaims(provider.issuer, payload, describe(payload)), keys), payload };
    };
    Model.find = async function findByJwt(value, ...options) {
      return find.call(this, await identifierIn(String(value)), ...options);
    };
  }

  letThroughJwts(provider);
}

/** What Keycloak writes in an access token, and repeats at introspection. */
export function accessTokenClaims(issuer, token, { person, client }) {
  const scopes = new Set(token.scope?.split(' '));
  const fat = client.tokenShape === 'fat';
  return {
    exp: token.exp,
    iat: token.iat,
    jti: token.jti,
    iss: issuer,
    ...(fat && { aud: client.audience }),
    sub: person.sub,
    typ: 'Bearer',
    azp: token.clientId,
    client_id: token.clientId,
    scope: token.scope ?? '',
    ...(token.jkt && { cnf: { jkt: token.jkt } }),
    ...release(person, scopes, ACCESS_TOKEN),
    ...(fat && release(person, scopes, INTROSPECTION)),
  };
}

async function sign(claims, keys) {
  const [jwk] = keys.signing;
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: jwk.kid })
    .sign(await importJWK(jwk, ALGORITHM));
}

function letThroughJwts(provider) {
  const forms = new WeakMap();
  Object.defineProperty(provider.OIDCContext.prototype, 'body', {
    get() {
      return forms.get(this);
    },
    set(form) {
      const reads = ['introspection', 'revocation'].includes(this.route) && looksLikeJwt(form?.token);
      forms.set(this, reads ? { ...form, token: MARK + form.token } : form);
    },
  });
}

function looksLikeJwt(value) {
  return typeof value === 'string' && value.split('.').length === 3;
}
