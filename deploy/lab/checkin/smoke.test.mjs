// Starts the stand-in as the lab does and uses it as relying parties do. Run by `npm test`; needs the openssl command for a
// throw-away certificate.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setDefaultCACertificates } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';

import { Browser, formAction, hiddenFields } from './smoke-browser.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const CALLBACK = 'https://localhost/callback';
const CONTROL_TOKEN = randomBytes(16).toString('hex');
const EVERYTHING = 'openid profile email voperson_id eduperson_entitlement entitlements eduperson_assurance';
const VM_OPERATOR = 'urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu';
const MEMBER = 'urn:mace:egi.eu:group:vo.access.egi.eu:role=member#aai.egi.eu';

const folder = mkdtempSync(join(tmpdir(), 'checkin-smoke-'));
const logoutTokens = [];
let config;
let issuer;
let endpoints;
let server;
let relyingParty;

before(async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')],
  { stdio: 'ignore' });
  setDefaultCACertificates([readFileSync(join(folder, 'cert.pem'), 'utf8')]);
  writeFileSync(join(folder, 'control-token'), CONTROL_TOKEN);

  relyingParty = createHttpServer(async (req, res) => {
    let body = '';
    for await (const chunk of req) body += chunk;
    logoutTokens.push(new URLSearchParams(body).get('logout_token'));
    res.end();
  });
  await new Promise((resolve) => { relyingParty.listen(0, '127.0.0.1', resolve); });

  const port = await freePort();
  issuer = `https://localhost:${port}/auth/realms/egi`;
  const all = ['authorization_code', 'refresh_token', 'client_credentials', 'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:params:oauth:grant-type:token-exchange'];
  const web = { redirect_uris: [CALLBACK], post_logout_redirect_uris: ['https://localhost/bye'], grant_types: all };
  config = {
    port, issuer, tls_cert: 'cert.pem', tls_key: 'key.pem', people: here('people.json'), control_token_file: 'control-token',
    state_dir: 'state', access_token_ttl: 3599,
    clients: [
      { ...web, client_id: 'site', client_secret: 'site-secret', service_entitlements: [MEMBER],
        backchannel_logout_uri: `http://127.0.0.1:${relyingParty.address().port}/`, backchannel_logout_session_required: true },
      { ...web, client_id: 'fat', client_secret: 'fat-secret', token_shape: 'fat', access_token_audience: 'keystone' },
      { client_id: 'cli', redirect_uris: [CALLBACK], grant_types: ['authorization_code', 'refresh_token'] },
    ],
  };
  await start();
  endpoints = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
});

after(async () => {
  await stop();
  relyingParty.close();
  rmSync(folder, { recursive: true });
});

test('discovery names the paths of Check-in and what a client may expect', () => {
  assert.equal(endpoints.issuer, issuer);
  for (const [key, path] of Object.entries({
    authorization_endpoint: 'auth', token_endpoint: 'token', userinfo_endpoint: 'userinfo',
    introspection_endpoint: 'token/introspect', jwks_uri: 'certs', end_session_endpoint: 'logout',
    device_authorization_endpoint: 'auth/device', revocation_endpoint: 'revoke',
  })) assert.equal(endpoints[key], `${issuer}/protocol/openid-connect/${path}`);
  assert.equal(endpoints.authorization_response_iss_parameter_supported, true);
  assert.deepEqual(endpoints.code_challenge_methods_supported, ['S256']);
  assert.deepEqual(endpoints.response_types_supported, ['code']);
  assert.deepEqual(endpoints.id_token_signing_alg_values_supported, ['RS256']);
  assert.ok(!endpoints.grant_types_supported.includes('implicit'));
});

