"""No page of another site may use the server, which has no login."""

from __future__ import annotations

import pytest
from flask import Flask

from dashboard.http.guard import protect

OWN = "http://127.0.0.1:8050"


def client(listens_on: str = "127.0.0.1"):
    server = Flask(__name__)
    protect(server, listens_on)
    server.add_url_rule("/thing", "thing", lambda: "done", methods=["GET", "POST"])
    return server.test_client()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8050", "localhost:8050", "LOCALHOST", "[::1]:8050", "app.localhost", "10.0.0.3"],
)
def test_answers_under_names_of_this_machine(host):
    assert client().get("/thing", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8050", "127.0.0.1.evil.example", "[::1", "a.evil"],
)
def test_a_rebound_name_reads_nothing(host):
    answer = client().get("/thing", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.json["error"]["code"] == "wrong_host"


def test_behind_a_public_address_any_name_may_be_right():
    assert client("0.0.0.0").get("/thing", headers={"Host": "maps.example"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:3000"},
        {"Sec-Fetch-Site": "cross-site", "Origin": OWN},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("listens_on", ["127.0.0.1", "0.0.0.0"])
def test_other_sites_change_nothing(headers, listens_on):
    answer = client(listens_on).post("/thing", headers={"Host": "127.0.0.1:8050"} | headers)
    assert answer.status_code == 403
    assert answer.json["error"]["code"] == "cross_site"


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": OWN}, {"Origin": "http://evil", "Sec-Fetch-Site": "same-origin"}]
)
def test_the_own_page_and_programs_may(headers):
    answer = client().post("/thing", headers={"Host": "127.0.0.1:8050"} | headers)
    assert answer.status_code == 200


def test_no_other_site_frames_the_page():
    headers = client().get("/thing").headers
    assert headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "frame-ancestors" in headers["Content-Security-Policy"]
