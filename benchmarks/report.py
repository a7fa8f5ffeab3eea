"""The figures as a table and as pictures, for the documentation."""

from __future__ import annotations

from pathlib import Path

from matplotlib import pyplot

from .__main__ import CASES, CLIENTS, UNITS, goals

pyplot.switch_backend("svg")
pyplot.rcParams["svg.fonttype"] = "none"  # text stays text
pyplot.rcParams["svg.hashsalt"] = "aioami"  # the same figures make the same file

NAMES = {
    "aioami_uvloop": "aioami on uvloop",
    "asterisk_ami": "asterisk-ami",
    "bare_asyncio": "bare asyncio",
    "floor": "the floor",
}
COLOURS = {"aioami": "#1b6ca8", "aioami_uvloop": "#6fa8d0", "bare_asyncio": "#9a9a9a", "floor": "#9a9a9a"}
PICTURES = {
    "events": ("fields", "fields-real", "headers", "headers-real", "name", "predicate"),
    "actions": ("ping", "at-once", "logins"),
    "memory": ("list-100k-memory", "stream-100k-memory", "slow", "connections-200"),
}


def write(folder: Path, medians: dict[str, dict[str, float]], machine: str) -> None:
    """Write `benchmark.md`, `goals.md` and a picture for each group of cases into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "benchmark.md").write_text(table(medians) + f"\n{machine}\n")
    rows = [
        f"| {goal} | {limit:.3g} | {reached:.3g} | {'yes' if reached <= limit else '**no**'} |"
        for goal, limit, reached in goals(medians)
    ]
    (folder / "goals.md").write_text(
        "\n".join(["| aioami needs | at most | measured | reached |", "|---" * 4 + "|", *rows, ""])
    )
    for name, cases in PICTURES.items():
        shown = [case for case in cases if medians.get(case)]
        if shown:
            picture(folder / f"benchmark-{name}.svg", {case: medians[case] for case in shown})


def table(medians: dict[str, dict[str, float]]) -> str:
    """A row for each case, a column for each client; in brackets how much aioami needs of it."""
    rows = ["| case | unit | " + " | ".join(NAMES.get(each, each) for each in CLIENTS) + " |"]
    rows.append("|---" * (len(CLIENTS) + 2) + "|")
    for case, values in medians.items():
        own = values.get("aioami")
        cells = []
        for client in CLIENTS:
            value = values.get(client)
            if value is None:
                cells.append("")
            elif client == "aioami" or not own or not value:
                cells.append(f"{value:.4g}")
            else:
                cells.append(f"{value:.4g} ({own / value:.2f})")
        rows.append(f"| {CASES[case].title} | {UNITS[CASES[case].unit]} | " + " | ".join(cells) + " |")
    return "\n".join(rows) + "\n"


def picture(path: Path, medians: dict[str, dict[str, float]]) -> None:
    """Bars for each case, one below the other."""
    figure, axes = pyplot.subplots(len(medians), 1, figsize=(8, 1.6 * len(medians)), squeeze=False)
    for axis, (case, values) in zip(axes[:, 0], medians.items(), strict=True):
        clients = [each for each in CLIENTS if each in values]
        colours = [COLOURS.get(each, "#d9a441") for each in clients]
        bars = axis.barh([NAMES.get(each, each) for each in clients], [values[each] for each in clients], color=colours)
        axis.bar_label(bars, fmt="%.3g", padding=3, fontsize=8)
        axis.set_title(f"{CASES[case].title} ({UNITS[CASES[case].unit]}, less is better)", fontsize=9, loc="left")
        axis.invert_yaxis()
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
        axis.margins(x=0.12)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
