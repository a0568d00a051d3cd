// Asks people to sign in and, where wanted, to agree: the two questions oidc-provider sends a browser here with.

import { errors } from 'oidc-provider';

import { readForm } from './body.mjs';
import * as pages from './pages.mjs';
import { isKnownScope } from './release.mjs';

const INTERACTION = /^\/interaction\/[\w-]+$/;

export function interactions({ provider, people, title }) {
  const view = { login: askToSignIn, consent: askToAgree };
  const submit = { login: signIn, consent: decide };

  async function askToSignIn(ctx, interaction, message) {
    pages.show(ctx, pages.login(title, {
      client: await clientName(interaction),
      login: ctx.form?.login ?? interaction.params.login_hint ?? '',
      message,
      people: people.all(),
    }));
  }

  async function signIn(ctx, interaction) {
    const person = people.authenticate(ctx.form.login, ctx.form.password);
    if (!person) return askToSignIn(ctx, interaction, 'Unknown login or wrong password. Please try again.');
    return finish(ctx, { login: { accountId: person.sub, amr: ['pwd'] } });
  }

  async function askToAgree(ctx, interaction) {
    const person = people.bySub(interaction.session.accountId);
    const scopes = interaction.params.scope.split(' ').filter(isKnownScope);
    pages.show(ctx, pages.consent(title, { client: await clientName(interaction), person, scopes }));
  }

  async function decide(ctx, interaction) {
    if (ctx.form.decision !== 'allow') {
      return finish(ctx, { error: 'access_denied', error_description: 'the person did not agree' });
    }
    const { params, session } = interaction;
    const known = interaction.grantId && await provider.Grant.find(interaction.grantId);
    const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope.split(' ').filter(isKnownScope));
    return finish(ctx, { consent: { grantId: await grant.save() } });
  }

  async function finish(ctx, result) {
    ctx.status = 303;
    ctx.redirect(await provider.interactionResult(ctx.req, ctx.res, result));
  }

  async function clientName(interaction) {
    const client = await provider.Client.find(interaction.params.client_id);
    return client.clientName ?? client.clientId;
  }

  return async (ctx, next) => {
    if (!INTERACTION.test(ctx.path)) return next();
    try {
      const interaction = await provider.interactionDetails(ctx.req, ctx.res);
      if (ctx.method !== 'POST') return await view[interaction.prompt.name](ctx, interaction);
      ctx.form = await readForm(ctx.req);
      return await submit[interaction.prompt.name](ctx, interaction);
    } catch (error) {
      if (!(error instanceof errors.SessionNotFound)) throw error;
      ctx.status = 400;
      return pages.show(ctx, pages.problem(title, 'This sign-in is over', 'Please start again at the service you came from.'));
    }
  };
}
