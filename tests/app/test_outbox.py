"""The outbox: kept, sent once, tried again, signed, and guarded."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhizao.app.outbox import WAITS_S, Letter, Outbox, Outcome
from zhizao.app.senders import guarded, is_public, post, senders, sent_by_mail
from zhizao.errors import InputError
from zhizao.model import MailServer, Plant, Webhook

LETTER = Letter("alarm/17/raised", "webhook", "board", "alarm.raised", "Spindle hot", {"alarm": 17})


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    made = Outbox(tmp_path / "outbox.db")
    yield made
    made.close()


def test_the_same_key_is_sent_once_however_often_it_is_put(outbox: Outbox) -> None:
    seen: list[str] = []

    def send(kept: object) -> Outcome:
        seen.append("x")
        return Outcome(True)

    assert outbox.put(LETTER)
    outbox.deliver({"webhook": send})
    assert not outbox.put(LETTER)
    outbox.deliver({"webhook": send})
    assert seen == ["x"]


def test_letters_outlive_the_process(tmp_path: Path) -> None:
    first = Outbox(tmp_path / "outbox.db")
    first.put(LETTER)
    first.close()
    second = Outbox(tmp_path / "outbox.db")
    assert [one.letter for one in second.letters("waiting")] == [LETTER]
    second.close()


def test_two_processes_never_hold_the_same_letter(tmp_path: Path) -> None:
    one, other = Outbox(tmp_path / "o.db"), Outbox(tmp_path / "o.db")
    one.put_all([Letter(f"k{n}", "webhook", "board", "a") for n in range(40)])
    held: list[int] = []

    def take(box: Outbox) -> None:
        while got := box.claim(3):
            held.extend(kept.id for kept in got)

    threads = [threading.Thread(target=take, args=(box,)) for box in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == sorted(set(held))
    assert len(held) == 40
    one.close()
    other.close()


def test_a_letter_of_a_process_that_died_is_sent_by_the_next(tmp_path: Path) -> None:
    dead, alive = Outbox(tmp_path / "o.db"), Outbox(tmp_path / "o.db")
    dead.put(LETTER, at=0)
    assert len(dead.claim(at=0)) == 1
    assert not alive.claim(at=200)
    assert len(alive.claim(at=301)) == 1
    dead.close()
    alive.close()


def test_waits_grow_and_a_letter_is_given_up_after_the_last(outbox: Outbox) -> None:
    outbox.put(LETTER, at=0)
    at, waits = 0.0, []
    for _ in range(50):
        outbox.deliver({"webhook": lambda kept: Outcome(False, "503")}, at=at)
        kept = outbox.letters()[0]
        if kept.state == "failed":
            break
        waits.append(kept.due_at - at)
        at = kept.due_at
    assert len(waits) == len(WAITS_S)
    assert all(0.8 * plan <= seen <= 1.2 * plan for plan, seen in zip(WAITS_S, waits, strict=True))
    assert outbox.again(kept.id, at=at)
    assert outbox.deliver({"webhook": lambda kept: Outcome(True)}, at=at) == 1
    assert not outbox.again(kept.id)


def test_what_a_sender_raises_stops_no_other_letter(outbox: Outbox) -> None:
    outbox.put_all([LETTER, Letter("b", "mail", "a@example.org", "x")])

    def broken(kept: object) -> Outcome:
        raise RuntimeError("no")

    assert outbox.deliver({"webhook": broken, "mail": lambda kept: Outcome(True)}) == 1
    assert outbox.counts() == {"waiting": 1, "sent": 1, "failed": 0}


def test_letters_that_are_no_json_or_huge_are_refused_and_none_of_their_batch_is_kept(outbox: Outbox) -> None:
    for body in ({"a": float("nan")}, {"a": object()}, {"a": "x" * 300_000}):
        with pytest.raises(InputError):
            outbox.put_all([LETTER, Letter("b", "webhook", "board", "x", body=body)])
    assert outbox.letters() == []


def _answering(code: int, seen: list[httpx.Request], headers: dict[str, str] | None = None) -> httpx.MockTransport:
    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(code, headers=headers or {}, text="told")

    return httpx.MockTransport(answer)


def test_a_post_is_signed_as_its_receiver_works_it_out_and_goes_to_the_address_looked_at(outbox: Outbox) -> None:
    seen: list[httpx.Request] = []
    hook = Webhook(url="https://example.org:8443/hooks?x=1", secret="whsec_" + base64.b64encode(b"key").decode())
    outbox.put(LETTER)
    kept = outbox.claim()[0]
    outcome = post(hook, kept, look=lambda host, port: ["93.184.216.34"], transport=_answering(204, seen))
    assert outcome == Outcome(True, "204")
    request = seen[0]
    assert (request.url.host, request.headers["host"]) == ("93.184.216.34", "example.org:8443")
    assert request.extensions["sni_hostname"] == "example.org"
    number, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    mine = hmac.new(b"key", f"{number}.{at}.".encode() + request.content, hashlib.sha256).digest()
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(mine).decode()
    assert json.loads(request.content)["data"] == {"alarm": 17}


@pytest.mark.parametrize(("code", "for_good"), [(301, False), (404, False), (429, False), (500, False), (410, True)])
def test_anything_but_success_is_tried_again_save_what_is_gone(outbox: Outbox, code: int, for_good: bool) -> None:
    outbox.put(LETTER)
    seen: list[httpx.Request] = []
    hook = Webhook(url="https://example.org/")
    answering = _answering(code, seen, {"retry-after": "77", "location": "http://127.0.0.1/"})
    outcome = post(hook, outbox.claim()[0], look=lambda host, port: ["93.184.216.34"], transport=answering)
    assert (outcome.ok, outcome.for_good, outcome.after_s) == (False, for_good, 77.0)
    assert len(seen) == 1


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fd00::1",
     "fe80::1%eth0", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:0a00:0001::1", "224.0.0.1", "::", "255.255.255.255"],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused_unless_allowed(address: str) -> None:
    with pytest.raises(InputError, match="not a public address"):
        guarded("inside.example", 443, allow_private=False, look=lambda host, port: ["93.184.216.34", address])
    assert guarded("inside.example", 443, allow_private=True, look=lambda host, port: [address]) == address


@given(st.ip_addresses(v=4))
def test_an_address_inside_ipv6_is_judged_as_itself(address: object) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))


def test_http_and_private_addresses_end_a_letter_where_they_are_not_allowed(outbox: Outbox) -> None:
    outbox.put_all([LETTER, Letter("b", "webhook", "plain", "x"), Letter("c", "webhook", "none", "x")])
    plant = Plant(
        webhooks={"board": Webhook(url="https://10.0.0.8/"), "plain": Webhook(url="http://93.184.216.34/")},
    )
    outbox.deliver(senders(plant))
    assert {one.letter.to: one.state for one in outbox.letters()} == {
        "board": "failed", "plain": "failed", "none": "waiting",
    }  # fmt: skip


@pytest.mark.parametrize("url", ["ftp://a/b", "https://", "javascript:1", "https://u:p@a/", "https://a/\r\nx: y", ""])
def test_what_is_no_address_is_refused_when_it_is_declared(url: str) -> None:
    with pytest.raises(ValueError):
        Webhook(url=url)


@pytest.mark.parametrize("to", ["a@example.org\r\nBcc: b@example.org", "a@example.org, b@example.org", "nobody", ""])
def test_a_mail_address_carries_no_second_one(outbox: Outbox, to: str) -> None:
    outbox.put(Letter("m", "mail", to, "x", "Title\r\nBcc: all@example.org"))
    server = MailServer(host="smtp.example.org", sender="plant@example.org")
    outcome = sent_by_mail(server, outbox.claim()[0], look=lambda host, port: ["93.184.216.34"])
    assert (outcome.ok, outcome.for_good) == (False, True)
