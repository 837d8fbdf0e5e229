"""The frame around every page: rail, top bar, title sentence, and the designed states (empty, loading, failed).

A page is a function that is given a `Frame`; `page("/orders", "orders")` puts it into the frame, checks the role and
shows what went wrong as what, where and fix.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from nicegui import Client, run, ui
from starlette.requests import Request

from zhizao.app.access import Person, Right
from zhizao.app.desk import Desk, Period
from zhizao.app.http.gate import asked
from zhizao.app.http.places import AREAS
from zhizao.app.pages.icons import icon
from zhizao.app.texts import Words, pick
from zhizao.errors import ZhizaoError

__all__ = ["Frame", "bind", "button", "json_of", "link_button", "page", "raw"]

LOG = logging.getLogger("zhizao.app")
STATIC = Path(__file__).parent / "static"
_desks: list[Desk] = []


def bind(desk: Desk) -> None:
    """Serve the pages from a desk (one per process)."""
    _desks[:] = [desk]


def raw(html: str, *, classes: str = "", tag: str = "div") -> ui.html:
    """HTML written by this package; every value in it has been escaped."""
    return ui.html(html, sanitize=False, tag=tag).classes(classes)


def version() -> str:
    """Stamp of the static files, so that a browser takes new ones."""
    return f"{max(int(path.stat().st_mtime) for path in STATIC.iterdir()):x}"


@dataclass(slots=True)
class Frame:
    """What a page has at hand.

    Parameters
    ----------
    desk : the workspace
    person : who looks
    t : words in the language of the page
    key, path : which page it is
    query : filters and selection, as they stand in the address
    period : the time that is looked at
    csrf : token for changes
    local : whether there is no sign-in
    """

    desk: Desk
    person: Person
    t: Words
    key: str
    path: str
    query: dict[str, str]
    period: Period
    csrf: str = ""
    local: bool = False
    client: Client | None = None
    _head: list[Any] = field(default_factory=list)

    def may(self, right: Right) -> bool:
        """Whether the person may do something."""
        return self.person.may(right)

    def link(self, path: str | None = None, **changes: object) -> str:
        """Address of a page with the period kept; of this page with filters kept too."""
        keep = dict(self.query) if path is None else {k: v for k, v in self.query.items() if k in {"from", "to"}}
        for key, value in changes.items():
            key = key.rstrip("_")
            if value is None or value == "":
                keep.pop(key, None)
            else:
                keep[key] = str(value)
        query = urlencode(keep)
        return (path or self.path) + (f"?{query}" if query else "")

    def title(self, sentence: str, sub: str = "", actions: str = "") -> None:
        """The sentence about now, one line under it, and what can be done here."""
        under = f'<p class="zz-sub">{_unbroken(sub)}</p>' if sub else ""
        doing = f'<div class="zz-actions">{actions}</div>' if actions else ""
        raw(
            f'<div class="zz-print"><span>{escape(self.desk.name)} · {escape(self.period_words())}</span>'
            f"<span>zhizao {escape(self.desk.version)}</span></div>"
            f'<div class="zz-head"><div><h1 class="zz-title" id="title">{_unbroken(sentence)}</h1>{under}</div>{doing}</div>'
        )
        if self.client is not None:
            self.client.title = f"{sentence} · zhizao"
            if self.client.has_socket_connection:
                ui.run_javascript(f"document.title = {json_of(self.client.title)}")

    def period_words(self) -> str:
        """The period in words."""
        if self.period.start is None and self.period.end is None:
            return self.t("period.all")
        return self.t("period.of", start=self.t.date(self.period.first_day), end=self.t.date(self.period.last_day))

    def banner(self, kind: str, head: str, text: str = "", actions: str = "") -> None:
        """A line that needs attention; the kind is also said by an icon."""
        sign = icon({"good": "good", "bad": "bad", "warn": "warn"}.get(kind, "journal"))
        under = f"<p>{escape(text)}</p>" if text else ""
        role = "alert" if kind == "bad" else "status"
        raw(
            f'<div class="zz-banner {kind}" role="{role}"><span style="width:20px;flex:none">{sign}</span>'
            f'<div class="grow"><b>{escape(head)}</b>{under}</div>{actions}</div>'
        )

    def failed(self, error: ZhizaoError) -> None:
        """What went wrong and what to do about it."""
        fault = error.fault
        self.fault({"what": fault.what, "where": fault.where, "fix": fault.fix, "code": fault.code})

    def fault(self, fault: dict[str, str]) -> None:
        """A fault as a job keeps it, in the words of the page where there are such."""
        told = self.t.fault(fault.get("code", ""), fault["what"], fault["fix"])
        self.banner("bad", " – ".join(x for x in (fault["where"], told[0]) if x), told[1])

    def empty(self, title: str, text: str, actions: str = "", sign: str = "file") -> None:
        """A page without content, with a next step."""
        raw(
            f'<div class="zz-empty">{icon(sign)}<h2>{escape(title)}</h2><p>{escape(text)}</p>'
            f'<div class="zz-row">{actions}</div></div>'
        )

    def no_records(self) -> bool:
        """Show the empty state where there is nothing to show; True when it was shown."""
        if self.desk.has_records():
            if self.period.is_all or self.desk.rows_in(self.period):
                return False
            span = self.desk.span()
            self.title(self.t("state.period.title"))
            self.empty(
                self.t("state.period.title"),
                self.t("state.period.text", start=self.t.date(span[0]), end=self.t.date(span[1])),
                link_button(self.t("state.period.go"), self.link(from_=None, to=None), primary=True),
            )
            return True
        self.title(self.t("state.empty.title"), "")
        actions = ""
        if self.may(Right.IMPORT):
            body = {"method": "POST", "path": "/api/v1/sample", "body": {}, "next": "/import"}
            actions = link_button(self.t("state.empty.import"), "/import", primary=True)
            actions += button(self.t("state.empty.sample"), call=body)
        else:
            actions = escape(self.t("state.viewer"))
        self.empty(self.t("state.empty.title"), self.t("state.empty.text"), actions, "import")
        return True

    def gone(self) -> bool:
        """Whether the browser has left the page meanwhile."""
        return self.client is not None and self.client.is_deleted

    async def ready(
        self, work: Callable[[], Any], show: Callable[[Any], Any], *, quick: bool = False, height: int = 160
    ) -> None:
        """Show what some work finds; until then a skeleton, and the rest of the page is there already.

        Parameters
        ----------
        work : runs in a thread; its errors are shown as what, where and fix
        show : called with the result, inside the place on the page; its errors are shown in place of what it has made
        quick : the result is at hand, so there is no skeleton
        height : of the skeleton, in px
        """
        box = ui.element("div").style("width:100%")
        if not quick:
            with box:
                raw(
                    f'<div class="zz-skeleton" style="height:{height}px" role="status"><span class="sr">'
                    f"{escape(self.t('state.loading'))}</span></div>"
                )
            if self.client is not None:
                await self.client.connected(timeout=180)
        fault: ZhizaoError | None = None
        found: Any = None
        try:
            found = work() if quick else await run.io_bound(work)
        except ZhizaoError as error:
            fault = error
        except Exception as error:
            LOG.exception("%s could not be shown", self.path)
            fault = self._crash(error)
        if fault is None and not self.gone():
            if not quick:
                box.clear()
            try:
                with box:
                    out = show(found)
                    if inspect.isawaitable(out):
                        await out
            except ZhizaoError as error:
                fault = error
            except Exception as error:
                LOG.exception("%s could not be shown", self.path)
                fault = self._crash(error)
        if fault is not None and not self.gone():
            box.clear()
            with box:
                self.failed(fault)

    def _crash(self, error: Exception) -> ZhizaoError:
        """A mistake in zhizao as a fault: the log has it whole, the page says where it was and what to do."""
        what = f"{self.t('state.failed.title')} ({type(error).__name__})"
        return ZhizaoError(what, where=self.path, fix=self.t("state.crash"), code="crash")


def _unbroken(text: str) -> str:
    """Text as HTML whose dates and times stay on one line.

    >>> _unbroken("known since 2023-12")
    'known since <span class="zz-date">2023-12</span>'
    """
    return re.sub(r"\d{4}-\d\d(-\d\d)?( \d\d:\d\d)?", r'<span class="zz-date">\g<0></span>', escape(text))


def link_button(text: str, address: str, *, primary: bool = False, small: bool = False, sign: str = "") -> str:
    """A link that looks like a button."""
    classes = "zz-btn" + (" primary" if primary else "") + (" small" if small else "")
    return f'<a class="{classes}" href="{escape(address)}">{icon(sign) if sign else ""}{escape(text)}</a>'


def button(
    text: str, *, call: dict[str, Any] | None = None, does: str = "", kind: str = "", small: bool = False
) -> str:
    """A button that calls the API (`call`: method, path, body, next, sure) or does something in the browser."""
    classes = "zz-btn" + (f" {kind}" if kind else "") + (" small" if small else "")
    what = f"call:{json_of(call)}" if call is not None else does
    return f'<button type="button" class="{classes}" data-zz="{escape(what)}">{escape(text)}</button>'


def page(path: str, key: str, right: Right = Right.READ) -> Callable[[Callable[[Frame], Any]], Callable[..., Any]]:
    """Make a function a page inside the frame.

    Parameters
    ----------
    path : its address
    key : its name in the rail and in the texts
    right : what one must be allowed to see it
    """

    def made(build: Callable[[Frame], Awaitable[None] | None]) -> Callable[..., Any]:
        @ui.page(path, response_timeout=30, reconnect_timeout=20)
        async def shown(client: Client, request: Request) -> None:
            await _show(client, request, path, key, right, build)

        return shown

    return made


async def _show(
    client: Client,
    request: Request,
    path: str,
    key: str,
    right: Right,
    build: Callable[[Frame], Awaitable[None] | None],
) -> None:
    desk = _desks[0]
    who = asked(request.scope)
    if who.person is None:
        raise RuntimeError("the gate let nobody in")
    lang = pick(
        request.query_params.get("lang", "") or request.cookies.get("zhizao_lang", "") or desk.lang,
        request.headers.get("accept-language", ""),
    )
    t = Words(lang, desk.zone)
    frame = Frame(
        desk,
        who.person,
        t,
        key,
        request.url.path,
        {k: v for k, v in request.query_params.items() if k != "lang"},
        Period(),
        who.csrf,
        who.by == "local",
        client,
    )
    wrong: ZhizaoError | None = None
    try:
        frame.period = Period.of(frame.query.get("from", ""), frame.query.get("to", ""), desk.zone)
    except ZhizaoError as error:
        wrong = error
    for layer in client.page_container.default_slot.children:
        layer.props("role=none")  # the framework's page is a <main> around ours
    ui.add_head_html(_head(frame))
    raw(_bars(frame))
    with (
        ui.element("main").classes("zz-main").props(f"id=content lang={'zh-CN' if lang == 'zh' else 'en'} tabindex=-1")
    ):
        raw("", classes="").props("id=zz-said aria-live=polite")
        try:
            if wrong is not None:
                raise wrong
            if not frame.may(right):
                frame.title(t("state.role.title"))
                raw(link_button(t("nav.returns"), "/returns", primary=True))
                return
            out = build(frame)
            if out is not None:
                await out
        except ZhizaoError as error:
            if frame.gone():
                return
            frame.title(t("state.failed.title"))
            frame.failed(error)
            if wrong is None:
                raw(link_button(t("state.retry"), frame.link()))
            else:
                raw(link_button(t("state.period.go"), frame.link(from_=None, to=None), primary=True))


def _head(frame: Frame) -> str:
    t, stamp = frame.t, version()
    metas = {
        "lang": t.lang,
        "zone": t.zone,
        "csrf": frame.csrf,
        "search": t("top.search.long"),
        "nothing": t("top.search.none"),
        "failed": t("top.failed"),
        "offline": t("top.offline"),
    }
    said = "".join(f'<meta name="zz-{key}" content="{escape(value)}">' for key, value in metas.items())
    lang = "zh-CN" if t.lang == "zh" else "en"
    return (
        f'{said}<link rel="stylesheet" href="/static/zhizao.css?{stamp}">'
        f'<script>document.documentElement.lang="{lang}"</script><script src="/static/zhizao.js?{stamp}"></script>'
    )


def _bars(frame: Frame) -> str:
    t = frame.t
    rail = []
    for area, pages in AREAS:
        seen = [one for one in pages if frame.may(one[2]) and not (frame.local and area == "admin")]
        if not seen:
            continue
        rail.append(f"<h2>{escape(t(f'area.{area}'))}</h2>")
        for key, path, _ in seen:
            here = ' aria-current="page"' if key == frame.key else ""
            rail.append(f'<a href="{escape(frame.link(path))}"{here}>{icon(key)}{escape(t(f"nav.{key}"))}</a>')
    rail.append(f'<h2>{escape(t("more"))}</h2><a href="/api/v1/docs">{icon("api")}{escape(t("nav.api"))}</a>')
    langs = "".join(
        f'<button type="button" data-zz="lang:{one}" aria-current="{str(one == t.lang).lower()}">'
        f"{escape(t(f'lang.{one}'))}</button>"
        for one in ("zh", "en")
    )
    themes = "".join(
        f'<button type="button" data-zz="theme:{one}">{escape(t(f"theme.{one}"))}</button>'
        for one in ("auto", "light", "dark")
    )
    return (
        f'<a class="zz-skip" href="#content">{escape(t("top.skip"))}</a>'
        f'<header class="zz-top"><button type="button" class="zz-tool zz-burger" data-zz="drawer:open" '
        f'aria-expanded="false" aria-label="{escape(t("top.menu"))}">{icon("menu")}</button>'
        f'<a class="zz-brand" href="/">{icon("brand")}<span>zhizao <small>{"智造" if t.lang == "zh" else ""}</small>'
        f"</span></a>"
        f'<span class="zz-plant" title="{escape(frame.desk.name)}">{escape(frame.desk.name)}</span>'
        f'{_period(frame)}<span class="grow"></span>'
        f'<button type="button" class="zz-tool box zz-search" data-zz="search" aria-label="{escape(t("top.search"))}">'
        f'{icon("search")}<span class="word">{escape(t("top.search"))}</span><kbd>Ctrl K</kbd></button>'
        f"{_menu('lang', t('top.lang'), langs)}{_menu('theme', t('top.theme'), themes)}{_person(frame)}</header>"
        f'<nav class="zz-rail" aria-label="{escape(t("top.rail"))}">{"".join(rail)}</nav>'
        f'<div class="zz-veil" data-zz="drawer:close"></div>'
    )


def _menu(sign: str, label: str, inside: str, word: str = "") -> str:
    shown = f'<span class="word">{escape(word)}</span>' if word else ""
    return (
        f'<details class="zz-menu"><summary class="zz-tool" role="button" aria-label="{escape(label)}" '
        f'title="{escape(label)}">{icon(sign)}{shown}</summary><div class="zz-pop">{inside}</div></details>'
    )


def _period(frame: Frame) -> str:
    t = frame.t
    presets: list[tuple[str, str | None, str | None]] = [("all", None, None)]
    span = frame.desk.span() if frame.desk.has_records() else None
    if span is not None:
        last = span[1].astimezone(frame.desk.tz).date()
        for weeks in (4, 12):
            presets.append(
                (f"w{weeks}", date.fromordinal(last.toordinal() - 7 * weeks + 1).isoformat(), last.isoformat())
            )
    now = (frame.query.get("from"), frame.query.get("to"))
    links = "".join(
        f'<a href="{escape(frame.link(from_=start, to=end))}" aria-current="{str(now == (start, end)).lower()}">'
        f"{escape(t(f'period.{key}'))}</a>"
        for key, start, end in presets
    )
    form = (
        f'<hr><form data-zz-go><label class="zz-field">{escape(t("period.from"))}<input class="zz-input" type="date" '
        f'name="from" value="{escape(now[0] or "")}"></label><label class="zz-field">{escape(t("period.to"))}'
        f'<input class="zz-input" type="date" name="to" value="{escape(now[1] or "")}"></label>'
        f'<button class="zz-btn primary" style="justify-content:center">{escape(t("period.apply"))}</button></form>'
        f'<div class="who">{escape(t("period.zone", zone=t.zone))}</div>'
    )
    said = escape(frame.period_words()) if frame.query.get("from") or frame.query.get("to") else escape(t("period.all"))
    return (
        f'<details class="zz-menu"><summary class="zz-tool box" role="button" aria-label="{escape(t("period"))}">'
        f'{icon("period")}<span class="word">{said}</span></summary><div class="zz-pop left">{links}{form}</div></details>'
    )


def _person(frame: Frame) -> str:
    t = frame.t
    if frame.local:
        inside = f'<div class="who">{escape(t("top.local"))}</div>'
        return _menu("me", t("top.person"), inside)
    inside = (
        f'<div class="who"><b>{escape(frame.person.name)}</b><br>{escape(t(f"role.{frame.person.role}"))}</div><hr>'
        f'<a href="/me">{icon("me")[:0]}{escape(t("nav.me"))}</a>'
        + _call_button(t("top.signout"), {"method": "DELETE", "path": "/api/v1/session", "next": "/login"})
    )
    return _menu("me", t("top.person"), inside, frame.person.name)


def _call_button(text: str, call: dict[str, Any]) -> str:
    return f'<button type="button" data-zz="{escape("call:" + json_of(call))}">{escape(text)}</button>'


def json_of(value: object) -> str:
    """JSON that may stand inside HTML."""
    import json

    return json.dumps(value, ensure_ascii=False).replace("</", "<\\/")
