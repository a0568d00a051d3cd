// Starts the stand-in: reads the configuration, opens the realm and listens with TLS on the loopback address.
//
//   node server.mjs --config FILE.json

import { mkdirSync } from 'node:fs';
import { createServer } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { parseArgs } from 'node:util';

import { ConfigError, loadConfig } from './config.mjs';
import { control } from './control.mjs';
import { openKeys } from './keys.mjs';
import { loadPeople } from './people.mjs';
import { openRealm } from './realm.mjs';
import { Store } from './store.mjs';
import { Traffic } from './traffic.mjs';

const ADDRESS = '127.0.0.1';

async function main() {
  process.umask(0o077); // keys and state are for this user only
  const config = loadConfig(configFile());
  // Back-channel logout calls relying parties whose certificates the lab's own authority signed.
  if (config.tlsCa) setDefaultCACertificates([...getCACertificates(), config.tlsCa]);

  openStateDir(config.stateDir);
  const store = new Store(config.stateDir);
  const keys = await openKeys(config.stateDir);
  const people = loadPeople(config.peopleFile, store);
  const traffic = new Traffic();

  let realm = await openRealm({ config, keys, store, people });
  const reopenRealm = async () => {
    realm = await openRealm({ config, keys, store, people });
  };
  const labControl = control({ config, people, keys, traffic, reopenRealm });

  const server = listen(config, (req, res) => {
    const path = req.url.split('?')[0];
    if (path.startsWith('/_lab/')) return labControl(req, res);

    const inRealm = path.startsWith(`${config.mount}/`);
    traffic.count(inRealm ? path.slice(config.mount.length) : path);
    if (traffic.silent) return traffic.leaveUnanswered(res);
    if (!inRealm) return res.writeHead(404).end();

    // Addresses in answers follow the issuer, whatever name the request used (Keycloak's fixed hostname).
    req.headers.host = config.host;
    req.originalUrl = req.url;
    req.url = req.url.slice(config.mount.length);
    return realm(req, res);
  });

  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      server.close(() => store.close());
      server.closeAllConnections();
    });
  }
}

function configFile() {
  let values;
  try {
    ({ values } = parseArgs({ options: { config: { type: 'string' } } }));
  } catch (error) {
    throw new ConfigError(`${error.message}; usage: node server.mjs --config FILE.json`);
  }
  if (!values.config) throw new ConfigError('which configuration? usage: node server.mjs --config FILE.json');
  return values.config;
}

function openStateDir(path) {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new ConfigError(`cannot make the state directory ${path} (${error.code})`);
  }
}

function listen(config, handler) {
  let server;
  try {
    server = createServer({ cert: config.tlsCert, key: config.tlsKey }, handler);
  } catch (error) {
    throw new ConfigError(`tls_cert and tls_key are not a certificate and its key (${error.code})`);
  }
  server.once('error', (error) => fail(error.code === 'EADDRINUSE'
    ? new ConfigError(`port ${config.port} on ${ADDRESS} is taken; stop what listens there or choose another port`)
    : error));
  server.listen(config.port, ADDRESS, () => console.log(`checkin: ${config.issuer} is ready on ${ADDRESS}:${config.port}`));
  return server;
}

function fail(error) {
  console.error(error instanceof ConfigError ? `checkin: ${error.message}` : error);
  process.exit(1);
}

main().catch(fail);
