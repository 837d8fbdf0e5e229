"""How the command line speaks: one console, one shape of error, progress with remaining time, words in two languages."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from types import FrameType
from typing import NoReturn

from zhizao.errors import FaultsFound, ZhizaoError

__all__ = ["Lang", "Progress", "default_lang", "fail", "guard", "progress_bar", "say"]

Lang = str
Progress = Callable[[str, float], None]
"""Called with the name of the stage and the share of it that is done, 0..1."""

_MOST_FAULTS = 12
_LEFT = {"en": ", about {s:.0f} s left", "zh": "，约剩 {s:.0f} 秒"}
_STOPPED = "zhizao: stopped; what was recorded is kept, and running the command again goes on from there\n"


def default_lang() -> Lang:
    """`zh` where the environment speaks Chinese, else `en`."""
    for name in ("ZHIZAO_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def _lang_asked() -> Lang:
    """The language of the call: `--lang` where it is given, else that of the environment."""
    asked = [after for before, after in pairwise(sys.argv) if before == "--lang"]
    asked += [one.removeprefix("--lang=") for one in sys.argv if one.startswith("--lang=")]
    return asked[-1] if asked and asked[-1] in ("zh", "en") else default_lang()


def say(text: str = "") -> None:
    """One line to standard output."""
    sys.stdout.write(text + "\n")


def fail(error: ZhizaoError) -> NoReturn:
    """Print an error as what, where and fix, to standard error, and leave with its exit code."""
    fault, lang = error.fault, _lang_asked()
    what, fix, names = fault.what, fault.fix, ("where: ", "fix:   ")
    if lang == "zh":
        from zhizao.app.texts import Words

        what, fix = Words("zh").fault(fault.code, fault.what, fault.fix)
        names = ("位置：", "改法：")
    lines = [f"zhizao: {what}"]
    if fault.where:
        lines.append(f"  {names[0]}{fault.where}")
    if fix:
        lines.append(f"  {names[1]}{fix}")
    if isinstance(error, FaultsFound):
        lines.extend(f"  - {one}" for one in error.faults[:_MOST_FAULTS])
        if len(error.faults) > _MOST_FAULTS:
            lines.append(f"  ... and {len(error.faults) - _MOST_FAULTS} more")
    sys.stderr.write("\n".join(lines) + "\n")
    raise SystemExit(error.exit_code)


_TERMINATED = 128 + signal.SIGTERM


@contextmanager
def guard() -> Iterator[None]:
    """Turn every error that is raised on purpose into its message and exit code; Ctrl-C ends with 130, SIGTERM with 143.

    Whoever ends the program by SIGTERM (a service manager, a container) gets what Ctrl-C gives: workers seen off, no
    part of a file left behind.
    """
    asked = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise KeyboardInterrupt

    with contextlib.suppress(ValueError):  # not the main thread: left to who has it
        signal.signal(signal.SIGTERM, end)
    try:
        yield
    except ZhizaoError as error:
        fail(error)
    except KeyboardInterrupt:
        sys.stderr.write(_STOPPED)
        raise SystemExit(_TERMINATED if asked else 130) from None
    except SystemExit as leaving:
        if leaving.code == 130:  # the tree of commands turns Ctrl-C into this code without a word
            sys.stderr.write(_STOPPED)
            raise SystemExit(_TERMINATED if asked else 130) from None
        raise
    except MemoryError:
        fail(ZhizaoError("the machine ran out of memory", fix="use a shorter period or a larger machine"))
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(0) from None
    except Exception:
        if not asked:
            raise
        sys.stderr.write(_STOPPED)  # a worker was ended too, and its end was noticed first
        raise SystemExit(_TERMINATED) from None


@contextmanager
def progress_bar(*, quiet: bool = False, lang: Lang | None = None) -> Iterator[Progress]:
    """Progress with remaining time; a bar on a terminal, a line every ten seconds elsewhere, nothing under two seconds.

    Parameters
    ----------
    quiet : say nothing
    lang : zh or en; that of the environment when absent
    """
    lang = lang or default_lang()
    if quiet:
        yield lambda _stage, _share: None
        return
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        tasks: dict[str, TaskID] = {}
        with Bars(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        ) as bars:

            def show(stage: str, share: float) -> None:
                if stage not in tasks:
                    tasks[stage] = bars.add_task(_in_words(stage, lang), total=1.0)
                bars.update(tasks[stage], completed=min(max(share, 0.0), 1.0))

            yield show
        return
    began: dict[str, float] = {}
    last = [time.monotonic()]

    def line(stage: str, share: float) -> None:
        at = time.monotonic()
        start = began.setdefault(stage, at)
        if at - last[0] < 10:
            return
        last[0] = at
        left = _LEFT[lang].format(s=(at - start) * (1 - share) / share) if 0.02 < share < 1 else ""
        sys.stderr.write(f"{_in_words(stage, lang)}: {100 * share:.0f} %{left}\n")

    yield line


def _in_words(stage: str, lang: Lang) -> str:
    """Name of a stage in the reader's language; stages call themselves by English words."""
    if lang != "zh":
        return stage
    from zhizao.app.texts import Words

    name, _, turn = stage.partition(", round ")
    words = Words("zh").maybe(f"step.{name}", name)
    return f"{words}，第 {turn} 轮" if turn else words
