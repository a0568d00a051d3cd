// Keeps what must outlive the process: oidc-provider's sessions, codes, grants and tokens, and the entitlements that the
// lab withdrew. One SQLite file, because tests kill this server and expect it back as it was.

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

const KEEP_EXPIRED_SECONDS = 24 * 3600; // so that an expired device code is still called expired, not unknown

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS record (
    model TEXT, id TEXT, payload TEXT NOT NULL, expires_at INTEGER,
    grant_id TEXT GENERATED ALWAYS AS (payload ->> 'grantId'),
    uid TEXT GENERATED ALWAYS AS (payload ->> 'uid'),
    user_code TEXT GENERATED ALWAYS AS (payload ->> 'userCode'),
    PRIMARY KEY (model, id));
  CREATE INDEX IF NOT EXISTS record_grant ON record (model, grant_id);
  CREATE INDEX IF NOT EXISTS record_uid ON record (model, uid);
  CREATE INDEX IF NOT EXISTS record_user_code ON record (model, user_code);
  CREATE TABLE IF NOT EXISTS withdrawal (login TEXT, entitlement TEXT, PRIMARY KEY (login, entitlement));
`;

const now = () => Math.floor(Date.now() / 1000);

export class Store {
  #db;

  constructor(stateDir) {
    this.#db = new DatabaseSync(join(stateDir, 'state.sqlite'));
    this.#db.exec(SCHEMA);
    this.#db.prepare('DELETE FROM record WHERE expires_at < ?').run(now() - KEEP_EXPIRED_SECONDS);
  }

  close() {
    this.#db.close();
  }

  /** The adapter class that oidc-provider makes one instance of per model. */
  adapter() {
    const db = this.#db;
    return class extends Records {
      constructor(model) {
        super(db, model);
      }
    };
  }

  withdrawn(login) {
    const rows = this.#db.prepare('SELECT entitlement FROM withdrawal WHERE login = ?').all(login);
    return new Set(rows.map((row) => row.entitlement));
  }

  withdraw(login, entitlements) {
    const insert = this.#db.prepare('INSERT OR IGNORE INTO withdrawal VALUES (?, ?)');
    for (const entitlement of entitlements) insert.run(login, entitlement);
  }

  restore(login, entitlements) {
    const remove = this.#db.prepare('DELETE FROM withdrawal WHERE login = ? AND entitlement = ?');
    for (const entitlement of entitlements) remove.run(login, entitlement);
  }
}

/** oidc-provider's adapter interface over one table. Expiry is the library's business: it asks for expired records too. */
class Records {
  #db;

  #model;

  constructor(db, model) {
    this.#db = db;
    this.#model = model;
  }

  async upsert(id, payload, expiresIn) {
    this.#db.prepare('INSERT OR REPLACE INTO record (model, id, payload, expires_at) VALUES (?, ?, ?, ?)')
      .run(this.#model, id, JSON.stringify(payload), expiresIn ? now() + expiresIn : null);
  }

  async find(id) {
    return this.#findBy('id', id);
  }

  async findByUid(uid) {
    return this.#findBy('uid', uid);
  }

  async findByUserCode(userCode) {
    return this.#findBy('user_code', userCode);
  }

  async consume(id) {
    this.#db.prepare("UPDATE record SET payload = json_set(payload, '$.consumed', ?) WHERE model = ? AND id = ?")
      .run(now(), this.#model, id);
  }

  async destroy(id) {
    this.#db.prepare('DELETE FROM record WHERE model = ? AND id = ?').run(this.#model, id);
  }

  async revokeByGrantId(grantId) {
    this.#db.prepare('DELETE FROM record WHERE model = ? AND grant_id = ?').run(this.#model, grantId);
  }

  #findBy(column, value) {
    const row = this.#db.prepare(`SELECT payload FROM record WHERE model = ? AND ${column} = ?`).get(this.#model, value);
    return row && JSON.parse(row.payload);
  }
}
