"""Keeps pages of other sites away from this server.

There is no login, so whoever reaches the server may use it. On one's own machine that is every page
that the browser loads: one on the internet can post to 127.0.0.1, and after DNS rebinding (its name
resolves to 127.0.0.1) it counts as the same origin and may read the answers as well. Two rules:

- Whatever changes something must come from a page of this server.
- A server that listens on this machine only answers to this machine's names. Behind a public
  address any name may be the right one.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from flask import Flask, Request, Response, request

from compute_lambda.contract.errors import HttpError
from dashboard.http.problems import error_response

HARMLESS = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}


def protect(server: Flask, listens_on: str) -> None:
    """Refuse requests of other sites; `listens_on`: the host of the settings."""
    only_here = _is_this_machine(listens_on)

    def check() -> Response | None:
        if only_here and not _names_this_machine(request.host, listens_on):
            return error_response(
                HttpError(
                    421,
                    "wrong_host",
                    f"Expected the address of this machine, such as 127.0.0.1 or localhost, got "
                    f"“{request.host[:80]}”. Open one of these, or listen on a public address "
                    "with --host.",
                )
            )
        if request.method not in HARMLESS and not _from_own_page(request):
            return error_response(
                HttpError(
                    403,
                    "cross_site",
                    "Expected a request of this server's own page, got one of another site. Open "
                    "the page itself to do that.",
                )
            )
        return None

    server.before_request(check)
    server.after_request(_with_headers)


def _with_headers(response: Response) -> Response:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _from_own_page(incoming: Request) -> bool:
    """Also programs that are no browser: they send neither of the two headers."""
    site = incoming.headers.get("Sec-Fetch-Site")
    if site is not None:  # the browser's own word, but not sent to every address
        return site in ("same-origin", "none")
    origin = incoming.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == incoming.host.lower()


def _is_this_machine(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _names_this_machine(address: str, listens_on: str) -> bool:
    """`address` is a Host header. An IP address cannot be rebound, whichever it is."""
    try:
        name = (urlsplit(f"//{address}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in ("localhost", listens_on.lower()) or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
