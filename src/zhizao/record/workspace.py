"""A workspace: the folder (or database) in which one plant's facts live, with what its user declared about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from zhizao.errors import InputError, ZhizaoError
from zhizao.model import Plant
from zhizao.record.journal import Journal
from zhizao.record.plantfile import read_plant
from zhizao.record.store import Store, open_store
from zhizao.record.whole import write_whole

__all__ = ["FACTS", "PLANT", "Workspace", "open_workspace", "recording"]

FACTS = "facts.db"
PLANT = "plant.yaml"


class Workspace:
    """Journal and plant of one place; close it, or use it in a `with` statement.

    Parameters
    ----------
    store : the database
    plant : what the user declared
    folder : where it lives; None for a database address
    """

    def __init__(self, store: Store, plant: Plant, folder: Path | None) -> None:
        self._store = store
        self.plant = plant
        self.folder = folder
        self.journal = Journal(store)

    @classmethod
    def open(
        cls, path: Path | str, *, plant: Path | str | None = None, create: bool = True, wait_s: float = 30.0
    ) -> Workspace:
        """Workspace in a folder, or at a database address such as `postgresql://user@host/plant`.

        Parameters
        ----------
        path : folder, made when it is absent, or address
        plant : file that declares the plant; `plant.yaml` in the folder when not given, nothing when that is absent
        create : make what is absent; without it, an absent journal is an error
        wait_s : seconds to wait for another process that is writing

        Raises
        ------
        InputError : the folder or database cannot be used, or the plant file has faults
        """
        folder = None if isinstance(path, str) and "://" in path else Path(path)
        if folder is None:
            declared = Plant() if plant is None else read_plant(Path(plant))
            return cls(open_store(str(path), create=create, wait_s=wait_s), declared, None)
        _usable(folder, create=create)
        file = folder / PLANT if plant is None else Path(plant)
        declared = Plant() if plant is None and not file.exists() else read_plant(file)
        return cls(open_store(folder / FACTS, create=create, wait_s=wait_s), declared, folder)

    def keep_plant(self, declared: Path) -> bool:
        """Keep the file that declares the plant in the folder, so that who opens it next sees the same plant.

        Parameters
        ----------
        declared : plant file, read already without faults

        Returns
        -------
        bool : whether the folder's own plant.yaml is new or has changed; False where there is no folder
        """
        if self.folder is None:
            return False
        text, kept = declared.read_bytes(), self.folder / PLANT
        if kept.exists() and kept.read_bytes() == text:
            return False
        write_whole(kept, text)
        return True

    def close(self) -> None:
        """Give up the database."""
        self._store.close()

    def __enter__(self) -> Workspace:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_workspace(
    path: Path | str, *, plant: Path | str | None = None, create: bool = True, wait_s: float = 30.0
) -> Workspace:
    """Same as `Workspace.open`."""
    return Workspace.open(path, plant=plant, create=create, wait_s=wait_s)


@contextmanager
def recording(path: Path | str) -> Iterator[Workspace]:
    """A workspace to record into; one made for it is taken away again when the records are refused
    before the first fact.

    Parameters
    ----------
    path : folder, made when it is absent, or address

    Raises
    ------
    InputError : as `Workspace.open`
    """
    folder = None if isinstance(path, str) and "://" in path else Path(path)
    there, kept = folder is None or folder.exists(), folder is None or (folder / FACTS).exists()
    empty = False
    try:
        with Workspace.open(path) as home:
            try:
                yield home
            except ZhizaoError:
                empty = not kept and not home.journal.events(limit=1) and not home.journal.account().height
                raise
    finally:
        if empty and folder is not None:
            for file in folder.glob(f"{FACTS}*"):
                file.unlink(missing_ok=True)
            if not there and not any(folder.iterdir()):
                folder.rmdir()


def _usable(folder: Path, *, create: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise InputError("a workspace is a folder, and this is a file", where=str(folder), code="not_a_folder")
    if not folder.exists():
        if not create:
            raise InputError("there is no workspace here", where=str(folder), code="no_journal")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"the folder cannot be made ({error.strerror})",
                where=str(folder),
                fix="choose a place where you may write",
                code="read_only",
            ) from error
