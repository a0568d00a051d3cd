// Counts requests per endpoint and keeps silent on demand: accepts a request and never answers it.

import { ROUTES } from './realm.mjs';

const ENDPOINTS = new Map([
  ['/.well-known/openid-configuration', 'discovery'],
  [ROUTES.authorization, 'auth'],
  [ROUTES.token, 'token'],
  [ROUTES.userinfo, 'userinfo'],
  [ROUTES.introspection, 'introspect'],
  [ROUTES.revocation, 'revoke'],
  [ROUTES.jwks, 'certs'],
  [ROUTES.end_session, 'logout'],
  [ROUTES.device_authorization, 'device_authorization'],
  [ROUTES.code_verification, 'device'],
]);

export class Traffic {
  #counts = Object.fromEntries([...ENDPOINTS.values(), 'interaction', 'other'].sort().map((name) => [name, 0]));

  #unanswered = new Set();

  #silence;

  get counts() {
    return { ...this.#counts };
  }

  get silent() {
    return this.#silence !== undefined;
  }

  count(path) {
    const name = ENDPOINTS.get(path) ?? (path.startsWith('/interaction/') ? 'interaction' : 'other');
    this.#counts[name] += 1;
  }

  /** Silence from now on, for so many seconds; none ends it. */
  silence(seconds) {
    clearTimeout(this.#silence);
    if (seconds > 0) {
      this.#silence = setTimeout(() => this.#end(), seconds * 1000).unref();
    } else {
      this.#end();
    }
  }

  leaveUnanswered(res) {
    this.#unanswered.add(res);
    res.once('close', () => this.#unanswered.delete(res));
  }

  // What waited through the silence never gets an answer, only its connection closed: late answers would be a slow
  // provider, not a silent one.
  #end() {
    this.#silence = undefined;
    for (const res of this.#unanswered) res.destroy();
  }
}