test('an access token is thin: claims come from introspection and userinfo, each by the table', async () => {
  const tokens = await signIn('alice', { scope: EVERYTHING });
  assert.equal(tokens.expires_in, 3599);
  assert.equal(tokens.refresh_token, undefined);

  const keys = createRemoteJWKSet(new URL(endpoints.jwks_uri));
  const { payload: access, protectedHeader } = await jwtVerify(tokens.access_token, keys, { issuer });
  assert.equal(protectedHeader.typ, 'JWT');
  assert.equal(protectedHeader.alg, 'RS256');
  assert.deepEqual(Object.keys(access).sort(),
    ['azp', 'client_id', 'exp', 'iat', 'iss', 'jti', 'scope', 'sub', 'typ', 'voperson_id']);
  assert.equal(access.typ, 'Bearer');
  assert.equal(access.azp, 'site');

  const { payload: id } = await jwtVerify(tokens.id_token, keys, { issuer, audience: 'site' });
  assert.equal(id.azp, 'site');
  assert.equal(id.typ, 'ID');
  assert.equal(typeof id.auth_time, 'number');
  assert.equal(id.voperson_id, access.sub);
  assert.equal(id.preferred_username, 'alice');
  assert.deepEqual(['name', 'email', 'entitlements', 'eduperson_entitlement', 'eduperson_assurance'].filter((claim) => claim in id), []);

  const about = await userinfo(tokens.access_token);
  assert.equal(about.name, 'Alice Example');
  assert.equal(about.email_verified, true);
  assert.deepEqual(about.entitlements, [VM_OPERATOR, MEMBER]);
  assert.deepEqual(about.eduperson_entitlement, about.entitlements);
  assert.ok(about.eduperson_assurance.includes('https://aai.egi.eu/LoA#Substantial'));
  assert.equal('azp' in about || 'typ' in about, false);

  const seen = await introspect(tokens.access_token);
  assert.equal(seen.active, true);
  assert.equal(seen.client_id, 'site');
  assert.equal(seen.sub, access.sub);
  assert.equal(seen.email, 'alice@example.org');
  assert.deepEqual(seen.entitlements, about.entitlements);
  assert.equal('name' in seen || 'aud' in seen, false);
  assert.deepEqual(await introspect(tokens.access_token, { asBasic: true }), seen);
});

test('claims need their scope', async () => {
  const tokens = await signIn('alice', { scope: 'openid' });
  assert.deepEqual(Object.keys(await userinfo(tokens.access_token)), ['sub']);
  assert.equal('entitlements' in await introspect(tokens.access_token), false);
});

test('parametric scopes limit the values', async () => {
  const tokens = await signIn('alice', { scope: `openid eduperson_entitlement:${MEMBER} entitlements:urn:not:held` });
  assert.ok(tokens.scope.includes(`eduperson_entitlement:${MEMBER}`));
  for (const claims of [await userinfo(tokens.access_token), await introspect(tokens.access_token)]) {
    assert.deepEqual(claims.eduperson_entitlement, [MEMBER]);
    assert.equal('entitlements' in claims, false);
  }
});

test('people are as the lab needs them', async (t) => {
  const cases = [
    ['bob', (claims) => assert.equal('entitlements' in claims, false)],
    ['carol', (claims) => assert.equal(new Set(claims.entitlements.map((urn) => urn.split(':')[4])).size, 2)],
    ['dave', (claims) => assert.equal(claims.entitlements.length, 60)],
    ['erin', (claims) => assert.ok(claims.entitlements.some((urn) => urn.includes(' ')))],
    ['frank', (claims) => assert.match(claims.sub, /@sram\.surf\.nl$/)],
    ['grace', (claims) => assert.ok(claims.eduperson_assurance.includes('https://aai.egi.eu/LoA#Low'))],
    ['heidi', (claims) => assert.ok(claims.eduperson_assurance.includes('https://aai.egi.eu/LoA#Substantial'))],
    ['taro', (claims) => assert.equal(claims.name, '山田 太郎')],
  ];
  for (const [login, check] of cases) {
    await t.test(login, async () => check(await userinfo((await signIn(login, { scope: EVERYTHING })).access_token)));
  }
});

