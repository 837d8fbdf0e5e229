"""Survey: parity with R survey and with the `svy` package, their time beside ours, and coverage of 200 drawn panels.

`svy` runs when this interpreter, or the one that `SVY_PYTHON` names, can import it; both sides then read the same
Parquet file and each estimate is timed in its own process, best of five, after reading. Parity is the largest relative
difference of estimates and standard errors, calibrated domains among them; speed is told only when it is below 1e-6.

Coverage: enterprises with skewed sizes by industry, region and size; panels of 30,000 of 400,000, new random numbers for
each, Neyman allocation; how often 95 % intervals hold the truth, pooled over domains.
`--panels 200 --units 400000` on the command line prints the whole table; `measure()` draws the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from benchmarks import Row, Skipped, shared
from zhizao.programme import survey

TYPES = {"E": 4421.0, "H": 755.0, "M": 1018.0}
API99 = 3914069.0


def population(units: int, seed: int = 1) -> dict[str, Any]:
    """Enterprises: industry, region, size, last year's revenue (on the frame), and what only a survey tells."""
    rng = np.random.default_rng(seed)
    weight = 1 / (np.arange(31) + 4.0) ** 0.7
    industry = rng.permutation(31)[rng.choice(31, units, p=weight / weight.sum())]
    weight = 1 / (np.arange(31) + 2.0)
    region = rng.choice(31, units, p=weight / weight.sum())
    of_industry, of_region = rng.normal(0, 0.4, 31)[industry], rng.normal(0, 0.3, 31)[region]
    employees = np.maximum(1, np.round(np.exp(rng.normal(3.9 + of_industry * 0.5, 1.25))))
    revenue = employees * np.exp(rng.normal(13.0 + of_industry + of_region, 0.7))
    size = np.select(
        [
            (employees >= 1000) & (revenue >= 4e8),
            (employees >= 300) & (revenue >= 2e7),
            (employees >= 20) & (revenue >= 3e6),
        ],
        ["L", "M", "S"],
        "X",
    )

    def chance(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    processes = rng.poisson(4 + 2 * np.log1p(employees)) + 1
    spends = rng.random(units) < chance(-3 + 0.5 * np.log(employees))
    return {
        "industry": industry,
        "region": region,
        "size": size,
        "known": revenue * np.exp(rng.normal(0, 0.25, units)),
        "revenue": revenue,
        "tools": (rng.random(units) < chance(-2.2 + 0.42 * np.log(employees) + of_industry)).astype(float),
        "nc": rng.binomial(processes, rng.beta(2, 3, units)) / processes,
        "rd": np.where(spends, revenue * np.exp(rng.normal(-4.2 + of_industry * 0.5, 0.7, units)), 0.0),
    }


def coverage(units: int, n: int, panels: int, progress: Callable[[str], None] = print) -> list[dict[str, Any]]:
    """Share of 95 % intervals that hold the truth, by estimate; domains are industries, pooled."""
    p = population(units)
    strata = survey.stratify([p["industry"], p["region"], p["size"]], take_all=(p["size"] == "L") * 1.0, pool=[1, 0, 2])
    allocation = survey.allocate(strata, n, spread=survey.moments(strata, p["known"]).spread[0])
    industry, size = survey.groups(p["industry"]), survey.groups(p["size"])

    def counts(found: survey.Groups) -> dict[str, float]:
        return dict(zip(found.labels, np.bincount(found.codes).astype(float).tolist(), strict=True))

    totals = {"industry": counts(industry), "size": counts(size), "known": float(p["known"].sum())}
    one = np.ones(units)
    pairs = {"total of R&D": (p["rd"], None), "total of revenue": (p["revenue"], None)}
    pairs |= {
        "total of R&D, skew": (p["rd"], None),
        "total of R&D, log": (p["rd"], None),
        "revenue, skew": (p["revenue"], None),
        "ratio, skew": (p["rd"], p["revenue"]),
        "ratio R&D/revenue": (p["rd"], p["revenue"]),
        "mean NC rate": (p["nc"], one),
        "share tools": (p["tools"], one),
    }
    truth: dict[tuple[str, bool], Any] = {}
    for name, (y, x) in pairs.items():
        for domain in (False, True):
            codes = industry.codes if domain else np.zeros(units, dtype=int)
            top = np.bincount(codes, weights=y)
            truth[name, domain] = top if x is None else top / np.bincount(codes, weights=x)
    hits: dict[tuple[str, bool, bool], list[Any]] = {}
    errors: dict[tuple[str, bool, bool], list[Any]] = {}
    rng = np.random.default_rng(7)
    for panel in range(panels):
        drawn = survey.draw(strata, allocation.n, rng.random(units))
        rows = drawn.rows
        at = {key: value[rows] for key, value in p.items()}
        design = survey.Design.of(drawn.weight, strata=drawn.stratum, fpc=strata.size[drawn.stratum])
        raked = survey.calibrate(design, survey.auxiliary(at, totals, rows=len(rows)), distance="raking")
        by = survey.Groups(industry.codes[rows], industry.labels)
        for calibrated, made in ((False, design), (True, raked)):
            for domain in (False, True):
                args = {"by": by if domain else None}
                found = {
                    "total of R&D": survey.total(made, at["rd"], **args),
                    "total of revenue": survey.total(made, at["revenue"], **args),
                    "ratio R&D/revenue": survey.ratio(made, at["rd"], at["revenue"], **args),
                    "mean NC rate": survey.mean(made, at["nc"], **args),
                    "share tools": survey.proportion(made, at["tools"], **args),
                    "total of R&D, skew": survey.total(made, at["rd"], interval="skew", **args),
                    "ratio, skew": survey.ratio(made, at["rd"], at["revenue"], interval="skew", **args),
                    "total of R&D, log": survey.total(made, at["rd"], interval="log", **args),
                    "revenue, skew": survey.total(made, at["revenue"], interval="skew", **args),
                }
                for name, got in found.items():
                    true = truth[name, domain]
                    hits.setdefault((name, domain, calibrated), []).append((got.low <= true) & (true <= got.high))
                    errors.setdefault((name, domain, calibrated), []).append(got.se / true)
        if (panel + 1) % 25 == 0:
            progress(f"{panel + 1} panels")
    rows_out = []
    for (name, domain, calibrated), got in hits.items():
        by_domain = np.mean(got, axis=0)
        rows_out.append(
            {
                "estimate": name,
                "domains": "31 industries" if domain else "all",
                "weights": "raked" if calibrated else "as drawn",
                "coverage": float(np.mean(got)),
                "lowest": float(by_domain.min()),
                "highest": float(by_domain.max()),
                "cv": float(np.mean(errors[name, domain, calibrated])),
            }
        )
    return rows_out


def generated(rows: int = 30_000) -> pl.DataFrame:
    """A sample with strata of 15, weights, calibration class and domain."""
    rng = np.random.default_rng(3)
    strata = np.arange(rows) // 15
    x = np.exp(rng.normal(2, 1, rows))
    return pl.DataFrame(
        {
            "stratum": [f"s{h:04d}" for h in strata],
            "psu": [f"p{k:05d}" for k in np.arange(rows) // 3],
            "w": rng.uniform(2, 30, rows // 15)[strata],
            "kind": rng.choice(["a", "b", "c"], rows),
            "domain": [f"d{k:02d}" for k in rng.integers(0, 31, rows)],
            "x": x,
            "y": 3 * x + rng.normal(0, 5, rows),
        }
    )


def kinds(frame: pl.DataFrame) -> dict[str, float]:
    """Totals to calibrate to: the sample's own, three percent more."""
    sums = frame.group_by("kind").agg(pl.col("w").sum() * 1.03).sort("kind")
    return {str(label): float(value) for label, value in sums.iter_rows()}


def _best(job: Callable[[], Any], times: int = 5) -> tuple[float, Any]:
    seconds = []
    found = None
    for _ in range(times):
        began = time.perf_counter()
        found = job()
        seconds.append(time.perf_counter() - began)
    return min(seconds), found


def ours(path: Path) -> dict[str, Any]:
    """Estimates, standard errors and seconds of each job, ours."""
    frame = pl.read_parquet(path)
    few = frame.head(450)
    lone = frame.filter((pl.col("stratum") != "s0000") | (pl.int_range(pl.len()) == 0)).head(300)
    x_total = float((frame["w"] * frame["x"]).sum()) * 1.05

    def plain(of: pl.DataFrame = frame, **kwargs: Any) -> survey.Design:
        return survey.Design.of(of["w"], strata=of["stratum"], **kwargs)

    def greg() -> survey.Estimates:
        known = survey.auxiliary(
            {"kind": frame["kind"], "x": frame["x"]}, {"kind": kinds(frame), "x": x_total}, rows=frame.height
        )
        return survey.total(survey.calibrate(plain(), known), frame["y"], by=frame["domain"])

    jobs: dict[str, Callable[[], survey.Estimates]] = {
        "mean": lambda: survey.mean(plain(), frame["y"]),
        "domain mean": lambda: survey.mean(plain(), frame["y"], by=frame["domain"]),
        "domain ratio": lambda: survey.ratio(plain(), frame["y"], frame["x"], by=frame["domain"]),
        "clustered domain total": lambda: survey.total(plain(clusters=frame["psu"]), frame["y"], by=frame["domain"]),
        "calibrated domain total": greg,
        "jackknife mean": lambda: survey.mean(survey.jackknife(plain(few, clusters=few["psu"])), few["y"]),
        "lonely, centred": lambda: survey.total(plain(lone, lonely="centred"), lone["y"]),
        "lonely, average": lambda: survey.total(plain(lone, lonely="average"), lone["y"]),
        "median": lambda: survey.quantile(plain(), frame["y"], 0.5, freedom="design"),
    }
    out: dict[str, Any] = {}
    for name, job in jobs.items():
        seconds, found = _best(job)
        rows = {d: [float(found.estimate[i]), float(found.se[i])] for i, d in enumerate(found.domains)}
        out[name] = {"seconds": seconds, "rows": rows}
    return out


def theirs(path: Path) -> dict[str, Any]:
    """The same from `svy`."""
    import svy

    frame = pl.read_parquet(path)
    few = frame.head(450)
    lone = frame.filter((pl.col("stratum") != "s0000") | (pl.int_range(pl.len()) == 0)).head(300)
    x_total = float((frame["w"] * frame["x"]).sum()) * 1.05

    def plain(of: pl.DataFrame = frame, **kwargs: Any) -> Any:
        return svy.Sample(of, svy.Design(stratum="stratum", wgt="w", **kwargs))

    def greg() -> Any:
        made = plain().weighting.calibrate(controls={svy.Cat("kind"): kinds(frame), "x": x_total})
        return made.estimation.total("y", by="domain")

    jobs: dict[str, Callable[[], Any]] = {
        "mean": lambda: plain().estimation.mean("y"),
        "domain mean": lambda: plain().estimation.mean("y", by="domain"),
        "domain ratio": lambda: plain().estimation.ratio(y="y", x="x", by="domain"),
        "clustered domain total": lambda: plain(psu="psu").estimation.total("y", by="domain"),
        "calibrated domain total": greg,
        "jackknife mean": lambda: (
            plain(few, psu="psu").weighting.create_jk_wgts(rep_prefix="r").estimation.mean("y", method="replication")
        ),
        "lonely, centred": lambda: plain(lone, singleton=svy.Singleton(method="center")).estimation.total("y"),
        "lonely, average": lambda: plain(lone, singleton=svy.Singleton(method="scale")).estimation.total("y"),
        "median": lambda: plain().estimation.quantile("y", p=0.5),
    }
    out: dict[str, Any] = {}
    for name, job in jobs.items():
        try:
            seconds, found = _best(job)
        except Exception as error:  # noqa: BLE001 - one job that the peer refuses leaves the others
            out[name] = {"error": f"{type(error).__name__}: {error}"[:200]}
            continue
        rows = {str(row.get("domain", "")): [row["est"], row["se"]] for row in found.to_polars().iter_rows(named=True)}
        out[name] = {"seconds": seconds, "rows": rows}
    return out


def school() -> tuple[pl.DataFrame, pl.DataFrame]:
    """R's stratified and clustered school samples, headings as both sides take them."""
    folder = shared("oracles", "survey_api")
    names = {"api.stu": "apistu", "sch.wide": "domain"}
    strat, clus = (
        pl.read_csv(folder / f"{name}.csv", null_values="NA").rename(names) for name in ("apistrat", "apiclus1")
    )
    return strat, clus


def school_ours() -> dict[str, dict[str, list[float]]]:
    """Estimates, standard errors and degrees of freedom by domain, ours."""
    s, c = school()
    strat = survey.Design.of(s["pw"], strata=s["stype"], fpc=s["fpc"])
    clus = survey.Design.of(c["pw"], clusters=c["dnum"], fpc=c["fpc"])
    known = survey.auxiliary(
        {"stype": s["stype"], "api99": s["api99"]}, {"stype": TYPES, "api99": API99}, rows=s.height
    )
    greg, post = survey.calibrate(strat, known), survey.post_stratify(clus, c["stype"], TYPES)
    found = {}
    for name, made, of in (
        ("apistrat", strat, s), ("apistrat calibrated", greg, s), ("apiclus1", clus, c), ("apiclus1 calibrated", post, c)
    ):  # fmt: skip
        args: dict[str, Any] = {"by": of["domain"], "freedom": "design"}
        found[f"{name}, domain mean"] = survey.mean(made, of["api00"], **args)
        found[f"{name}, domain total"] = survey.total(made, of["enroll"], **args)
        found[f"{name}, domain ratio"] = survey.ratio(made, of["apistu"], of["enroll"], **args)
    return {
        name: {d: [float(e.estimate[i]), float(e.se[i]), float(e.df[i])] for i, d in enumerate(e.domains)}
        for name, e in found.items()
    }


def school_theirs() -> dict[str, dict[str, list[float]]]:
    """The same from `svy`."""
    import svy

    s, c = school()
    strat = svy.Sample(s, svy.Design(stratum="stype", wgt="pw", pop_size="fpc"))
    clus = svy.Sample(c, svy.Design(psu="dnum", wgt="pw", pop_size="fpc"))
    greg = strat.weighting.calibrate(controls={svy.Cat("stype"): TYPES, "api99": API99})
    post = clus.weighting.calibrate(controls={svy.Cat("stype"): TYPES})
    out = {}
    for name, made in (
        ("apistrat", strat), ("apistrat calibrated", greg), ("apiclus1", clus), ("apiclus1 calibrated", post)
    ):  # fmt: skip
        for kind, got in (
            ("mean", made.estimation.mean("api00", by="domain")),
            ("total", made.estimation.total("enroll", by="domain")),
            ("ratio", made.estimation.ratio(y="apistu", x="enroll", by="domain")),
        ):
            rows = got.to_polars().iter_rows(named=True)
            out[f"{name}, domain {kind}"] = {row["domain"]: [row["est"], row["se"], row["df"]] for row in rows}
    return out


def school_gaps() -> dict[str, float]:
    """Largest relative difference from `svy` of estimate, standard error and degrees of freedom, by estimate.

    Raises
    ------
    Skipped : where no interpreter has the peer
    """
    there, here = _peer("--school"), school_ours()
    return {
        name: max(abs(a / b - 1) for d, row in rows.items() for a, b in zip(row, there[name][d], strict=True))
        for name, rows in here.items()
    }


def _peer(*arguments: str) -> Any:
    """What this module prints under an interpreter that has `svy`."""
    python = os.environ.get("SVY_PYTHON", sys.executable)
    path = (
        os.pathsep.join(one for one in sys.path if one)
        if python == sys.executable
        else os.environ.get("PYTHONPATH", "")
    )
    ran = subprocess.run(
        [python, "-m", "benchmarks.survey", *arguments],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}, check=False,
    )  # fmt: skip
    if ran.returncode:
        last = ran.stderr.strip().splitlines()[-1] if ran.stderr.strip() else "no word"
        raise Skipped(f"svy is absent ({last}): pip install svy, or name a Python that has it with SVY_PYTHON")
    return json.loads(ran.stdout)


def beside() -> list[dict[str, Any]]:
    """Each job: largest relative differences, and seconds of both.

    Raises
    ------
    Skipped : where no interpreter has the peer
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.parquet"
        generated().write_parquet(path)
        peer, mine = _peer("--theirs", str(path)), ours(path)
    table = []
    for name, here in mine.items():
        there = peer[name]
        if "error" in there:
            table.append({"job": name, "error": there["error"], "ours_s": here["seconds"]})
            continue
        gaps = [
            abs(a / b - 1)
            for domain, pair in here["rows"].items()
            for a, b in zip(pair, there["rows"][domain], strict=True)
        ]
        table.append({"job": name, "gap": max(gaps), "ours_s": here["seconds"], "svy_s": there["seconds"]})
    return table


def r_survey() -> float:
    """Largest relative difference from R survey's figures."""
    folder = shared("oracles", "survey_api")
    s = pl.read_csv(folder / "apistrat.csv", null_values="NA")
    strat = survey.Design.of(s["pw"], strata=s["stype"], fpc=s["fpc"])
    known = survey.auxiliary(
        {"stype": s["stype"], "api99": s["api99"]}, {"stype": TYPES, "api99": API99}, rows=s.height
    )
    greg = survey.calibrate(strat, known)
    found = {
        ("strat total api00", "api00"): survey.total(strat, s["api00"]),
        ("strat ratio api.stu/enroll", "ratio"): survey.ratio(strat, s["api.stu"], s["enroll"]),
        ("strat GREG(stype+api99) total api00", "api00"): survey.total(greg, s["api00"]),
        ("strat GREG domain total api00 by sch.wide", ""): survey.total(greg, s["api00"], by=s["sch.wide"]),
        ("strat domain mean api00 by stype", ""): survey.mean(strat, s["api00"], by=s["stype"]),
        ("strat JKn ratio", "ratio"): survey.ratio(survey.jackknife(strat), s["api.stu"], s["enroll"]),
    }
    reference = {(a, b): (c, d) for a, b, c, d in pl.read_csv(folder / "r_survey_reference.csv").iter_rows()}
    gaps = []
    for (design, term), got in found.items():
        for i, domain in enumerate(got.domains):
            estimate, se = reference[design, term or domain]
            gaps += [abs(got.estimate[i] / estimate - 1), abs(got.se[i] / se - 1)]
    return float(max(gaps))


def measure(panels: int = 200, units: int = 400_000, n: int = 30_000) -> list[Row]:
    """Rows of the result."""
    rows: list[Row] = [
        Row(name="survey: largest relative difference", ours=r_survey(), peer="R survey 4.1", peer_value=1e-6,
            unit="1", ratio=None, note="limit; every row of the reference is a test"),
    ]  # fmt: skip
    try:
        rows.append(
            Row(name="survey: largest relative difference on the school data", ours=max(school_gaps().values()),
                peer="svy", peer_value=1e-6, unit="1", ratio=None, note="limit; calibrated domains included")
        )  # fmt: skip
        for line in beside():
            if "error" in line:
                continue
            same = line["gap"] < 1e-6
            rows.append(
                Row(name=f"survey: {line['job']}, 30,000 rows in 2,000 strata", ours=line["ours_s"], peer="svy",
                    peer_value=line["svy_s"], unit="s", ratio=line["svy_s"] / line["ours_s"] if same else None,
                    note=f"largest relative difference {line['gap']:.1e}")
            )  # fmt: skip
    except Skipped as skipped:
        rows.append(
            Row(
                name="survey: beside svy",
                ours=0.0,
                peer="svy",
                peer_value=None,
                unit="s",
                ratio=None,
                note=str(skipped),
            )
        )
    for line in coverage(units, n, panels, progress=lambda _text: None):
        rows.append(
            Row(name=f"survey: coverage of 95 % intervals, {line['estimate']}, {line['domains']}, {line['weights']}",
                ours=line["coverage"], peer="nominal", peer_value=0.95, unit="1", ratio=None,
                note=f"{panels} panels of {n:,} from {units:,}; single domains {line['lowest']:.3f}..{line['highest']:.3f}")
        )  # fmt: skip
    return rows


def main() -> None:
    """Parity and coverage as tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theirs", type=Path)
    parser.add_argument("--school", action="store_true")
    parser.add_argument("--panels", type=int, default=0)
    parser.add_argument("--units", type=int, default=400_000)
    parser.add_argument("--n", type=int, default=30_000)
    asked = parser.parse_args()
    if asked.theirs:
        print(json.dumps(theirs(asked.theirs)))
        return
    if asked.school:
        print(json.dumps(school_theirs()))
        return
    if asked.panels:
        print(f"{'estimate':20s} {'domains':14s} {'weights':9s} coverage   lowest highest   mean CV")
        for row in coverage(asked.units, asked.n, asked.panels):
            print(
                f"{row['estimate']:20s} {row['domains']:14s} {row['weights']:9s} {row['coverage']:8.4f}"
                f" {row['lowest']:8.3f} {row['highest']:7.3f} {100 * row['cv']:8.2f} %"
            )
        return
    print(f"R survey, largest relative difference of estimates and standard errors: {r_survey():.1e}")
    try:
        for name, gap in school_gaps().items():
            print(f"svy, {name:34s} difference {gap:.1e}")
        lines = beside()
    except Skipped as skipped:
        print(skipped)
        return
    for row in lines:
        if "error" in row:
            print(f"{row['job']:26s} svy: {row['error']}")
        else:
            print(
                f"{row['job']:26s} difference {row['gap']:.1e}   ours {1e3 * row['ours_s']:8.2f} ms"
                f"   svy {1e3 * row['svy_s']:8.2f} ms   {row['svy_s'] / row['ours_s']:6.1f} x"
            )


if __name__ == "__main__":
    main()
