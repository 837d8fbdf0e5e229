"""Words in both languages, whole and alike."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from zhizao.app.access import ROLES
from zhizao.app.http.catalogue import TABLES
from zhizao.app.http.places import AREAS
from zhizao.app.texts import NBSP, TEXTS, Words
from zhizao.app.texts.files import in_words

PAGES = Path(__file__).parents[2] / "src" / "zhizao" / "app"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
RAISED = ("InputError", "FaultsFound", "NotAllowed", "ZhizaoError", "JournalBroken")


def test_both_languages_say_the_same_with_the_same_values() -> None:
    for key, (english, chinese) in TEXTS.items():
        assert english.strip(), key
        assert chinese.strip(), key
        assert sorted(re.findall(r"{\w+}", english)) == sorted(re.findall(r"{\w+}", chinese)), key
        assert key == "lang.zh" or not CHINESE.search(english), key


def test_chinese_has_chinese_punctuation() -> None:
    wrong = re.compile(r"[\u4e00-\u9fff][,;:?!(]|[,;?!)][\u4e00-\u9fff]")
    assert not {
        key: chinese
        for key, (_, chinese) in TEXTS.items()
        if not key.startswith(("cause.", "cure.")) and wrong.search(chinese)
    }


def test_a_comma_between_parts_is_chinese_too() -> None:
    assert not {key for key, (_, chinese) in TEXTS.items() if chinese.strip() in {",", ";", ":"}}


def refusals(files: Iterable[Path]) -> set[tuple[str, str, str]]:
    """What modules raise, as code, what and fix, each value in it a word."""
    said = set()
    for file in files:
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and getattr(call.func, "id", "") in RAISED and call.args:
                named = {key.arg: key.value for key in call.keywords}
                said.add((_written(named.get("code")), _written(call.args[0]), _written(named.get("fix"))))
    return said


def _written(one: ast.expr | None) -> str:
    parts = one.values if isinstance(one, ast.JoinedStr) else [one]
    if not all(isinstance(part, ast.Constant | ast.FormattedValue) for part in parts):
        return ""
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "7" for part in parts)


def left_in_english(told: tuple[str, str]) -> list[str]:
    return [one for one in told if re.search(r"[a-z]{2}", one) and not CHINESE.search(one)]


def test_everything_that_can_be_wrong_with_a_file_is_said_in_chinese() -> None:
    said = {one for told in refusals((PAGES.parent / "sense" / "files").glob("*.py")) for one in told[1:]}
    known = {"7its columns are: 7"}  # put together from known parts
    assert len(said) > 70
    assert not [one for one in said - known if left_in_english((in_words(one, "zh"), ""))]
    assert (
        in_words("the file has 12 bytes but unpacks to more than 900", "zh")
        == "文件只有 12 字节，解压后却超过 900 字节"
    )


def test_everything_that_a_page_can_refuse_is_said_in_chinese() -> None:
    rooms = [*PAGES.glob("*.py"), *PAGES.glob("http/**/*.py"), *PAGES.glob("pages/*.py")]
    rooms = [file for file in rooms if file.stem not in {"serve", "steps", "survey_steps", "facts"}]  # of commands
    rooms += (PAGES.parent / "programme" / "returns").glob("*.py")
    rooms += [PAGES.parent / "programme" / "outlook" / f"{name}.py" for name in ("adjust", "values")]
    rooms += [PAGES.parent / "record" / "store.py", PAGES.parent / "pilot" / "run.py"]
    said = refusals(rooms)
    # addressed to who writes a program, or says a command
    programs = ("POST ", "write {", "write sort=", "upload a table, then POST", "pip install", "run `zhizao")
    assert len(said) > 120
    assert not [
        one
        for told in sorted(said)
        for one in left_in_english(Words("zh").fault(*told))
        if not one.startswith(programs)
    ]
    assert in_words('"bad" is not a day', "zh") == "“bad”不是日期"


def test_every_key_that_a_page_asks_for_is_there() -> None:
    asked = set()
    for file in PAGES.rglob("*.py"):
        asked |= {(file.name, key) for key in re.findall(r"""\bt\(\s*["']([\w.\- ]+)["']""", file.read_text("utf-8"))}
    assert len(asked) > 200
    assert not [one for one in sorted(asked) if one[1] not in TEXTS]


def test_every_column_page_and_role_has_words() -> None:
    keys = [f"col.{column.key}" for table in TABLES.values() for column in table.columns]
    keys += [f"nav.{page[0]}" for _, pages in AREAS for page in pages]
    keys += [f"role.{role}" for role in ROLES] + [f"role.{role}.may" for role in ROLES]
    keys += [f"table.{name}" for name in TABLES]
    assert not [key for key in keys if key not in TEXTS]


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.004, "14.4 s"), (0.5, "30.0 min"), (36.0, "36.0 h"), (240.0, "10.0 d"), (None, "–")],
)
def test_a_duration_is_said_in_the_unit_that_a_person_would_use(value: float | None, said: str) -> None:
    assert Words("en").hours(value).replace(NBSP, " ") == said


@pytest.mark.parametrize(
    ("value", "said"), [(1234567.0, "1,230,000"), (0.01234, "0.0123"), (-2.5, "−2.50"), (0.0, "0"), (float("nan"), "–")]
)
def test_a_number_has_three_digits_that_matter(value: float, said: str) -> None:
    assert Words("en").number(value) == said


def test_a_time_is_in_the_plants_zone() -> None:
    assert Words("zh", "Asia/Shanghai").time("2025-01-06T18:30:00+00:00") == "2025-01-07 02:30"
