"""An evaluation as one HTML file: no script, nothing from another machine or file, light and dark, narrow and wide."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from src.errors import UnreadablePath
from src.files import write_atomically
from src.plain_files import begins_with
from src.processing.decoding.image_io import display_text
from src.processing.decoding.reader import PictureReader
from src.schema.lab import Evaluation, Measured
from src.services.lab import elsewhere, figures, words
from src.services.lab.figures import Pictures, text

MARK = "<!doctype html>\n<!-- Media Feature Extractor: report of labelled pictures -->\n"
"""How a report begins, by which one is known again and may be replaced by a newer one."""
STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1c2430, #e6e9ee); --soft: light-dark(#5b6675, #a3adba);
  --page: light-dark(#fff, #14181e); --line: light-dark(#d8dde4, #333b46); --one: light-dark(#1f6f54, #5cc79f);
  --two: light-dark(#b4552d, #e59a72); }
body { margin: 0 auto; max-width: 62rem; padding: 1.2rem 1rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; line-height: 1.25; } h2 { margin-top: 2.6rem; border-top: 1px solid var(--line);
  padding-top: 1.2rem; font-size: 1.3rem; } h3 { margin-top: 1.8rem; font-size: 1.05rem; }
p, ul { max-width: 44rem; } small, .soft { color: var(--soft); } small { display: block; font-size: .78rem; }
.answer { font-size: 1.15rem; border-left: 4px solid var(--one); padding-left: 1rem; }
.warning { border-left: 4px solid var(--two); padding-left: 1rem; }
.scroll { overflow-x: auto; max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; overflow-wrap: normal; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th[scope=row], thead th:first-child { text-align: left; font-weight: 600; }
thead th { vertical-align: bottom; color: var(--soft); font-weight: 500; }
.told th, .told td { white-space: normal; text-align: left; vertical-align: top; min-width: 14rem; }
.told thead th:nth-child(2), .told td:nth-child(2) { min-width: 0; } .told td:last-child { overflow-wrap: anywhere; }
.confusion th, .confusion td { padding: .2rem .35rem; font-size: .8rem; border: 0; }
.confusion td { min-width: 2rem; text-align: center; }
.confusion thead span { writing-mode: vertical-rl; transform: rotate(180deg); text-align: left; }
svg { display: block; width: 100%; max-width: 36rem; height: auto; } svg text { font-size: 12px; fill: var(--soft);
  text-anchor: middle; } svg .axis { stroke: var(--soft); fill: none; }
svg .same { fill: var(--one); fill-opacity: .45; stroke: var(--one); stroke-width: 1.5; }
svg .different { fill: var(--two); fill-opacity: .35; stroke: var(--two); stroke-width: 1.5; stroke-dasharray: 5 3; }
.key { display: inline-block; width: .9rem; height: .9rem; border-radius: 3px; vertical-align: -.1rem; }
.key.same { background: var(--one); } .key.different { background: var(--two); }
.scroll table:not(.told) th[scope=row] { position: sticky; left: 0; background: var(--page); }
meter { width: 6.5rem; }
@media (max-width: 30rem) { .classes meter { width: 3rem; } .classes th, .classes td { padding-inline: .3rem; }
  .told th, .told td { min-width: 9rem; } }
.classes thead th[colspan] { text-align: left; padding-left: .9rem; }
.pairs { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 1rem; }
figure { margin: 0; } .two { display: grid; grid-template-columns: 1fr 1fr; gap: 3px; }
.two img { width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--line); border-radius: 4px; }
""" + "".join(
    f".s{level} {{ background: color-mix(in srgb, var(--one) {level * 60 // figures.LEVELS}%, transparent); }}\n"
    for level in range(figures.LEVELS + 1)
)
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode("ascii")
POLICY = f"default-src 'none'; img-src data:; style-src 'sha256-{_HASH}'; base-uri 'none'; form-action 'none'"
MEANINGS = (
    ("knn", "how many pictures that are asked with get their class from a vote of the 10 nearest ones learned from"),
    ("linear probe", "how many get it from a logistic regression on the vectors learned from"),
    ("precision@k", "of the k pictures nearest to a picture, how many are of its class; over all pictures"),
    ("map", "mean average precision: how near the top a picture's own class is of all others in order of similarity"),
    ("r-precision", "the same of as many nearest pictures as its class has others"),
    ("silhouette", "from -1 to 1: over 0, pictures are nearer to their own class than to the next one (1 - cosine)"),
    ("auc", "how often a pair of one class is more similar than a pair of two classes"),
)


def check_place(place: Path) -> None:
    """Raise UnreadablePath where a report can't be written: nothing is replaced but an earlier report."""
    if not place.parent.is_dir():
        raise UnreadablePath(f"There is no folder {display_text(place.parent)} for the report.")
    if place.exists() and not begins_with(place, MARK.encode()):
        raise UnreadablePath(f"{display_text(place)} is there already, and is no report.", "Choose another name.")


def write(place: Path, done: Evaluation, reader: PictureReader) -> None:
    """Write the report, whole or not at all. Raises UnreadablePath."""
    check_place(place)
    try:
        with write_atomically(place, durable=False) as file:
            file.write(page(done, reader).encode())
    except OSError as error:
        raise UnreadablePath(f"The report {display_text(place)} can't be written ({error.strerror}).") from error


