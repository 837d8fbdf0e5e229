"""What if, on the page Twin: a form over all the levers that a plant can pull, and what the three figures would do."""

from __future__ import annotations

from html import escape
from typing import Any

from nicegui import run, ui

from zhizao.app.leverform import DAYS, Choices, choices_of, levers_chosen
from zhizao.app.pages.parts import bullet, heading
from zhizao.app.pages.shell import Frame, raw
from zhizao.app.texts import NBSP
from zhizao.app.whatif import WEEKS, what_if
from zhizao.errors import ZhizaoError

__all__ = ["what_if_form"]

RULES = ("fifo", "spt", "mwkr", "edd", "slack", "atc", "cr", "family")
CAPS = (5, 10, 15, 20, 30, 40, 60, 80, 120)
BATCHES = (1, 2, 5, 10, 20)
EVERY_H = (10, 20, 30, 40, 60, 80, 100, 150, 200, 400)
TAKES_H = (0.5, 1, 2, 4, 8)


class _Native(ui.element):
    """A plain select, good for thumbs; its value is known here."""

    def __init__(self, options: list[tuple[str, str]], value: str = "") -> None:
        super().__init__("select")
        self.value = value
        self.classes("zz-input")
        self.on("change", self._changed, js_handler="(e) => emit(e.target.value)")
        with self:
            for one, said in options:
                with ui.element("option").props(f'value="{escape(one)}"' + (" selected" if one == value else "")):
                    raw(escape(said), tag="span")

    def _changed(self, event: Any) -> None:
        self.value = str(event.args or "")


class _Checks(ui.element):
    """Names to tick; those ticked are known here."""

    def __init__(self) -> None:
        super().__init__("div")
        self.value: list[str] = []
        self.classes("zz-ticks")

    def offer(self, groups: list[tuple[str, tuple[str, ...]]]) -> None:
        """Show other names, none ticked."""
        self.clear()
        self.value = []
        with self:
            for words, names in groups:
                if names:
                    raw(escape(words), tag="span", classes="head")
                for name in names:
                    with ui.element("label"):
                        box = ui.element("input").props('type="checkbox"')
                        box.on("change", self._ticker(name), js_handler="(e) => emit(e.target.checked)")
                        ui.label(name)

    def _ticker(self, name: str) -> Any:
        def tick(event: Any) -> None:
            self.value = [one for one in self.value if one != name] + ([name] if event.args else [])

        return tick


class _Form:
    """The levers as fields; `values` is what was chosen."""

    def __init__(self, frame: Frame, choices: Choices) -> None:
        self._t = frame.t
        self._asis = ("", frame.t("twin.asis"))
        self._fields: dict[str, _Native | _Checks] = {}
        with ui.element("div").classes("zz-levers"):
            self._rules(choices)
            self._flow()
            if choices.machines or choices.people:
                self._hours(choices)
            if choices.machines_of or choices.people_of:
                self._assignment(choices)
            if len(choices.operations) > 1:
                self._inspection(choices)
            if choices.machines:
                self._maintenance(choices)

    @property
    def values(self) -> dict[str, Any]:
        """What stands in the fields by name."""
        return {name: one.value for name, one in self._fields.items()}

    def _box(self, lever: str) -> ui.element:
        box = ui.element("fieldset")
        with box:
            raw(escape(self._t(f"lever.{lever}")), tag="legend")
        return box

    def _choice(self, name: str, words: str, options: list[tuple[str, str]], value: str = "") -> _Native:
        with ui.element("label").classes("zz-field"):
            ui.label(words)
            made = _Native(options, value)
        self._fields[name] = made
        return made

    def _named(self, names: tuple[str, ...]) -> list[tuple[str, str]]:
        return [self._asis, *((name, name) for name in names)]

    def _rules(self, choices: Choices) -> None:
        t = self._t
        places = [("", t("twin.everywhere")), *((name, name) for name in choices.machines)]
        with self._box("dispatch"):
            self._choice("rule", t("twin.rule"), [self._asis, *((r, t(f"rule.{r}")) for r in RULES)])
            if choices.machines:
                self._choice("rule_at", t("twin.at"), places)
        if choices.has_families:
            with self._box("setup_family"):
                places = [self._asis, ("plant", t("twin.everywhere")), *((name, name) for name in choices.machines)]
                self._choice("family_at", t("twin.family"), places)

    def _flow(self) -> None:
        t = self._t
        with self._box("release"):
            self._choice("cap", t("twin.cap"), [self._asis, *((str(n), str(n)) for n in CAPS)])
        with self._box("transfer_batch"):
            self._choice("batch", t("twin.batch"), [self._asis, *((str(n), str(n)) for n in BATCHES)])

    def _hours(self, choices: Choices) -> None:
        t = self._t
        clock = [(str(hour), f"{hour:02d}:00") for hour in range(25)]
        with self._box("hours"):
            self._choice("hours_of", t("twin.hours.of"), self._named((*choices.machines, *choices.people)))
            self._choice("hours_days", t("twin.hours.days"), [(one, t(f"twin.days.{one}")) for one in DAYS], "week")
            with ui.element("div").classes("pair"):
                self._choice("hours_from", t("twin.hours.from"), clock[:-1], "8")
                self._choice("hours_to", t("twin.hours.to"), clock[1:], "18")

    def _assignment(self, choices: Choices) -> None:
        t = self._t
        operations = tuple(
            name
            for name in choices.operations
            if len(choices.machines_of.get(name, ())) > 1 or len(choices.people_of.get(name, ())) > 1
        )
        if not operations:
            return
        with self._box("allocation"):
            work = self._choice("work", t("col.operation"), self._named(operations))
            by = _Checks()
            self._fields["work_by"] = by

        def offer(event: Any) -> None:
            name = str(event.args or "")
            by.offer(
                [
                    (t("twin.only.machines"), choices.machines_of.get(name, ())),
                    (t("twin.only.people"), choices.people_of.get(name, ())),
                ]
                if name
                else []
            )

        work.on("change", offer, js_handler="(e) => emit(e.target.value)")

    def _inspection(self, choices: Choices) -> None:
        t = self._t
        with self._box("inspection"):
            self._choice("look", t("twin.look"), self._named(choices.inspections or choices.operations))
            places = [("", t("twin.choose")), *((name, name) for name in choices.operations)]
            self._choice("look_after", t("twin.look.after"), places)

    def _maintenance(self, choices: Choices) -> None:
        t = self._t
        with self._box("maintenance"):
            self._choice("stop", t("col.machine"), self._named(choices.machines))
            with ui.element("div").classes("pair"):
                self._choice("stop_every", t("twin.stop.every"), [(str(n), str(n)) for n in EVERY_H], "40")
                self._choice("stop_takes", t("twin.stop.takes"), [(str(n), str(n)) for n in TAKES_H], "1")


