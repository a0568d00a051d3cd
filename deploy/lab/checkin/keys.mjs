// Owns the secrets this provider makes for itself: the keys that sign tokens and the key that signs cookies. They are
// kept in the state directory, so that after a restart yesterday's tokens verify and people stay signed in.

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { calculateJwkThumbprint } from 'jose';

import { readJson } from './config.mjs';

export const ALGORITHM = 'RS256';

export async function openKeys(stateDir) {
  const file = join(stateDir, 'keys.json');
  if (existsSync(file)) return new Keys(file, readJson(file, 'key file'));
  const keys = new Keys(file, { signing: [await newKey()], cookies: [randomBytes(32).toString('base64url')] });
  keys.save();
  return keys;
}

class Keys {
  #file;

  #kept;

  constructor(file, kept) {
    this.#file = file;
    this.#kept = kept;
  }

  /** Private JWKs, the one that signs first. */
  get signing() {
    return this.#kept.signing;
  }

  get cookies() {
    return this.#kept.cookies;
  }

  /** Sign with a new key. Without overlap the old ones are gone at once, as when an operator disables a key. */
  async rollover({ overlap }) {
    this.#kept.signing = [await newKey(), ...(overlap ? this.#kept.signing : [])];
    this.save();
  }

  save() {
    // Written beside and renamed: a crash half way must not leave a provider without keys.
    const draft = `${this.#file}.new`;
    writeFileSync(draft, JSON.stringify(this.#kept), { mode: 0o600 });
    renameSync(draft, this.#file);
  }
}

async function newKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = privateKey.export({ format: 'jwk' });
  return { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: ALGORITHM, use: 'sig' };
}