def page(done: Evaluation, reader: PictureReader) -> str:
    """The whole page. Pictures that are shown are read again."""
    pictures = Pictures(reader)
    title = f"{done.found.folder.name}: how well models tell its classes"
    return (
        f'{MARK}<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{text(title)}</title>'
        f"<style>{STYLE}</style></head><body><main><h1>{text(title)}</h1>{_beginning(done)}{_overview(done)}"
        f"{_elsewhere(done)}{''.join(_model(one, done, pictures) for one in done.models)}{_meanings()}"
        "</main></body></html>\n"
    )


def _beginning(done: Evaluation) -> str:
    about = f"{len(done.classes):,} pictures, {len(done.found.labels):,} classes; {words.split(done)}."
    answer = "".join(f'<p class="answer">{text(sentence)}</p>' for sentence in words.answer(done))
    warned = "".join(f'<p class="warning">{text(sentence)}</p>' for sentence in words.warnings(done))
    return f"<p>{text(about)}</p>{answer}{warned}"


def _overview(done: Evaluation) -> str:
    asked = max(1, int(done.asked.sum()))
    headings = (
        "model",
        "knn",
        "linear probe",
        "precision@1",
        "precision@10",
        "map",
        "r-precision",
        "silhouette",
        "auc",
    )
    rows = [
        (
            one.model, *(f"{number:.3f}" for number in (one.knn, one.linear_probe)),
            *(f"{number:.3f}" for number in (one.precision[1], one.precision[10], one.mean_average_precision)),
            *(f"{number:.3f}" for number in (one.r_precision, one.silhouette, one.auc)),
        )
        for one in done.models
    ]  # fmt: skip
    spread = max((one.knn * (1 - one.knn) / asked) ** 0.5 for one in done.models)
    note = (
        f"Of knn and the linear probe, differences below about {2.8 * spread:.3f} are chance: {asked:,} pictures were"
        " asked with. What the words mean stands at the end."
    )
    return (
        f"<h2>Models side by side</h2>{figures.table(headings, rows, range(1, 9))}<p>{text(note)}</p>"
        f"<p>{text(words.speed(done))}</p>"
    )


def _elsewhere(done: Evaluation) -> str:
    """What others measured on the same set; nothing where none is known."""
    if not done.published:
        return ""
    rows = "".join(
        f"<tr><th scope='row'>{text(one.what)}</th><td>{one.share:.3f}</td><td>{text(one.differs)}</td>"
        f"<td>{text(one.source)}</td></tr>"
        for one in done.published
    )
    heads = "".join(f"<th scope='col'>{head}</th>" for head in ("what", "right", "what differs", "where it stands"))
    asked = int(done.asked.sum())
    return (
        "<h3>What others measured</h3>"
        f"<p>{text(elsewhere.comparison(asked, len(done.asked) - asked))}</p>"
        '<div class="scroll" tabindex="0"><table class="told">'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _model(one: Measured, done: Evaluation, pictures: Pictures) -> str:
    names = [(picture.path, picture.name, picture.label) for picture in done.found.pictures]
    labels = done.found.labels
    about = f"{one.dimensions:,} numbers a picture. {words.about(one.model)}"
    return (
        f"<section><h2>{text(one.model)}</h2><p>{text(about)}</p>{_altered(one)}"
        f"<h3>How similar pictures of one class are, and of two</h3>{figures.distributions(one)}"
        f"<p>{text(words.distributions(one))}</p>"
        "<h3>Class by class, the worst first</h3><p>Of its pictures' 10 nearest ones, how many are of the class; of its"
        " pictures, how many the vote of the nearest finds; and how often that is right where it says this class.</p>"
        f"{figures.classes(one.by_class, labels)}"
        "<h3>Which class is taken for which</h3><p>A row is the class that is right, a column the one that the 10"
        f" nearest pictures vote for.</p>{figures.confusion(one.confusion, labels)}"
        "<h3>Of two classes, and yet alike</h3>"
        f"{figures.pairs(one.alike, names, pictures)}"
        "<h3>Unlike all others of their class</h3><p>Each beside the most similar one of its class.</p>"
        f"{figures.pairs(one.unlike, names, pictures)}</section>"
    )


def _altered(one: Measured) -> str:
    if not one.altered:
        return ""
    rows = [(way.how, f"{way.cosine:.3f}", f"{way.low:.3f}", f"{100 * way.found:.1f} %") for way in one.altered]
    headings = ("altered", "mean cosine", "95 % have more than", "found first")
    note = f"{one.altered[0].pictures:,} pictures, altered and then searched for among all."
    return f"<h3>Is an altered picture still found?</h3><p>{text(note)}</p>{figures.table(headings, rows)}"


def _meanings() -> str:
    lines = "".join(f"<li><b>{text(name)}</b>: {text(meaning)}</li>" for name, meaning in MEANINGS)
    return f"<h2>What the words mean</h2><p>Similar means a high cosine of two vectors.</p><ul>{lines}</ul>"
