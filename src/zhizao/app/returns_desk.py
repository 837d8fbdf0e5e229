"""The returns desk: what command line, routes and pages ask about returns, with roles kept.

Every answer is cut to what the person may see before it leaves, and every step goes through the same state machine and
into the journal. Times are passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zhizao.app.units import own_enterprise, read_tree
from zhizao.errors import InputError, NotAllowed
from zhizao.programme import returns as room
from zhizao.programme.items import items
from zhizao.programme.returns import Actor, Filled, Owed, Return, Sight, State, Tree

if TYPE_CHECKING:
    from zhizao.app.access import Person
    from zhizao.app.desk import Desk
    from zhizao.model import Plant, WorkLog
    from zhizao.record import Journal, Workspace

__all__ = ["ReturnsDesk", "Row", "actor_of"]

T = TypeVar("T")
_SAME = 1e-9
_MONTHS = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One return in a list.

    Parameters
    ----------
    enterprise, zh, en, industry, region, size : whose
    period : month
    state : where it is
    waits_for, level : unit that has to act, and its level; empty when nobody has to, or it is not for this person to know
    due : until when; None when nobody has to act
    overdue : whether that is past
    late : whether the newest version came after the enterprise's deadline
    version : number of the newest version seen; 0 when none was submitted
    by, at : who submitted it, and when; for those who see no figures, nobody and when it was published
    published : whether a version is published
    steps : what this person may do now
    """

    enterprise: str
    zh: str
    en: str
    industry: str
    region: str
    size: str
    period: str
    state: str
    waits_for: str
    level: str
    due: datetime | None
    overdue: bool
    late: bool
    version: int
    by: str
    at: datetime | None
    published: bool
    steps: tuple[str, ...]


def actor_of(person: Person) -> Actor:
    """A person as the state machine knows them."""
    return Actor(name=person.name, role=person.role.value, unit=person.unit)