test('a wrong password shows the form again', async () => {
  const browser = new Browser();
  const { url } = await openSignIn(browser);
  const { response } = await browser.post(url, { login: 'alice', password: 'wrong' });
  const page = await response.text();
  assert.equal(response.status, 200);
  assert.match(page, /wrong password/);
  assert.match(page, /name="login" value="alice"/);
  assert.doesNotMatch(page, /https?:\/\/(?!localhost)/);
});

test('the session is remembered, also after a restart, and prompt=consent asks', async () => {
  const browser = new Browser();
  const first = await signIn('alice', { browser });
  await stop();
  await start();
  assert.equal((await introspect(first.access_token)).active, true);

  const again = await browser.follow(await browser.get(authorizationUrl({}).url), CALLBACK);
  assert.ok(again.url.startsWith(CALLBACK));
  assert.equal(new URL(again.url).searchParams.get('iss'), issuer);

  const asked = await browser.follow(await browser.get(authorizationUrl({ prompt: 'consent' }).url));
  assert.match(await asked.response.text(), /name="decision" value="allow"/);
  const denied = await browser.follow(await browser.post(asked.url, { decision: 'deny' }), CALLBACK);
  assert.equal(new URL(denied.url).searchParams.get('error'), 'access_denied');
});

test('public clients must use PKCE with S256, and may not introspect', async () => {
  const bare = new URLSearchParams({ client_id: 'cli', response_type: 'code', redirect_uri: CALLBACK, scope: 'openid' });
  const { url } = await new Browser().follow(await new Browser().get(`${endpoints.authorization_endpoint}?${bare}`), CALLBACK);
  assert.equal(new URL(url).searchParams.get('error'), 'invalid_request');

  const tokens = await signIn('alice', { client: 'cli' });
  const response = await post(endpoints.introspection_endpoint, { client_id: 'cli', token: tokens.access_token });
  assert.equal(response.status, 403);
  assert.equal((await post(endpoints.introspection_endpoint, { token: tokens.access_token })).status, 400);
});

test('refresh tokens need offline_access and rotate; a used one ends the grant', async () => {
  const { refresh_token: first } = await signIn('alice', { scope: 'openid offline_access' });
  const refresh = (token) => post(endpoints.token_endpoint, { ...secret('site'), grant_type: 'refresh_token', refresh_token: token });
  const second = await (await refresh(first)).json();
  assert.notEqual(second.refresh_token, first);
  assert.equal((await introspect(second.access_token)).active, true);
  assert.equal((await introspect(second.refresh_token)).typ, 'Refresh');
  assert.equal((await refresh(first)).status, 400);
  assert.equal((await refresh(second.refresh_token)).status, 400);
  assert.deepEqual(await introspect(second.access_token), { active: false });
});

test('a revoked token is inactive, its neighbour is not', async () => {
  const browser = new Browser();
  const [one, two] = [await signIn('alice', { browser }), await signIn('alice', { browser })];
  const revoked = await post(endpoints.revocation_endpoint, { ...secret('site'), token: one.access_token });
  assert.equal(revoked.status, 200);
  assert.deepEqual(await introspect(one.access_token), { active: false });
  assert.equal((await bearer(endpoints.userinfo_endpoint, one.access_token)).status, 401);
  assert.equal((await introspect(two.access_token)).active, true);
});

test('a token that is forged, foreign, or of another kind is inactive', async () => {
  const { access_token: token, id_token: idToken } = await signIn('alice', {});
  const [header, body] = token.split('.');
  const { jti } = decodeJwt(token);
  for (const other of [`${header}.${body}.AAAA`, 'a.b.c', 'nonsense', jti, `~${jti}`, idToken]) {
    assert.deepEqual(await introspect(other), { active: false });
    assert.equal((await bearer(endpoints.userinfo_endpoint, other)).status, 401);
  }
});

test('an expired token is inactive', async () => {
  await stop();
  await start({ ...config, access_token_ttl: 1 });
  const { access_token: token } = await signIn('alice', {});
  assert.equal((await introspect(token)).active, true);
  await sleep(2000);
  assert.deepEqual(await introspect(token), { active: false });
  assert.equal((await bearer(endpoints.userinfo_endpoint, token)).status, 401);
  await stop();
  await start();
});

