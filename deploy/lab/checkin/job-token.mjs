// Tokens of CI jobs, in the shape of GitLab's ID tokens for jobs: who runs (project and ref), for whom, and for how long.
// A real CI system hands one to a job; here the control does. Nobody can ask the provider about one.

import { randomUUID } from 'node:crypto';

import { SignJWT, importJWK } from 'jose';

import { ALGORITHM } from './keys.mjs';

const LONGEST = 24 * 3600;

/** The mistake in what was asked for, or undefined. */
export function mistakeIn({ project_path: path, ref = 'main', ref_type: kind = 'branch', aud, seconds = 300 }) {
  if (typeof path !== 'string' || !path || typeof ref !== 'string' || !ref) return 'project_path and ref are text';
  if (!['branch', 'tag'].includes(kind)) return 'ref_type is branch or tag';
  const audiences = Array.isArray(aud) ? aud : [aud];
  if (!audiences.length || !audiences.every((name) => typeof name === 'string' && name)) return 'aud is text, or a list of texts';
  // A negative life makes a token that is over already.
  if (!Number.isInteger(seconds) || Math.abs(seconds) > LONGEST) return `seconds is a whole number up to ${LONGEST}`;
  return undefined;
}

export async function jobToken({ project_path: path, ref = 'main', ref_type: kind = 'branch', aud, seconds = 300, sub, typ }, { issuer, keys }) {
  const now = Math.floor(Date.now() / 1000);
  const issued = seconds < 0 ? now + seconds - 60 : now;
  const [jwk] = keys.signing;
  const claims = {
    iss: issuer,
    aud,
    // A person's subject can be asked for, to see that nobody takes a job for the person.
    sub: sub ?? `project_path:${path}:ref_type:${kind}:ref:${ref}`,
    iat: issued,
    nbf: issued - 5,
    exp: now + seconds,
    jti: randomUUID(),
    // Keycloak says in the body which of its tokens this is; undefined is left out.
    typ,
    namespace_path: path.split('/').slice(0, -1).join('/'),
    project_path: path,
    ref,
    ref_type: kind,
    ref_protected: 'true',
    pipeline_source: 'push',
    user_login: 'somebody',
    // What a community's entitlements would look like if a CI system could speak for them.
    eduperson_entitlement: ['urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu'],
    entitlements: ['urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu'],
  };
  return new SignJWT(claims)
    .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: jwk.kid })
    .sign(await importJWK(jwk, ALGORITHM));
}
