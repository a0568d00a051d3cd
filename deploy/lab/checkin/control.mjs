// The lab's own switches, under /_lab/: change people, keys and manners of the running provider, and look at its traffic.
// No real Check-in has these; whoever holds the control token can use them.

import { createHash, timingSafeEqual } from 'node:crypto';

import { TooLargeError, readBody } from './body.mjs';
import { jobToken, mistakeIn } from './job-token.mjs';
import { UnknownError } from './people.mjs';

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const LONGEST_SILENCE = 24 * 3600;
const LONGEST_LIFE = 24 * 3600;

export function control({ config, people, keys, traffic, reopenRealm }) {
  const routes = [
    ['GET', /^\/_lab\/health$/, () => ({ status: 'ok', issuer: config.issuer, silent: traffic.silent })],
    ['GET', /^\/_lab\/counters$/, () => traffic.counts],
    ['GET', /^\/_lab\/people$/, () => people.all()],
    ['POST', /^\/_lab\/people\/([^/]+)\/withdraw$/, change((...args) => people.withdraw(...args))],
    ['POST', /^\/_lab\/people\/([^/]+)\/restore$/, change((...args) => people.restore(...args))],
    ['POST', /^\/_lab\/keys\/rollover$/, rollover],
    ['POST', /^\/_lab\/silence$/, silence],
    ['POST', /^\/_lab\/access-token-ttl$/, accessTokenTtl],
    ['POST', /^\/_lab\/job-token$/, mintJobToken],
  ];

  function change(apply) {
    return (body, login) => {
      if ((body.all === true) === (typeof body.entitlement === 'string')) {
        throw new Refusal(400, 'say either {"entitlement": "urn:…"} or {"all": true}');
      }
      apply(login, body.entitlement);
      return people.describe(login);
    };
  }

  async function rollover({ overlap = true }) {
    if (typeof overlap !== 'boolean') throw new Refusal(400, 'overlap is true or false');
    await keys.rollover({ overlap });
    await reopenRealm();
    return { kids: keys.signing.map((key) => key.kid) };
  }

  function silence({ seconds }) {
    if (typeof seconds !== 'number' || seconds < 0 || seconds > LONGEST_SILENCE) {
      throw new Refusal(400, `seconds is a number from 0 to ${LONGEST_SILENCE}`);
    }
    traffic.silence(seconds);
    return { silent: traffic.silent };
  }

  function accessTokenTtl({ seconds }) {
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > LONGEST_LIFE) {
      throw new Refusal(400, `seconds is a whole number from 1 to ${LONGEST_LIFE}`);
    }
    const { accessToken: before } = config.lifetimes;
    config.lifetimes.accessToken = seconds;
    return { before };
  }

  async function mintJobToken(asked) {
    const mistake = mistakeIn(asked);
    if (mistake) throw new Refusal(400, mistake);
    return { id_token: await jobToken(asked, { issuer: config.issuer, keys }) };
  }

  async function answer(req) {
    if (!sameSecret(req.headers.authorization ?? '', `Bearer ${config.controlToken}`)) {
      throw new Refusal(401, 'the control token is missing or wrong');
    }
    const path = req.url.split('?')[0];
    const matching = routes.filter(([, pattern]) => pattern.test(path));
    if (matching.length === 0) throw new Refusal(404, `there is no ${path}`);
    const [, pattern, act] = matching.find(([method]) => method === req.method) ?? [];
    if (!act) throw new Refusal(405, `${path} takes ${matching.map(([method]) => method).join(', ')}`);
    return act(await readObject(req), ...pattern.exec(path).slice(1).map(decodeURIComponent));
  }

  return async (req, res) => {
    try {
      reply(res, 200, await answer(req));
    } catch (error) {
      const status = error.status ?? (error instanceof UnknownError ? 404 : error instanceof TooLargeError ? 413 : 500);
      if (status === 500) console.error('checkin: a control request failed:', error);
      reply(res, status, { error: status === 500 ? 'internal error' : error.message });
    }
  };
}

async function readObject(req) {
  const text = await readBody(req);
  try {
    const value = JSON.parse(text || '{}');
    if (value !== null && typeof value === 'object') return value;
  } catch {
    // answered below, together with JSON that is no object
  }
  throw new Refusal(400, 'the body is not a JSON object');
}

function reply(res, status, value) {
  res.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  res.end(`${JSON.stringify(value, null, 2)}\n`);
}

function sameSecret(given, expected) {
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