test('the life of new access tokens can be changed while it runs', async () => {
  const life = async () => { const { exp, iat } = decodeJwt((await signIn('alice', {})).access_token); return exp - iat; };
  const { before } = await (await lab('access-token-ttl', { seconds: 20 })).json();
  assert.equal(await life(), 20);
  await lab('access-token-ttl', { seconds: before });
  assert.equal(await life(), before);
});

test('a fat token carries its audience and entitlements', async () => {
  const { access_token: token } = await signIn('alice', { client: 'fat', scope: EVERYTHING });
  const claims = decodeJwt(token);
  assert.equal(claims.aud, 'keystone');
  assert.deepEqual(claims.entitlements, [VM_OPERATOR, MEMBER]);
  assert.equal((await userinfo(token)).sub, claims.sub);
  assert.equal((await introspect(token)).aud, 'keystone');
});

test('a client can act for itself', async () => {
  const response = await post(endpoints.token_endpoint, { ...secret('site'), grant_type: 'client_credentials', scope: 'openid entitlements' });
  const seen = await introspect((await response.json()).access_token);
  assert.match(seen.sub, /^[0-9a-f-]{36}@egi\.eu$/);
  assert.deepEqual(seen.entitlements, [MEMBER]);
});

test('a device gets its tokens after a person agreed', async () => {
  const asked = await (await post(endpoints.device_authorization_endpoint, { ...secret('site'), scope: EVERYTHING })).json();
  assert.equal(asked.verification_uri, `${issuer}/device`);
  assert.equal(asked.interval, 5);
  const poll = () => post(endpoints.token_endpoint,
    { ...secret('site'), grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: asked.device_code });
  assert.equal((await (await poll()).json()).error, 'authorization_pending');

  const browser = new Browser();
  let page = await (await browser.get(asked.verification_uri)).response.text();
  page = await (await browser.post(formAction(page), { ...hiddenFields(page), user_code: asked.user_code })).response.text();
  const confirmed = await browser.follow(await browser.post(formAction(page), { ...hiddenFields(page), confirm: 'yes' }));
  const done = await browser.follow(await browser.post(confirmed.url, { login: 'carol', password: 'carol' }));
  assert.match(await done.response.text(), /Device connected/);
  assert.equal((await userinfo((await (await poll()).json()).access_token)).preferred_username, 'carol');
});

test('a token can be exchanged, for less and not for more', async () => {
  const { access_token: subject } = await signIn('alice', { client: 'cli', scope: EVERYTHING });
  const exchange = (fields) => post(endpoints.token_endpoint, { ...secret('site'),
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', subject_token: subject,
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', ...fields });

  const exchanged = await (await exchange({ scope: 'openid entitlements', audience: 'fat' })).json();
  assert.equal(decodeJwt(exchanged.access_token).azp, 'site');
  assert.deepEqual((await userinfo(exchanged.access_token)).entitlements, [VM_OPERATOR, MEMBER]);
  assert.equal((await (await exchange({ audience: 'nobody' })).json()).error, 'invalid_client');
  assert.equal((await (await exchange({ scope: 'openid aarc' })).json()).error, 'invalid_scope');
});

test('logout ends the session and its tokens, and tells the relying party', async () => {
  const browser = new Browser();
  const tokens = await signIn('alice', { browser });
  const query = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: 'https://localhost/bye', state: 'x' });
  const page = await (await browser.get(`${endpoints.end_session_endpoint}?${query}`)).response.text();
  assert.match(page, /document\.forms\[0\]\.submit/);
  const { url } = await browser.follow(await browser.post(formAction(page), hiddenFields(page)), 'https://localhost/bye');
  assert.equal(url, 'https://localhost/bye?state=x');
  assert.deepEqual(await introspect(tokens.access_token), { active: false });
  assert.equal(logoutTokens.length, 1);
  assert.equal(decodeProtectedHeader(logoutTokens[0]).typ, 'logout+jwt');
  assert.equal(decodeJwt(logoutTokens[0]).sid, decodeJwt(tokens.id_token).sid);
});

