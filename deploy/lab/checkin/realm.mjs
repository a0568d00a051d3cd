// Sets oidc-provider up as a Keycloak realm in the shape of EGI Check-in: paths, lifetimes, grants, what is switched off.
// The provider is made anew when keys change; all it has to remember is in the store.

import { Provider, errors, interactionPolicy } from 'oidc-provider';

import { accessTokenClaims, issueAsJwt } from './access-token.mjs';
import { ConfigError } from './config.mjs';
import { interactions } from './interactions.mjs';
import * as pages from './pages.mjs';
import { CLAIMS, ID_TOKEN, INTROSPECTION, SCOPES, isKnownScope, release } from './release.mjs';
import { serviceAccount } from './service-account.mjs';
import { offerTokenExchange } from './token-exchange.mjs';

const PROTOCOL = '/protocol/openid-connect';
export const ROUTES = {
  authorization: `${PROTOCOL}/auth`,
  token: `${PROTOCOL}/token`,
  userinfo: `${PROTOCOL}/userinfo`,
  introspection: `${PROTOCOL}/token/introspect`,
  revocation: `${PROTOCOL}/revoke`,
  jwks: `${PROTOCOL}/certs`,
  end_session: `${PROTOCOL}/logout`,
  device_authorization: `${PROTOCOL}/auth/device`,
  code_verification: '/device',
};

const HOUR = 3600;
const YEAR = 365 * 24 * HOUR;

/** A request handler for everything below the realm's path; throws ConfigError when oidc-provider refuses a client. */
export async function openRealm({ config, keys, store, people }) {
  const clients = new Map(config.clients.map((client) => [client.metadata.client_id, client]));
  const describe = (token) => {
    const client = clients.get(token.clientId);
    return { client, person: token.accountId ? people.bySub(token.accountId) : serviceAccount(client) };
  };

  const provider = new Provider(config.issuer, settings({ config, keys, store, people }));
  issueAsJwt(provider, { keys, describe });
  offerTokenExchange(provider);
  acceptParametricScopes(provider);
  provider.use(interactions({ provider, people, title: config.title }));
  provider.use(completeAnswers(provider, describe));

  for (const id of clients.keys()) {
    await provider.Client.find(id).catch((error) => {
      throw new ConfigError(`the client ${id} is not usable: ${error.error_description ?? error.message}`);
    });
  }
  return provider.callback();
}

function settings({ config, keys, store, people }) {
  const { title } = config;
  return {
    adapter: store.adapter(),
    clients: config.clients.map((client) => client.metadata),
    jwks: { keys: keys.signing },
    // The realm's path: two realms on one host name would otherwise overwrite each other's cookies.
    cookies: {
      keys: keys.cookies,
      long: { httpOnly: true, sameSite: 'lax', path: `${config.mount}/` },
      short: { httpOnly: true, sameSite: 'lax' },
    },
    routes: ROUTES,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client) => client.clientAuthMethod !== 'none' },
      revocation: { enabled: true, allowedPolicy: revokeOnlyThisToken },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: { enabled: true, ...pages.logoutSources(title) },
      deviceFlow: { enabled: true, mask: '****-****', ...pages.deviceSources(title) },
      dPoP: { enabled: true }, // for clients that send a proof (RFC 9449); nobody in the lab has to
      pushedAuthorizationRequests: { enabled: false },
    },
    responseTypes: ['code'],
    pkce: { required: (_ctx, client) => client.clientAuthMethod === 'none' },
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    enabledJWA: { idTokenSigningAlgValues: ['RS256'] },
    rotateRefreshToken: true,
    ttl: {
      AccessToken: () => config.lifetimes.accessToken,
      ClientCredentials: () => config.lifetimes.accessToken,
      AuthorizationCode: 60,
      DeviceCode: 600,
      IdToken: HOUR,
      Interaction: HOUR,
      Session: 10 * HOUR,
      RefreshToken: YEAR,
      Grant: YEAR,
    },
    scopes: SCOPES,
    // Which claim goes where is not a question of scope alone (release.mjs), so the library's own filter lets all pass.
    claims: { openid: ['sub', 'auth_time', 'azp', 'typ', ...CLAIMS] },
    conformIdTokenClaims: false,
    findAccount: (ctx, sub) => account(ctx, people.bySub(sub)),
    interactions: { policy: policy(), url: (_ctx, interaction) => `${config.mount}/interaction/${interaction.uid}` },
    loadExistingGrant: (ctx) => grantFor(ctx, { askFirst: config.consent }),
    extraParams: { kc_idp_hint: keepOfflineAccess },
    renderError: (ctx, { error, error_description: detail }) => pages.show(ctx, pages.problem(title, error, detail)),
    // The library refuses to call loopback addresses; in the lab every relying party with a back channel is on one.
    fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  };
}

