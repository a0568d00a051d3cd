// Turns the configuration file into checked values, once. Nothing else reads the file or its raw JSON.
// Whether a client's metadata makes sense is for oidc-provider to say; see realm.mjs.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/** A mistake of the person who started the server: told in one line, without a stack. */
export class ConfigError extends Error {}

const REQUIRED = ['port', 'issuer', 'tls_cert', 'tls_key', 'clients', 'people', 'control_token_file', 'state_dir'];
const OPTIONAL = ['access_token_ttl', 'consent', 'title', 'tls_ca'];

// How this stand-in treats a client. oidc-provider does not know these keys, the others are its own.
const LAB_CLIENT_KEYS = ['token_shape', 'access_token_audience', 'service_entitlements'];
const CLIENT_KEYS = [
  ...LAB_CLIENT_KEYS, 'client_id', 'client_name', 'client_secret', 'application_type', 'redirect_uris',
  'post_logout_redirect_uris', 'grant_types', 'backchannel_logout_uri', 'backchannel_logout_session_required',
];

export function readText(path, what) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read the ${what} ${path} (${error.code})`);
  }
}

export function readJson(path, what) {
  const text = readText(path, what);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ConfigError(`the ${what} ${path} is not JSON: ${error.message.replace(/\s+/g, ' ')}`);
  }
}

export function loadConfig(file) {
  const raw = readJson(file, 'configuration');
  checkKeys(raw, [...REQUIRED, ...OPTIONAL], `the configuration ${file}`);
  const missing = REQUIRED.filter((key) => raw[key] === undefined);
  if (missing.length) throw new ConfigError(`the configuration ${file} lacks ${missing.join(', ')}`);

  const path = (key) => resolve(dirname(file), raw[key]);
  const issuer = parseIssuer(raw.issuer);
  const controlToken = readText(path('control_token_file'), 'control token').trim();
  if (!controlToken) throw new ConfigError(`the control token ${path('control_token_file')} is empty`);

  return Object.freeze({
    port: positive(raw.port, 'port'),
    issuer: issuer.href,
    host: issuer.host,
    mount: issuer.pathname,
    title: raw.title ?? defaultTitle(issuer.pathname),
    lifetimes: { accessToken: positive(raw.access_token_ttl ?? 3600, 'access_token_ttl') }, // a switch changes it
    consent: raw.consent ?? false,
    tlsCert: readText(path('tls_cert'), 'TLS certificate'),
    tlsKey: readText(path('tls_key'), 'TLS key'),
    tlsCa: raw.tls_ca && readText(path('tls_ca'), 'TLS authority'),
    peopleFile: path('people'),
    stateDir: path('state_dir'),
    controlToken,
    clients: parseClients(raw.clients),
  });
}

function parseIssuer(value) {
  const issuer = URL.parse(value);
  if (issuer?.protocol !== 'https:' || issuer.pathname.endsWith('/') || issuer.search || issuer.hash) {
    throw new ConfigError(`the issuer ${value} is not of the form https://host:port/auth/realms/name`);
  }
  return issuer;
}

function defaultTitle(mount) {
  const realm = mount.split('/').at(-1);
  return realm === 'egi' ? 'EGI Check-in (lab stand-in)' : `${realm} (lab stand-in)`;
}

function parseClients(list) {
  if (!Array.isArray(list) || list.length === 0) throw new ConfigError('clients must be a list with at least one client');
  return list.map((client) => {
    checkKeys(client, CLIENT_KEYS, `the client ${client?.client_id}`);
    const shape = client.token_shape ?? 'checkin';
    if (!['checkin', 'fat'].includes(shape)) {
      throw new ConfigError(`the client ${client.client_id} has token_shape ${shape}; it is "checkin" or "fat"`);
    }
    return {
      tokenShape: shape,
      audience: client.access_token_audience ?? client.client_id,
      serviceEntitlements: client.service_entitlements ?? [],
      metadata: metadataOf(client),
    };
  });
}

/** The client as oidc-provider's static registration wants it. */
function metadataOf(client) {
  const known = Object.entries(client).filter(([key]) => !LAB_CLIENT_KEYS.includes(key));
  const grantTypes = client.grant_types ?? ['authorization_code'];
  return {
    ...Object.fromEntries(known),
    grant_types: grantTypes,
    redirect_uris: client.redirect_uris ?? [],
    response_types: grantTypes.includes('authorization_code') ? ['code'] : [],
    token_endpoint_auth_method: client.client_secret ? 'client_secret_basic' : 'none',
  };
}

function checkKeys(object, known, what) {
  if (object === null || typeof object !== 'object' || Array.isArray(object)) {
    throw new ConfigError(`${what} is not a JSON object`);
  }
  const unknown = Object.keys(object).filter((key) => !known.includes(key));
  if (unknown.length) throw new ConfigError(`${what} has the unknown key ${unknown.sort().join(', ')}`);
}

function positive(value, key) {
  if (!Number.isSafeInteger(value) || value < 1) throw new ConfigError(`${key} must be a whole number above 0`);
  return value;
}