def what_if_form(frame: Frame, *, trusted: bool) -> None:
    """Levers to pull together, and the answer below them."""
    t = frame.t
    raw(heading(t("twin.whatif")))
    with ui.element("div").classes("zz-card"):
        raw(f'<p class="zz-note" style="margin:0 0 12px">{escape(t("twin.whatif.why", weeks=WEEKS))}</p>')
        if not trusted:
            frame.banner("warn", t("twin.whatif.not"))
        form = _Form(frame, choices_of(frame.desk))
        go = ui.element("button").classes("zz-btn primary").props("type=button")
        with go:
            ui.label(t("twin.try"))
        shown = ui.element("div").style("margin-top:14px")

    async def pull() -> None:
        shown.clear()
        with shown:
            raw(
                f'<div class="zz-skeleton" role="status" style="height:150px"><span class="sr">{escape(t("state.loading"))}</span></div>'
            )
        try:
            levers = levers_chosen(frame.desk, form.values)
            found = await run.io_bound(what_if, frame.desk, levers)
        except ZhizaoError as error:
            if not frame.gone():
                shown.clear()
                with shown:
                    frame.failed(error)
            return
        if frame.gone() or found is None:
            return
        shown.clear()
        with shown:
            _answer(frame, found)

    go.on("click", pull)


def _answer(frame: Frame, found: dict[str, Any]) -> None:
    t = frame.t
    if found.get("reason"):
        frame.banner("warn", t(f"twin.answer.{found['reason']}"), t("twin.answer.finished", **found["finished"]))
        return
    cards = []
    for key, change in found["figures"].items():
        name = escape(t(f"figure.{key}"))
        if change is None:
            cards.append(f'<div class="zz-figure"><div class="label">{name}</div><div class="value">–</div></div>')
            continue
        value = t.percent(change["change"], sign=True).removesuffix(f"{NBSP}%")
        between = t("interval", low=t.percent(change["low"], sign=True), high=t.percent(change["high"], sign=True))
        cards.append(
            f'<div class="zz-figure"><div class="label">{name}</div><div class="value num">{value}<small>%</small></div>'
            f'<div class="range num">{escape(between)}</div>{bullet(frame, change["change"], change["low"], change["high"])}</div>'
        )
    raw(f'<div class="zz-grid three">{"".join(cards)}</div>')
    raw(f'<p class="zz-note">{escape(t("twin.answer", runs=found["runs"], weeks=found["weeks"]))}</p>')
