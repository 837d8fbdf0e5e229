"""Nobody comes in without signing in, and no other site can act for somebody who did."""

from __future__ import annotations

import io
import re

import pytest
from fastapi import FastAPI

from app.calling import PASSWORD, Caller
from zhizao.app.access import Access, Person, Role
from zhizao.app.desk import Desk
from zhizao.app.http.application import Settings, build
from zhizao.app.http.gate import COOKIE

API = "/api/v1"


def test_health_and_version_need_no_sign_in(app: FastAPI, desk: Desk) -> None:
    told = Caller(app).get(f"{API}/health").json()
    assert (told["state"], told["version"], told["ready"], told["reasons"]) == ("ok", desk.version, True, [])


@pytest.mark.parametrize("path", ["/figures", "/tables/operations", "/people", "/openapi.json", "/docs", "/jobs"])
def test_all_else_needs_it(app: FastAPI, path: str) -> None:
    answer = Caller(app).get(API + path)
    assert answer.status_code == 401
    assert set(answer.json()) == {"what", "where", "fix", "code"}


def test_a_page_leads_to_the_sign_in_and_back(app: FastAPI) -> None:
    answer = Caller(app).get("/orders?from=2025-01-01")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Forders%3Ffrom%3D2025-01-01"


def test_the_form_signs_in_and_the_cookie_is_kept_from_scripts(app: FastAPI) -> None:
    caller = Caller(app)
    page = caller.get("/login?next=/orders")
    assert page.status_code == 200
    assert 'name="next" value="/orders"' in page.text
    answer = caller.post("/login", data={"name": "the-viewer", "password": PASSWORD, "next": "/orders"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/orders"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(COOKIE)
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert caller.get(f"{API}/session").json()["role"] == "viewer"


def test_the_form_leads_to_no_other_site(app: FastAPI) -> None:
    for target in ("https://example.org/", "//example.org", "/\\example.org"):
        answer = Caller(app).post("/login", data={"name": "the-viewer", "password": PASSWORD, "next": target})
        assert answer.headers["location"] == "/"


def test_a_wrong_password_is_told_in_the_language_of_the_browser(app: FastAPI) -> None:
    answer = Caller(app, **{"accept-language": "zh-CN"}).post("/login", data={"name": "nobody", "password": "wrong"})
    assert answer.status_code == 401
    assert "不正确" in answer.text


def test_a_change_without_its_token_is_refused(app: FastAPI) -> None:
    caller = Caller(app).sign_in("the-engineer")
    del caller.headers["x-csrf-token"]
    answer = caller.post(f"{API}/verify")
    assert (answer.status_code, answer.json()["code"]) == (403, "csrf")


def test_a_change_from_another_site_is_refused_even_with_local(local: Caller) -> None:
    answer = local.post(f"{API}/verify", headers={"origin": "https://example.org"})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")
    answer = local.post(f"{API}/verify", headers={"sec-fetch-site": "cross-site"})
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")


def test_with_local_only_the_machines_own_names_are_served(local: Caller) -> None:
    answer = local.get(f"{API}/figures", headers={"host": "evil.example.org"})
    assert (answer.status_code, answer.json()["code"]) == (421, "host")


def test_signing_out_ends_the_session(app: FastAPI) -> None:
    caller = Caller(app).sign_in("the-viewer")
    secret = caller.cookies.get(COOKIE)
    assert caller("DELETE", f"{API}/session").status_code == 200
    assert Caller(app, cookie=f"{COOKIE}={secret}").get(f"{API}/figures").status_code == 401


def test_a_bearer_token_needs_no_cookie_and_no_csrf(app: FastAPI, access: Access) -> None:
    secret = access.make_token(Person("the-operator", Role.OPERATOR), "test", Role.VIEWER)
    caller = Caller(app, authorization=f"Bearer {secret}")
    assert caller.get(f"{API}/session").json()["rights"] == ["read", "warnings", "returns"]
    answer = caller.post(f"{API}/uploads", files={"file": ("a.csv", io.BytesIO(b"a,b\n"))})
    assert (answer.status_code, answer.json()["code"]) == (403, "role")


def test_a_viewer_cannot_import_run_or_manage(viewer: Caller) -> None:
    tries = [
        viewer.post(f"{API}/uploads", files={"file": ("a.csv", io.BytesIO(b"a,b\n"))}),
        viewer.post(f"{API}/pilot", json={}),
        viewer.post(f"{API}/twin", json={}),
        viewer.get(f"{API}/people"),
        viewer.get(f"{API}/audit"),
    ]
    assert [answer.status_code for answer in tries] == [403] * 5


def test_every_answer_has_the_headers_that_keep_other_sites_out(viewer: Caller) -> None:
    for answer in (viewer.get(f"{API}/figures"), viewer.get("/login"), viewer.get("/no-such-page")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"https?:", policy)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"


def test_too_large_an_upload_says_how_large_it_may_be(empty: Caller) -> None:
    answer = empty.post(f"{API}/uploads", files={"file": ("a.csv", io.BytesIO(b"x" * (2 << 20)))})
    assert answer.status_code == 413
    assert "1 MiB" in answer.json()["what"]
    assert answer.json()["fix"]


def test_an_upload_of_unknown_length_is_cut_off_too(desk: Desk) -> None:
    app = build(desk, None, Settings(local=True, largest=1000))

    async def endless():  # type: ignore[no-untyped-def]
        for _ in range(100):
            yield b"x" * 100

    answer = Caller(app).post(
        "/api/v1/uploads", content=endless(), headers={"content-type": "multipart/form-data; boundary=x"}
    )
    assert answer.status_code in (400, 413)


def test_people_are_managed_by_admins_and_it_is_written_down(admin: Caller) -> None:
    made = admin.post(f"{API}/people", json={"name": "zhang", "password": "long enough words", "role": "operator"})
    assert made.status_code == 201
    assert admin("PATCH", f"{API}/people/zhang", json={"role": "engineer"}).status_code == 200
    people = {one["name"]: one["role"] for one in admin.get(f"{API}/people").json()}
    assert people["zhang"] == "engineer"
    trail = [(one["what"], one["about"]) for one in admin.get(f"{API}/audit").json()]
    assert ("person changed", "zhang: role") in trail
    assert ("person added", "zhang (operator)") in trail


def test_a_token_is_told_once_and_can_be_ended(app: FastAPI) -> None:
    caller = Caller(app).sign_in("the-manager")
    secret = caller.post(f"{API}/me/tokens", json={"label": "sheet", "role": "viewer"}).json()["secret"]
    assert Caller(app, authorization=f"Bearer {secret}").get(f"{API}/figures").status_code == 200
    listed = caller.get(f"{API}/me/tokens").json()
    assert secret not in str(listed)
    assert caller("DELETE", f"{API}/me/tokens/{listed[-1]['id']}").status_code == 200
    assert Caller(app, authorization=f"Bearer {secret}").get(f"{API}/figures").status_code == 401
