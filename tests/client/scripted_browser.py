"""A browser that a script plays: it signs a person in at the lab's provider, and goes where it is sent.

As a program it is what $BROWSER names: ``scripted_browser.py CA_FILE LOGIN URL``. In a process it is ``sign_in``.
"""

import html
import re
import ssl
import sys

import httpx


def browser(ca_file: str) -> httpx.Client:
    return httpx.Client(verify=ssl.create_default_context(cafile=ca_file), trust_env=False, timeout=30)


def sign_in(ca_file: str, login: str, url: str) -> httpx.Response:
    """Open the address, sign in where asked, and follow to the end: the listener's page."""
    with browser(ca_file) as person:
        page = _followed(person, person.get(url))
        if "/interaction/" in str(page.url):
            page = _followed(person, person.post(page.url, data={"login": login, "password": login}))
        return page


def answer_of(ca_file: str, login: str, url: str) -> str:
    """Sign in, and return the address that a browser without a listener would stop at."""
    try:
        return str(sign_in(ca_file, login, url).url)
    except httpx.ConnectError as exc:
        return str(exc.request.url)


def approve(ca_file: str, login: str, link: str, *, agree: bool = True) -> str:
    """Approve (or not) a device at its complete link; the last page's text."""
    with browser(ca_file) as person:
        page = _submitted(person, _followed(person, person.get(link)), {})
        page = _submitted(person, page, {"confirm": "yes"} if agree else {"abort": "yes"})
        if "/interaction/" in str(page.url):
            page = _followed(person, person.post(page.url, data={"login": login, "password": login}))
        return page.text


def approve_at_broker(ca_file: str, login: str, link: str, *, agree: bool = True, agree_there: bool = True) -> str:
    """Follow the broker's complete link, say that the code is right and that it was me, and agree at the provider."""
    with browser(ca_file) as person:
        page = _posted(person, person.get(link), {})
        page = _posted(person, page, {"answer": "yes" if agree else "no"})
        onward = re.search(r'href="(https://[^"]+user_code[^"]+)"', page.text)
    return approve(ca_file, login, html.unescape(onward[1]), agree=agree_there) if onward else page.text


def _posted(person: httpx.Client, page: httpx.Response, extra: dict[str, str]) -> httpx.Response:
    """Post a page's form to where it says, as the browser that was given it."""
    action = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert action, page.text
    inputs = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text)
    fields = {name: html.unescape(value) for name, value in inputs} | extra
    return person.post(page.url.join(html.unescape(action[1])), data=fields)


def _submitted(person: httpx.Client, page: httpx.Response, extra: dict[str, str]) -> httpx.Response:
    """Post the page's form, unless it is not there; a form that the page submits by itself is posted too."""
    form = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    if form is None or ("confirm" in page.text and not extra):
        return page
    inputs = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text)
    fields = {name: html.unescape(value) for name, value in inputs} | extra
    return _followed(person, person.post(html.unescape(form[1]), data=fields))


def _followed(person: httpx.Client, answer: httpx.Response) -> httpx.Response:
    for _ in range(12):
        if not answer.is_redirect:
            break
        answer = person.get(answer.url.join(answer.headers["location"]))
    return answer


if __name__ == "__main__":
    ended = sign_in(sys.argv[1], sys.argv[2], sys.argv[3])
    sys.exit(0 if ended.status_code == 200 else 1)
