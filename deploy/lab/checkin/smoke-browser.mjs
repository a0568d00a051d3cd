// A browser as scripts have it, for smoke.test.mjs: keeps cookies, shows where a redirect leads, fills in forms.

export class Browser {
  #jar = new Map();

  async get(url) {
    return this.#send(url, {});
  }

  async post(url, fields) {
    return this.#send(url, { method: 'POST', body: new URLSearchParams(fields) });
  }

  /** Follow redirects until a page comes or the address starts with `until`; gives back the last answer and its address. */
  async follow(answer, until) {
    let { response, url } = answer;
    while (response.status >= 300 && response.status < 400) {
      url = new URL(response.headers.get('location'), url).href;
      if (until && url.startsWith(until)) return { response, url };
      ({ response } = await this.#send(url, {}));
    }
    return { response, url };
  }

  async #send(url, options) {
    const { pathname } = new URL(url);
    const cookies = [...this.#jar.values()].filter(({ path }) => pathname.startsWith(path)).map(({ pair }) => pair);
    const response = await fetch(url, { ...options, redirect: 'manual', headers: { cookie: cookies.join('; ') } });
    for (const line of response.headers.getSetCookie()) this.#keep(line);
    return { response, url };
  }

  #keep(line) {
    const [pair, ...attributes] = line.split(/; */);
    const path = attributes.find((text) => /^path=/i.test(text))?.slice('path='.length) ?? '/';
    const key = `${path} ${pair.split('=')[0]}`;
    if (attributes.some((text) => /^expires=Thu, 01 Jan 1970/i.test(text))) this.#jar.delete(key);
    else this.#jar.set(key, { path, pair });
  }
}

/** The hidden fields of a page's first form. */
export function hiddenFields(page) {
  return Object.fromEntries([...page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

export function formAction(page) {
  return /<form method="post" action="([^"]+)"/.exec(page)[1];
}