function account(ctx, person) {
  return person && {
    accountId: person.sub,
    claims: (place, scope) => ({
      sub: person.sub,
      ...release(person, new Set(scope.split(' ')), place),
      ...(place === ID_TOKEN && { azp: ctx.oidc.client.clientId, typ: 'ID' }),
    }),
  };
}

function policy() {
  const base = interactionPolicy.base();
  // Keycloak does not ask again because a client is native.
  base.get('consent').checks.remove('native_client_prompt');
  return base;
}

/** The grant of this session and client; where nobody has to be asked, it covers what the client wants. */
async function grantFor(ctx, { askFirst }) {
  const { Grant } = ctx.oidc.provider;
  const { clientId } = ctx.oidc.client;
  const id = ctx.oidc.result?.consent?.grantId ?? ctx.oidc.session.grantIdFor(clientId);
  const existing = id && await Grant.find(id);
  if (askFirst) return existing;

  const grant = existing ?? new Grant({ accountId: ctx.oidc.session.accountId, clientId });
  grant.addOIDCScope(ctx.oidc.requestParamOIDCScopes);
  await grant.save();
  return grant;
}

/**
 * Give back the offline_access that the library drops unless prompt=consent (OpenID Connect Core, section 11): Check-in
 * does not insist. The library calls such a hook at every authorization request, whether or not its parameter is there.
 */
function keepOfflineAccess(ctx) {
  const asked = (ctx.oidc.body ?? ctx.query).scope?.split(' ') ?? [];
  const kept = ctx.oidc.requestParamScopes;
  if (asked.includes('offline_access') && ctx.oidc.client.grantTypeAllowed('refresh_token')) {
    ctx.oidc.params.scope = [...kept.add('offline_access')].join(' ');
  }
}

function revokeOnlyThisToken(_ctx, client, token) {
  if (token.clientId !== client.clientId) throw new errors.InvalidRequest('the token belongs to another client');
  // Keycloak revokes the one access token; the library goes on to everything of the same grant, if it knows the grant.
  if (token.kind === 'AccessToken') delete token.grantId;
  return true;
}

/** The library knows a fixed list of scopes; Check-in's parametric ones have endless names. */
function acceptParametricScopes(provider) {
  Object.defineProperty(provider.OIDCContext.prototype, 'requestParamOIDCScopes', {
    get() {
      return new Set([...this.requestParamScopes].filter(isKnownScope));
    },
  });
}

/** Adds to the library's answers what Check-in says on top. */
function completeAnswers(provider, describe) {
  return async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'introspection') completeIntrospection(provider, ctx, describe);
    if (ctx.oidc?.route === 'device_authorization' && ctx.body.device_code) ctx.body.interval = 5;
  };
}

function completeIntrospection(provider, ctx, describe) {
  const { client, entities } = ctx.oidc;
  if (client?.clientAuthMethod === 'none') {
    ctx.status = 403;
    ctx.body = { error: 'invalid_request', error_description: 'Client not allowed.' };
    return;
  }
  if (!ctx.body.active) return;

  const token = entities.AccessToken ?? entities.ClientCredentials;
  if (!token) {
    ctx.body.typ = 'Refresh';
    return;
  }
  const about = describe(token);
  ctx.body = {
    ...ctx.body,
    ...accessTokenClaims(provider.issuer, token, about),
    ...release(about.person, token.scopes, INTROSPECTION),
    username: about.person.login,
  };
}
