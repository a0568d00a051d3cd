// Token exchange (RFC 8693) as far as Check-in offers it: an access token in, an access token for the asking client out.

import { errors } from 'oidc-provider';

export const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
const PARAMETERS = ['subject_token', 'subject_token_type', 'requested_token_type', 'audience', 'scope'];

export function offerTokenExchange(provider) {
  provider.registerGrantType(GRANT_TYPE, (ctx) => exchange(provider, ctx), PARAMETERS);
}

async function exchange(provider, ctx) {
  const { client, params } = ctx.oidc;
  const subject = await subjectToken(provider, params);
  if (client.clientAuthMethod === 'none') throw new errors.UnauthorizedClient('public clients may not exchange tokens');
  if (params.audience !== undefined && !await provider.Client.find(params.audience)) {
    throw new errors.InvalidClient('audience not found', 'the audience is not a registered client');
  }

  const scope = exchangedScope(subject, params.scope);
  const grant = new provider.Grant({ accountId: subject.accountId, clientId: client.clientId });
  grant.addOIDCScope(scope);

  const token = new provider.AccessToken({
    accountId: subject.accountId,
    client,
    // An exchanged token never outlives the one it came from.
    expiresIn: Math.min(provider.AccessToken.expiresIn(ctx, undefined, client), subject.remainingTTL),
    grantId: await grant.save(),
    gty: 'token_exchange',
    scope,
  });
  ctx.body = {
    access_token: await token.save(),
    issued_token_type: ACCESS_TOKEN_TYPE,
    token_type: token.tokenType,
    expires_in: token.expiration,
    scope,
  };
}

async function subjectToken(provider, params) {
  if (params.subject_token_type !== ACCESS_TOKEN_TYPE) {
    throw new errors.InvalidRequest(`subject_token_type must be ${ACCESS_TOKEN_TYPE}`);
  }
  if ((params.requested_token_type ?? ACCESS_TOKEN_TYPE) !== ACCESS_TOKEN_TYPE) {
    throw new errors.InvalidRequest(`requested_token_type must be ${ACCESS_TOKEN_TYPE}`);
  }
  const subject = await provider.AccessToken.find(params.subject_token);
  if (!subject) throw new errors.InvalidRequest('the subject_token is not an active access token');
  return subject;
}

function exchangedScope(subject, wanted) {
  const held = [...subject.scopes].filter((scope) => scope !== 'offline_access');
  const scopes = wanted?.split(' ') ?? held;
  const wider = scopes.filter((scope) => !held.includes(scope));
  if (wider.length) throw new errors.InvalidScope('the subject_token lacks a requested scope', wider.join(' '));
  return scopes.join(' ');
}