test('a withdrawal works at once and outlives a restart', async () => {
  const { access_token: token } = await signIn('alice', { scope: EVERYTHING });
  const withdrawn = await (await lab('people/alice/withdraw', { entitlement: VM_OPERATOR })).json();
  assert.deepEqual(withdrawn.withdrawn, [VM_OPERATOR]);
  assert.deepEqual((await userinfo(token)).entitlements, [MEMBER]);
  assert.deepEqual((await introspect(token)).entitlements, [MEMBER]);

  await lab('people/alice/withdraw', { all: true });
  await stop();
  await start();
  assert.equal('entitlements' in await introspect(token), false);
  await lab('people/alice/restore', { all: true });
  assert.deepEqual((await introspect(token)).entitlements, [VM_OPERATOR, MEMBER]);
});

test('keys roll over, with the old one still there or gone at once', async () => {
  const kids = async () => (await (await fetch(endpoints.jwks_uri)).json()).keys.map((key) => key.kid);
  const [old] = await kids();
  const { access_token: token } = await signIn('alice', {});
  await lab('keys/rollover', { overlap: true });
  const both = await kids();
  assert.equal(both.length, 2);
  assert.ok(both.includes(old));
  assert.equal((await introspect(token)).active, true);
  const { access_token: newer } = await signIn('alice', {});
  assert.equal(decodeProtectedHeader(newer).kid, both.find((kid) => kid !== old));

  await lab('keys/rollover', { overlap: false });
  assert.equal((await kids()).length, 1);
  assert.equal(both.includes((await kids())[0]), false);
  assert.deepEqual(await introspect(newer), { active: false });
});

test('a silent provider answers nobody but the lab', async () => {
  await lab('silence', { seconds: 60 });
  await assert.rejects(fetch(endpoints.jwks_uri, { signal: AbortSignal.timeout(400) }), { name: 'TimeoutError' });
  assert.equal((await (await lab('health')).json()).silent, true);
  await lab('silence', { seconds: 0 });
  assert.equal((await fetch(endpoints.jwks_uri)).status, 200);

  await lab('silence', { seconds: 0.2 });
  await sleep(400);
  assert.equal((await fetch(endpoints.jwks_uri)).status, 200);
});

test('requests are counted per endpoint', async () => {
  const counters = async () => (await lab('counters')).json();
  const { certs, token } = await counters();
  await fetch(endpoints.jwks_uri);
  const later = await counters();
  assert.equal(later.certs, certs + 1);
  assert.equal(later.token, token);
});

test('the control endpoints are for holders of the control token, and say what is wrong', async () => {
  const answer = (status, path, body, token) => async () => assert.equal((await lab(path, body, token)).status, status);
  await answer(401, 'health', undefined, 'wrong')();
  await answer(404, 'nothing')();
  await answer(404, 'people/nobody/withdraw', { all: true })();
  await answer(404, 'people/bob/withdraw', { entitlement: VM_OPERATOR })();
  await answer(400, 'people/bob/withdraw', {})();
  await answer(405, 'silence')();
  await answer(400, 'silence', { seconds: -1 })();
  await answer(400, 'access-token-ttl', { seconds: 0 })();
});

test('secrets are readable for their owner only', () => {
  for (const name of ['keys.json', 'state.sqlite']) assert.equal(statSync(join(folder, 'state', name)).mode & 0o777, 0o600);
});

