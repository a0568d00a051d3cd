// The pages people see: sign-in, consent, device, logout, problem. Plain HTML, one style, nothing fetched from elsewhere.

import { createHash } from 'node:crypto';

const STYLE = `
  :root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6b7d; --line: #cfd8e3; --paper: #fff; --page: #eef2f6; --accent: #005faa; --bad: #b3261e; }
  @media (prefers-color-scheme: dark) {
    :root { --ink: #e8edf3; --soft: #a3b1c2; --line: #3c4a5a; --paper: #1c2530; --page: #121922; --accent: #6cb6f5; --bad: #ff8a80; }
  }
  * { box-sizing: border-box; }
  body { margin: 0; padding: 1rem; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
  main { max-width: 26rem; margin: 4vh auto; padding: 1.5rem; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; overflow-wrap: anywhere; }
  header { color: var(--soft); font-size: .9rem; }
  h1 { margin: .2rem 0 1rem; font-size: 1.4rem; line-height: 1.25; }
  label { display: block; margin-top: .8rem; font-weight: 600; }
  input { width: 100%; margin-top: .2rem; padding: .6rem; font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .3rem; }
  button { width: 100%; margin-top: 1rem; padding: .7rem; font: inherit; font-weight: 600; color: var(--accent); background: transparent; border: 1px solid var(--accent); border-radius: .3rem; cursor: pointer; }
  button.main { color: #fff; background: var(--accent); }
  @media (prefers-color-scheme: dark) { button.main { color: #0b1118; } }
  :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
  .bad { color: var(--bad); font-weight: 600; }
  .code { font: 1.6rem/1.4 ui-monospace, monospace; letter-spacing: .1em; }
  details { margin-top: 1.5rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .9rem; }
  dt { margin-top: .5rem; color: var(--ink); }
  dd { margin: 0; }
`;
const SUBMIT_AT_ONCE = 'document.forms[0].submit();';

// No form-action: browsers apply it to the redirect that follows the form, which leads to the relying party.
const POLICY = [
  "default-src 'none'", `style-src '${hashOf(STYLE)}'`, `script-src '${hashOf(SUBMIT_AT_ONCE)}'`,
  "base-uri 'none'", "frame-ancestors 'none'",
].join('; ');

export function show(ctx, page) {
  ctx.type = 'html';
  ctx.set('content-security-policy', POLICY);
  ctx.set('cache-control', 'no-store');
  ctx.set('referrer-policy', 'no-referrer');
  ctx.body = String(page);
}

export function login(title, { client, login: known, message, people }) {
  return layout(title, 'Sign in', html`
    <p>to continue to <strong>${client}</strong></p>
    ${message ? html`<p class="bad" role="alert">${message}</p>` : ''}
    <form method="post">
      <label for="login">Login</label>
      <input id="login" name="login" value="${known}" required autofocus autocomplete="username" autocapitalize="none">
      <label for="password">Password</label>
      <input id="password" name="password" type="password" required autocomplete="current-password">
      <button class="main" type="submit">Sign in</button>
    </form>
    <details>
      <summary>Who can sign in here?</summary>
      <p>Nobody real. Unless the lab says otherwise the password is the login.</p>
      <dl>${people.map((person) => html`<dt><strong>${person.login}</strong>: ${person.name}</dt><dd>${person.about ?? ''}</dd>`)}</dl>
    </details>`);
}

export function consent(title, { client, person, scopes }) {
  return layout(title, 'Do you agree?', html`
    <p><strong>${client}</strong> asks to know the following about you, ${person.name}:</p>
    <ul>${scopes.map((scope) => html`<li>${scope}</li>`)}</ul>
    <form method="post">
      <button class="main" type="submit" name="decision" value="allow">Allow</button>
      <button type="submit" name="decision" value="deny">Deny</button>
    </form>`);
}

export function problem(title, error, detail) {
  return layout(title, 'Something is not right', html`<p class="bad" role="alert">${error}</p><p>${detail ?? ''}</p>`);
}

/** oidc-provider's hooks for the device flow; the field names are the library's. */
export function deviceSources(title) {
  return {
    userCodeInputSource(ctx, _form, _out, error) {
      show(ctx, layout(title, 'Connect a device', html`
        ${error ? html`<p class="bad" role="alert">${deviceProblem(error)}</p>` : html`<p>Enter the code that your device shows.</p>`}
        <form method="post" action="${ctx.oidc.urlFor('code_verification')}">
          <input type="hidden" name="xsrf" value="${ctx.oidc.session.state.secret}">
          <label for="user_code">Code</label>
          <input id="user_code" class="code" name="user_code" value="${error?.userCode ?? ''}" required autofocus autocomplete="off" autocapitalize="characters">
          <button class="main" type="submit">Continue</button>
        </form>`));
    },
    userCodeConfirmSource(ctx, _form, client, _deviceInfo, userCode) {
      show(ctx, layout(title, 'Connect a device', html`
        <p><strong>${client.clientName ?? client.clientId}</strong> wants to sign you in. Does your device show this code?</p>
        <p class="code">${userCode}</p>
        <form method="post" action="${ctx.oidc.urlFor('code_verification')}">
          <input type="hidden" name="xsrf" value="${ctx.oidc.session.state.secret}">
          <input type="hidden" name="user_code" value="${userCode}">
          <button class="main" type="submit" name="confirm" value="yes">Yes, continue</button>
          <button type="submit" name="abort" value="yes">No, stop</button>
        </form>`));
    },
    successSource(ctx) {
      show(ctx, layout(title, 'Device connected', html`<p>You can close this page and go back to your device.</p>`));
    },
  };
}

/** oidc-provider's hooks for logout. A valid ID token as a hint says who asks, so Check-in then does not ask back. */
export function logoutSources(title) {
  return {
    logoutSource(ctx) {
      const sure = Boolean(ctx.oidc.entities.IdTokenHint);
      show(ctx, layout(title, 'Sign out', html`
        <form method="post" action="${ctx.oidc.urlFor('end_session_confirm')}">
          <input type="hidden" name="xsrf" value="${ctx.oidc.session.state.secret}">
          <input type="hidden" name="logout" value="yes">
          <p>Do you want to sign out?</p>
          <button class="main" type="submit">Sign out</button>
        </form>
        ${sure ? html`<script>${new Safe(SUBMIT_AT_ONCE)}</script>` : ''}`));
    },
    postLogoutSuccessSource(ctx) {
      show(ctx, layout(title, 'Signed out', html`<p>You are signed out.</p>`));
    },
  };
}

function deviceProblem(error) {
  if (error.name === 'AbortedError') return 'The sign-in was stopped. You can close this page.';
  if (error.userCode || error.name === 'NoCodeError') return 'This code is not known, or no longer. Please check it and try again.';
  return 'That did not work. Please try again.';
}

function layout(title, heading, content) {
  return html`<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>${title}</title>
  <style>${new Safe(STYLE)}</style>
</head>
<body><main><header>${title}</header><h1>${heading}</h1>${content}</main></body>
</html>
`;
}

function hashOf(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

class Safe {
  constructor(text) {
    this.text = text;
  }

  toString() {
    return this.text;
  }
}

/** Template tag: everything put in is escaped, except what this tag made itself. */
function html(strings, ...values) {
  return new Safe(String.raw({ raw: strings }, ...values.map((value) => [value].flat().map(escape).join(''))));
}

function escape(value) {
  if (value instanceof Safe) return value.text;
  return String(value).replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
