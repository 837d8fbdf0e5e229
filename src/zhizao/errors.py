"""Everything that zhizao raises on purpose.

ZhizaoError            base: what is wrong, where, how to mend it
|- InputError          the user's file, setting or argument is wrong (exit code 2)
|  `- FaultsFound      a whole file was read and its faults are shown together
|- NotTrusted          a model failed its own test, so no promise is made from it
|- NotAllowed          the state or the role does not permit this step
`- JournalBroken       stored facts do not match their hash chain
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Fault", "FaultsFound", "InputError", "JournalBroken", "NotAllowed", "NotTrusted", "ZhizaoError"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, in the shape that command line, API and pages all show.

    Parameters
    ----------
    what : what is wrong, with the value seen
    where : file, line, column or address; empty when there is no place to point to
    fix : what to do about it
    code : short stable name of the cause, for counting and for translation (`bad_date`)
    """

    what: str
    where: str = ""
    fix: str = ""
    code: str = "fault"

    def __str__(self) -> str:
        """One line: *where: what; fix*."""
        head = f"{self.where}: " if self.where else ""
        tail = f"; {self.fix}" if self.fix else ""
        return f"{head}{self.what}{tail}"


class ZhizaoError(Exception):
    """Base of all errors raised on purpose.

    >>> str(ZhizaoError('due "31/02" is not a date', where="orders.csv, line 41", fix="write it as 2025-02-28"))
    'orders.csv, line 41: due "31/02" is not a date; write it as 2025-02-28'
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", fix: str = "", code: str = "fault") -> None:
        self.fault = Fault(what=what, where=where, fix=fix, code=code)
        super().__init__(str(self.fault))

    def __reduce__(self) -> tuple[object, ...]:
        """As it crosses to another process: the whole state, whatever a subclass takes to be made."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[ZhizaoError], args: tuple[object, ...], state: dict[str, object]) -> ZhizaoError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class InputError(ZhizaoError):
    """The user's file, setting or argument is wrong; exit code 2."""

    exit_code = 2


class FaultsFound(InputError):
    """Several faults of one input, shown together."""

    def __init__(self, what: str, faults: Sequence[Fault], *, where: str = "", fix: str = "") -> None:
        super().__init__(what, where=where, fix=fix, code="faults_found")
        self.faults = tuple(faults)


class NotTrusted(ZhizaoError):
    """A model failed its own test on held-out records, so nothing is promised from it."""


class NotAllowed(ZhizaoError):
    """The state or the role does not permit this step."""

    exit_code = 2


class JournalBroken(ZhizaoError):
    """Stored facts do not match their hash chain."""

    exit_code = 3