test('a mistake in starting is one line and exit status 1', async (t) => {
  const cases = [
    ['a taken port', config, /port \d+ on 127\.0\.0\.1 is taken/],
    ['no such file', undefined, /cannot read the configuration/],
    ['bad JSON', '{"port": ', /is not JSON/],
    ['a missing key', { ...config, issuer: undefined }, /lacks issuer/],
    ['a misspelt key', { ...config, isuer: issuer }, /unknown key isuer/],
    ['a client that cannot be', { ...config, clients: [{ client_id: 'x', grant_types: ['implicit'] }] }, /the client x is not usable/],
  ];
  for (const [name, content, expected] of cases) {
    await t.test(name, async () => {
      const file = join(folder, content === undefined ? 'nowhere.json' : 'odd.json');
      if (content !== undefined) writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
      const { code, stderr } = await runToEnd(file);
      assert.equal(code, 1);
      assert.match(stderr, expected);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }
});

function launch(file) {
  return spawn(process.execPath, [here('server.mjs'), '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function start(settings = config) {
  writeFileSync(join(folder, 'config.json'), JSON.stringify(settings));
  server = launch(join(folder, 'config.json'));
  let said = '';
  server.stderr.on('data', (chunk) => { said += chunk; });
  await new Promise((resolve, reject) => {
    server.stdout.once('data', resolve);
    server.once('exit', () => reject(new Error(`the stand-in did not start: ${said}`)));
  });
}

async function stop() {
  server.removeAllListeners('exit');
  const gone = new Promise((resolve) => { server.once('exit', resolve); });
  server.kill('SIGTERM');
  assert.equal(await gone, 0);
}

async function runToEnd(file) {
  const child = launch(file);
  let stderr = '';
  child.stderr.on('data', (chunk) => { stderr += chunk; });
  const code = await new Promise((resolve) => { child.once('close', resolve); });
  return { code, stderr };
}

async function freePort() {
  const probe = createServer();
  await new Promise((resolve) => { probe.listen(0, '127.0.0.1', resolve); });
  const { port } = probe.address();
  await new Promise((resolve) => { probe.close(resolve); });
  return port;
}

function secret(client) {
  return client === 'cli' ? { client_id: client } : { client_id: client, client_secret: `${client}-secret` };
}

function authorizationUrl({ client = 'site', scope = 'openid', ...more }) {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    client_id: client, response_type: 'code', redirect_uri: CALLBACK, scope, state: 's', nonce: 'n', ...more,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256',
  });
  return { url: `${endpoints.authorization_endpoint}?${query}`, verifier };
}

async function openSignIn(browser, request = {}) {
  const { url, verifier } = authorizationUrl(request);
  return { ...await browser.follow(await browser.get(url), CALLBACK), verifier };
}

/** Sign a person in by browser with code and PKCE; a browser that is signed in already is not asked. */
async function signIn(login, { browser = new Browser(), client = 'site', scope = 'openid' }) {
  let { url, verifier } = await openSignIn(browser, { client, scope });
  if (!url.startsWith(CALLBACK)) {
    ({ url } = await browser.follow(await browser.post(url, { login, password: login }), CALLBACK));
  }
  const code = new URL(url).searchParams.get('code');
  const response = await post(endpoints.token_endpoint,
    { ...secret(client), grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: verifier });
  assert.equal(response.status, 200);
  return response.json();
}

function post(url, fields, headers = {}) {
  return fetch(url, { method: 'POST', body: new URLSearchParams(fields), headers });
}

function bearer(url, token) {
  return fetch(url, { headers: { authorization: `Bearer ${token}` } });
}

async function userinfo(token) {
  const response = await bearer(endpoints.userinfo_endpoint, token);
  assert.equal(response.status, 200);
  return response.json();
}

async function introspect(token, { asBasic = false } = {}) {
  const basic = { authorization: `Basic ${Buffer.from('site:site-secret').toString('base64')}` };
  const response = asBasic
    ? await post(endpoints.introspection_endpoint, { token }, basic)
    : await post(endpoints.introspection_endpoint, { token, ...secret('site') });
  assert.equal(response.status, 200);
  return response.json();
}

function lab(path, body, token = CONTROL_TOKEN) {
  return fetch(new URL(`/_lab/${path}`, issuer), {
    method: body ? 'POST' : 'GET', body: body && JSON.stringify(body), headers: { authorization: `Bearer ${token}` },
  });
}
