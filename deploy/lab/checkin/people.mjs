// Knows the people who can sign in and which entitlements each of them has at this moment. What of a person a relying
// party gets to see is decided in release.mjs.

import { ConfigError, readJson } from './config.mjs';

/** Asked for a person or an entitlement that does not exist. */
export class UnknownError extends Error {}

export class People {
  #byLogin;

  #bySub;

  #store;

  constructor(list, store) {
    this.#byLogin = new Map(list.map((person) => [person.login, person]));
    this.#bySub = new Map(list.map((person) => [person.sub, person]));
    this.#store = store;
  }

  /** The person behind a subject identifier, with today's entitlements. */
  bySub(sub) {
    const person = this.#bySub.get(sub);
    return person && this.#today(person);
  }

  authenticate(login, password) {
    const person = this.#byLogin.get(login);
    return person && password === (person.password ?? person.login) ? this.#today(person) : undefined;
  }

  /** Everybody, with what was withdrawn, for the login page and the control endpoints. */
  all() {
    return [...this.#byLogin.keys()].map((login) => this.describe(login));
  }

  describe(login) {
    const { password, ...person } = this.#today(this.#get(login));
    return { ...person, withdrawn: [...this.#store.withdrawn(login)].sort() };
  }

  withdraw(login, entitlement) {
    this.#store.withdraw(login, this.#chosen(login, entitlement));
  }

  restore(login, entitlement) {
    this.#store.restore(login, this.#chosen(login, entitlement));
  }

  #get(login) {
    const person = this.#byLogin.get(login);
    if (!person) throw new UnknownError(`nobody has the login ${login}`);
    return person;
  }

  /** The entitlements meant: the one named, or all when none is. */
  #chosen(login, entitlement) {
    const { entitlements } = this.#get(login);
    if (entitlement === undefined) return entitlements;
    if (!entitlements.includes(entitlement)) throw new UnknownError(`${login} was never given ${entitlement}`);
    return [entitlement];
  }

  #today(person) {
    const withdrawn = this.#store.withdrawn(person.login);
    return { ...person, entitlements: person.entitlements.filter((value) => !withdrawn.has(value)) };
  }
}

export function loadPeople(file, store) {
  const list = readJson(file, 'people file');
  if (!Array.isArray(list) || list.length === 0) throw new ConfigError(`the people file ${file} names nobody`);
  for (const key of ['login', 'sub']) {
    const values = list.map((person) => person[key]);
    const odd = values.find((value, i) => typeof value !== 'string' || values.indexOf(value) !== i);
    if (values.includes(undefined) || odd !== undefined) {
      throw new ConfigError(`every person in ${file} needs a ${key} of their own (see ${odd ?? 'the one without'})`);
    }
  }
  const listless = list.find((person) => !Array.isArray(person.entitlements) || !Array.isArray(person.assurance));
  if (listless) throw new ConfigError(`${listless.login} in ${file} needs the lists entitlements and assurance`);
  return new People(list, store);
}