class ReturnsDesk:
    """Returns of one workspace.

    Parameters
    ----------
    journal : the facts
    plant : what is declared about the plant
    tree : units
    once : keeps what some work finds until the journal changes; nothing is kept when absent
    log : gives the work log as known at a time; folded from the journal when absent
    held : whether what is published of a month is under embargo for a role; nothing is when absent
    """

    def __init__(
        self,
        journal: Journal,
        plant: Plant,
        tree: Tree,
        *,
        once: Callable[..., Any] | None = None,
        log: Callable[[], WorkLog] | None = None,
        held: Callable[[str, str], bool] | None = None,
    ) -> None:
        self.journal, self.plant, self.tree = journal, plant, tree
        self.own = own_enterprise(tree, plant)
        self._once = once or (lambda _name, work, *_more: work())
        self._log = log
        self._held = held or (lambda _role, _month: False)

    @classmethod
    def of_workspace(cls, workspace: Workspace) -> ReturnsDesk:
        """Desk of an open workspace, for the command line."""
        return cls(workspace.journal, workspace.plant, read_tree(workspace.folder, workspace.plant))

    @classmethod
    def of_desk(cls, desk: Desk) -> ReturnsDesk:
        """Desk of the workspace that is served, for routes and pages."""
        return cls(
            desk.journal,
            desk.plant,
            read_tree(desk.path, desk.plant),
            once=desk.once,
            log=desk.log,
            held=_held_by(desk.path),
        )

    # -------------------------------------------------------------- looking

    def all(self, as_of: datetime | None = None) -> dict[tuple[str, str], Return]:
        """Every return by enterprise and month, whole: for this module and for roll-ups, not for showing."""
        if as_of is not None:
            return room.fold(self.journal.return_steps(as_of=as_of))
        found: dict[tuple[str, str], Return] = self._once("returns", lambda: room.fold(self.journal.return_steps()))
        return found

    def rows(
        self,
        actor: Actor,
        now: datetime,
        *,
        state: str = "",
        level: str = "",
        period: str = "",
        unit: str = "",
        overdue: bool | None = None,
        due_before: datetime | None = None,
        mine: bool = False,
    ) -> list[Row]:
        """Returns that a person may see, latest month first.

        Parameters
        ----------
        actor : who looks
        now : aware time, for what is overdue
        state : only these (`State`)
        level : only those that wait for a unit of this level
        period : only this month; else those with any step and the last three that have ended
        unit : only enterprises below this unit
        overdue : only those that are, or are not
        due_before : only those that are due before this time
        mine : only those that wait for the person's own unit

        Raises
        ------
        InputError : there is no such state, level, unit or month
        """
        for value, known, code in ((state, State, "state"), (level, room.Level, "level")):
            if value and value not in list(known):
                raise InputError(f'"{value[:40]}" is no {code}', fix=f"use {', '.join(known)}", code="bad_filter")
        if unit:
            self.tree.unit(unit)
        found = self.all()
        months = {room.check_month(period)} if period else self._months(found, now)
        out: list[Row] = []
        for enterprise in self.tree.enterprises(unit):
            how = room.sight(actor, self.tree, enterprise)
            if how is Sight.NOTHING:
                continue
            for month in months:
                one = room.seen(found.get((enterprise, month), Return(enterprise, month)), how)
                if one is not None and not (how is Sight.STATUS and self._held(actor.role, month)):
                    out.append(self._row(one, actor, now, how))
        kept = [
            row
            for row in out
            if (not state or row.state == state)
            and (not level or row.level == level)
            and (overdue is None or row.overdue == overdue)
            and (due_before is None or (row.due is not None and row.due < due_before))
            and (not mine or (bool(actor.unit) and row.waits_for == actor.unit))
        ]
        return sorted(sorted(kept, key=lambda row: row.enterprise), key=lambda row: row.period, reverse=True)

    def _months(self, found: Mapping[tuple[str, str], Return], now: datetime) -> set[str]:
        return {month for _, month in found} | set(room.months_until(now, self.tree.zone, _MONTHS))

    def _row(self, one: Return, actor: Actor, now: datetime, how: Sight) -> Row:
        unit = self.tree.units[one.enterprise]
        until = room.deadline(one, self.tree) if how is Sight.ALL else None
        waits = one.waits_for if how is Sight.ALL else ""
        last = one.latest
        return Row(
            one.enterprise,
            unit.zh,
            unit.en,
            unit.industry or "",
            unit.region or "",
            unit.size or "",
            one.period,
            one.state.value,
            waits,
            self.tree.units[waits].level.value if waits in self.tree.units else "",
            until,
            until is not None and until < now,
            how is Sight.ALL and last is not None and last.at > room.due(one.period, "enterprise", self.tree),
            last.number if last is not None else 0,
            last.by if last is not None else "",
            last.at if last is not None else None,
            one.published is not None,
            room.steps_for(actor, self.tree, one) if how is Sight.ALL else (),
        )

    def one(self, actor: Actor, enterprise: str, period: str, as_of: datetime | None = None) -> Return:
        """A return as far as a person may see it.

        Parameters
        ----------
        actor : who looks
        enterprise, period : which
        as_of : as it was known at this time

        Raises
        ------
        InputError : there is no such enterprise (`no_unit`), or no return that this person sees (`no_return`)
        NotAllowed : it is not theirs to see (`role`)
        """
        how = self._sight(actor, enterprise, period)
        found = self._whole(enterprise, period, as_of)
        seen = room.seen(found, how)
        if seen is None or (how is Sight.STATUS and self._held(actor.role, period)):
            raise InputError(
                f"no return of {enterprise} for {period} is published", fix="look again later", code="no_return"
            )
        return seen

    def held(self, actor: Actor, period: str) -> bool:
        """Whether a month is under embargo for those of this person's role who see no single returns."""
        return self._held(actor.role, period)

    def figures_for(self, actor: Actor, enterprise: str, period: str) -> None:
        """Refuse those who may not see the figures of a return: who is neither of the enterprise nor above it.

        Raises
        ------
        InputError : there is no such enterprise (`no_unit`) or month
        NotAllowed : they are not theirs to see (`role`)
        """
        if self._sight(actor, enterprise, period) is not Sight.ALL:
            raise NotAllowed(
                f'"{actor.name}" is {actor.role}; figures of single enterprises are not theirs to see',
                where=f"{enterprise}/{period}",
                fix="look at the roll-up, which tells groups of enterprises; or ask an admin for the role and the unit",
                code="role",
            )

    def row_of(self, one: Return, actor: Actor, now: datetime) -> Row:
        """The line in the list of a return that `one` or a step gave to this person."""
        return self._row(one, actor, now, self._sight(actor, one.enterprise, one.period))

    def _whole(self, enterprise: str, period: str, as_of: datetime | None = None) -> Return:
        return self.all(as_of).get((enterprise, period), Return(enterprise, period))

    def _sight(self, actor: Actor, enterprise: str, period: str) -> Sight:
        room.check_month(period)
        self.tree.enterprise(enterprise)
        how = room.sight(actor, self.tree, enterprise)
        if how is Sight.NOTHING:
            place = f" of {actor.unit}" if actor.unit else ""
            raise NotAllowed(
                f'"{actor.name}" is {actor.role}{place}; the returns of {enterprise} are not theirs to see',
                fix="ask an admin for the role and the unit",
                code="role",
            )
        return how

    def filled(self, actor: Actor, enterprise: str, period: str, as_of: datetime | None = None) -> Filled:
        """What the plant's journal fills of its own return: for those who report it, and admins.

        Parameters
        ----------
        actor : who looks
        enterprise, period : which return
        as_of : as the journal stood at this time

        Raises
        ------
        NotAllowed : for anybody else (`role`)
        InputError : the journal of this workspace is not that enterprise's (`not_own`)
        """
        room.check_month(period)
        self.tree.enterprise(enterprise)
        if not (actor.role == "admin" or (actor.role in ("reporter", "manager") and actor.unit == enterprise)):
            raise NotAllowed(
                f'"{actor.name}" is {actor.role}; what a journal fills is for those who report for {enterprise}',
                fix="ask for the return that was submitted",
                code="role",
            )
        if enterprise != self.own:
            raise InputError(
                f"this workspace holds no journal of {enterprise}",
                fix="name the enterprise in plant.yaml (enterprise: ...), or fill the form by hand",
                code="not_own",
            )
        return self.fill(period, as_of)

    def worklog(self, as_of: datetime | None = None) -> WorkLog:
        """Work of the plant as it is, or was, known; for this desk's own answers."""
        if as_of is None and self._log is not None:
            return self._log()
        return self.journal.worklog(zone=self.plant.zone, as_of=as_of)

    def fill(self, period: str, as_of: datetime | None = None) -> Filled:
        """The plant's return from its journal, whoever asks: for the command line, which holds the whole workspace."""
        room.check_month(period)

        def work() -> Filled:
            log = self.worklog(as_of)
            flows, accounts = self.journal.flows(as_of=as_of), self.journal.accounts(as_of=as_of)
            return room.fill_return(period, self.plant, log, flows, accounts)

        found: Filled = work() if as_of is not None else self._once("filled", work, period)
        return found

    def reminders(self, actor: Actor, now: datetime, *, months: Sequence[str] = (), soon_days: int = 3) -> list[Owed]:
        """What is owed, as far as it concerns a person: all of their subtree, for an admin all.

        Parameters
        ----------
        actor : who asks
        now : aware time
        months : of these months; else those with any step and the last three that have ended
        soon_days : days before the deadline from which on something is `soon`
        """
        found = self.all()
        wanted = sorted(room.check_month(month) for month in months) if months else sorted(self._months(found, now))
        return [
            one
            for one in room.owed(self.tree, found, wanted, now, soon_days=soon_days)
            if room.sight(actor, self.tree, one.enterprise) is Sight.ALL
        ]

    # --------------------------------------------------------------- acting

    def submit(
        self,
        actor: Actor,
        enterprise: str,
        period: str,
        values: Mapping[str, Any],
        notes: Mapping[str, str] | None = None,
        *,
        at: datetime,
        reason: str = "",
        expect: int | None = None,
    ) -> Return:
        """Submit a return, or correct it where it was refused or re-opened.

        Parameters
        ----------
        actor : who
        enterprise, period : which
        values : by item; a blank one needs a note
        notes : by item
        at : time now
        reason : what was corrected, and why; a correction needs it
        expect : steps that the person had seen; refused when there are more by now

        Raises
        ------
        NotAllowed : the role, the state or the time does not permit it
        FaultsFound : with every line that cannot be taken, or every hard rule that fails without a note saying why
        """
        from zhizao.app.returns_rules import check_lines, keep_rules

        one = self._looked_at(actor, enterprise, period, expect)
        correcting = one.state in (State.REFUSED, State.REOPENED)
        room.check("correct" if correcting else "submit", actor, self.tree, one)
        if room.bounds(period, self.tree.zone)[1] > at:
            raise NotAllowed(f"{period} has not ended yet", fix="submit when the month is over", code="too_early")
        told = {key: text.strip() for key, text in (notes or {}).items() if text.strip()}
        check_lines(values, told)
        whole: dict[str, float | None] = {
            key: None if values.get(key) is None else float(values[key]) + 0.0 for key in items()
        }
        keep_rules(self.tree.enterprise(enterprise), enterprise, period, whole, told)
        kind = room.Corrected if correcting else room.Submitted
        step = kind(
            by=actor,
            at=at,
            values=whole,
            notes=told,
            sources=self._sources(enterprise, period, whole),
            path=self.tree.path(enterprise),
            reason=reason.strip(),
        )
        return self._take(one, step)

    def _sources(self, enterprise: str, period: str, values: Mapping[str, float | None]) -> dict[str, dict[str, Any]]:
        """Where each value comes from: the events that give just this value, or a person."""
        if enterprise != self.own:
            return {}
        out: dict[str, dict[str, Any]] = {}
        for key, line in self.fill(period).lines.items():
            value = values.get(key)
            if value is None:
                continue
            if line.value is not None and abs(value - line.value) <= _SAME * max(abs(value), abs(line.value)):
                out[key] = line.source()
            else:
                out[key] = {"kinds": ["person"], "journal": line.value}
        return out

    def withdraw(
        self, actor: Actor, enterprise: str, period: str, *, at: datetime, reason: str = "", expect: int | None = None
    ) -> Return:
        """Take a return back that nobody has approved yet; see `submit` for the rest."""
        one = self._looked_at(actor, enterprise, period, expect)
        room.check("withdraw", actor, self.tree, one)
        return self._take(one, room.Withdrawn(by=actor, at=at, reason=reason.strip()))

    def refuse(
        self,
        actor: Actor,
        enterprise: str,
        period: str,
        *,
        at: datetime,
        lines: Mapping[str, str] | None = None,
        reason: str = "",
        expect: int | None = None,
    ) -> Return:
        """Send a return back, with a reason by line or for the whole; see `submit` for the rest.

        Raises
        ------
        InputError : a line is not an item of the return (`unknown_item`)
        """
        one = self._looked_at(actor, enterprise, period, expect)
        unit = room.check("refuse", actor, self.tree, one)
        told = {key: text.strip()[:500] for key, text in (lines or {}).items() if text.strip()}
        wrong = [key for key in told if key not in items()]
        if wrong:
            raise InputError(f'"{wrong[0][:60]}" is not an item of the return', fix="use its keys", code="unknown_item")
        step = room.Reviewed(by=actor, at=at, verdict="refused", unit=unit, lines=told, reason=reason.strip()[:2000])
        return self._take(one, step)

    def approve(
        self, actor: Actor, enterprise: str, period: str, *, at: datetime, reason: str = "", expect: int | None = None
    ) -> Return:
        """Approve a return for the level whose turn it is; see `submit` for the rest."""
        one = self._looked_at(actor, enterprise, period, expect)
        unit = room.check("approve", actor, self.tree, one)
        step = room.Reviewed(by=actor, at=at, verdict="approved", unit=unit, reason=reason.strip()[:2000])
        return self._take(one, step)

    def publish(self, actor: Actor, enterprise: str, period: str, *, at: datetime, expect: int | None = None) -> Return:
        """Publish a return that every level has approved; see `submit` for the rest."""
        one = self._looked_at(actor, enterprise, period, expect)
        room.check("publish", actor, self.tree, one)
        return self._take(one, room.Published(by=actor, at=at))

    def reopen(
        self, actor: Actor, enterprise: str, period: str, *, at: datetime, reason: str, expect: int | None = None
    ) -> Return:
        """Open an approved or published return again, with a reason; see `submit` for the rest."""
        one = self._looked_at(actor, enterprise, period, expect)
        room.check("reopen", actor, self.tree, one)
        return self._take(one, room.Reopened(by=actor, at=at, reason=reason.strip()[:2000]))

    def _looked_at(self, actor: Actor, enterprise: str, period: str, expect: int | None) -> Return:
        self.figures_for(actor, enterprise, period)
        one = self._whole(enterprise, period)
        if expect is not None and expect != len(one.history):
            raise NotAllowed(
                f"the return of {enterprise} for {period} has moved on since it was looked at",
                where=f"{enterprise}/{period}",
                fix="look at it again, then decide",
                code="moved_on",
            )
        return one

    def _take(self, one: Return, step: room.Step) -> Return:
        from zhizao.record.returns import record_step

        after, _ = room.advance(one, step)
        version = after.versions[-1].number if after.versions else 0
        record_step(
            self.journal,
            step.kind,
            one.enterprise,
            one.period,
            step=len(after.history),
            at=step.at,
            source=step.by.name,
            payload=room.payload_of(step, version),
        )
        return after

    # ---------------------------------------------------------------- forms

    def form(self, actor: Actor, enterprise: str, period: str, *, at: datetime, lang: str = "en") -> bytes:
        """The Excel form of a return: with the figures of the version that a person sees, else what the journal fills.

        Parameters
        ----------
        actor : who asks
        enterprise, period : which
        at : time now, that the file says it was made at
        lang : zh or en, of what is said about the journal

        Raises
        ------
        NotAllowed : the figures are not theirs to see (`role`)
        """
        self.figures_for(actor, enterprise, period)
        unit = self.tree.enterprise(enterprise)
        names = (unit.zh, unit.en)
        lines = None
        try:
            lines = self.filled(actor, enterprise, period).lines
        except (NotAllowed, InputError) as error:
            if error.fault.code not in ("role", "not_own"):
                raise
        one = self.one(actor, enterprise, period)
        last = one.latest
        if last is None:
            return room.write_form(enterprise, names, period, lines=lines, made_at=at, lang=lang)
        reasons = last.refusal.lines if last.refusal is not None else {}
        return room.write_form(
            enterprise,
            names,
            period,
            lines=lines,
            values=last.values,
            notes=last.notes,
            reasons=reasons,
            made_at=at,
            lang=lang,
        )

    def take_form(
        self,
        actor: Actor,
        data: bytes,
        *,
        at: datetime,
        name: str = "return.xlsx",
        enterprise: str = "",
        period: str = "",
        reason: str = "",
        expect: int | None = None,
    ) -> Return:
        """Submit, or correct, a return from a form that was filled in.

        Parameters
        ----------
        actor : who
        data : the .xlsx file
        at : time now
        name : of the file, for messages
        enterprise, period : what it has to be of; whatever the form says when empty
        reason, expect : see `submit`

        Raises
        ------
        InputError : it is the form of another return (`other_form`), or no form; FaultsFound with every fault by cell
        """
        form = room.read_form(data, name=name)
        for asked, told, word in ((enterprise, form.enterprise, "enterprise"), (period, form.period, "month")):
            if asked and asked != told:
                raise InputError(
                    f'the form is of {word} "{told[:60]}", asked for is "{asked}"',
                    where=name,
                    fix="send the form of this return",
                    code="other_form",
                )
        return self.submit(
            actor, form.enterprise, form.period, form.values, form.notes, at=at, reason=reason, expect=expect
        )


def _held_by(folder: Path) -> Callable[[str, str], bool]:
    """Which months the release calendar of a workspace holds back from a role, now."""
    from zhizao.app.releases import held_month
    from zhizao.clock import now

    return lambda role, month: held_month(folder, role, month, now())
