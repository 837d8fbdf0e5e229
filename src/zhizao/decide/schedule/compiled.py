"""The kernels through Numba, compiled when first needed and kept on disk.

`kernels`, `graph`, `tabu` and `anneal` hold plain functions. This is the only module that imports Numba; small problems never
come here, and a search that has little time left first asks `warm` whether a compiled kernel is already on disk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from zhizao.decide.schedule import kernels

__all__ = ["compiled", "warm"]


@cache
def _register() -> None:
    from numba.extending import register_jitable

    from zhizao.decide.schedule import anneal, graph

    for function in (*kernels.JITABLE, kernels.decode, kernels.cost, *graph.JITABLE, *anneal.JITABLE):
        register_jitable(function)


@cache
def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compiled form of a kernel, cached on disk, without the interpreter's lock.

    Parameters
    ----------
    function : a kernel of `kernels`, `tabu` or `anneal`
    """
    from numba import njit

    _register()
    fast: Any = njit(cache=True, nogil=True)(function)
    for stale in _on_disk(fast, function, fresh=False):
        stale.unlink(missing_ok=True)
    kernel: Callable[..., Any] = fast
    return kernel


def _on_disk(fast: Any, function: Callable[..., Any], *, fresh: bool) -> list[Path]:
    """Index files of a kernel on disk, newer than all kernel sources or not.

    Numba looks at the file of the kernel itself alone, so one that was compiled with an older helper has to be found here.
    """
    folder = Path(function.__code__.co_filename).parent
    try:
        newest = max((folder / f"{name}.py").stat().st_mtime for name in ("kernels", "graph", "tabu", "anneal"))
        name = f"{Path(function.__code__.co_filename).stem}.{function.__qualname__}-*.nbi"
        return [each for each in Path(fast.stats.cache_path).glob(name) if (each.stat().st_mtime >= newest) is fresh]
    except OSError:
        return []


def warm(function: Callable[..., Any]) -> bool:
    """Whether the compiled form of a kernel is loaded or lies on disk, so that nobody waits for a compiler."""
    fast: Any = compiled(function)
    if fast.signatures:
        return True
    return bool(_on_disk(fast, function, fresh=True))
