"""Reports: a study's question, what its runs show, and how surely, as a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tmnet.export import export
from tmnet.files import (
    TABLE_FORMATS,
    check_formats,
    check_output,
    fitted,
    make_directory,
    write_output,
)
from tmnet.logs.find import load_run
from tmnet.logs.run import Run
from tmnet.progress import progress_bar
from tmnet.report.blocks import Block, Table
from tmnet.report.compared import Compared, compared, subjects_of
from tmnet.report.page import write_page
from tmnet.report.pictures import SHOWN, Pictures
from tmnet.report.sections import sections
from tmnet.report.study import Study
from tmnet.tables import document


def report(
    study: Study,
    *,
    logdir: str | Path,
    directory: str | Path,
    name: str = "report",
    styles: Iterable[str] = ("html",),
    formats: Iterable[str] = ("png",),
    commands: Sequence[str] = (),
    words: Mapping[str, str] | None = None,
    cache: bool = True,
    width: str = "page",
    loaded: Mapping[str, Run] | None = None,
) -> list[Path]:
    """Write a study up.

    Parameters
    ----------
    study : Study
    logdir : str or Path
        Where its runs are.
    directory : str or Path
        For the page, its figures and its tables; is made if need be.
    name : str
        Of the page's file.
    styles : iterable of {"md", "rst", "html"}
        What HTML folds is in an appendix of the others, ``<name>_appendix.md``.
    formats : iterable of str
        Of figures and tables, as for `export`; the page shows the first that it can.
    commands : sequence of str
        That make it again, for its last section.
    words : dict, optional
        The author's words in Markdown, by the key of their place; of others, what is in a page that
        is there already stays.
    cache : bool
        As for `load_run`.
    width : {"page", "column"}
        Of the figures.
    loaded : mapping of str to Run, optional
        Its runs by their names, if they are there already: they are not read again.

    Returns
    -------
    list of Path
        Pages first; then appendices, figures with a file of their captions, and tables.

    Raises
    ------
    TmnetError
        If the study does not fit the runs, or a file cannot be written.
    """
    formats = check_formats(formats)
    if not set(formats) & set(SHOWN):
        formats = ["png", *formats]
    directory = Path(directory)
    pages = [directory / f"{name}.{style}" for style in styles]
    for path in pages:
        check_output(path)  # before anything is computed
    with progress_bar(total=7, desc="Writing", unit="step") as bar:
        runs = study_runs(study, loaded) if loaded else load_study_runs(study, logdir, cache)
        make_directory(directory)
        bar.update()
        main, closer = compare_study(study, runs)
        bar.total = 5 + len(main.by)
        bar.update()
        pictures = Pictures(directory, study.prefix, formats, width, study.order)
        blocks = sections(study, runs, main, closer, pictures, commands, bar.update)
        others = []
        for path in pages:
            others += write_page(path, blocks, words)[1:]
        pictures.write_captions()
        others += pictures.written + _tables(study, main, blocks, directory, formats)
        bar.update()
    return pages + others


def load_study_runs(study: Study, logdir: str | Path, cache: bool = True) -> dict[str, Run]:
    """The runs of a study, by their short names."""
    names = study.run_names()
    return study_runs(study, {name: load_run(name, logdir, cache=cache) for name in names})


def study_runs(study: Study, loaded: Mapping[str, Run]) -> dict[str, Run]:
    """As `load_study_runs`, of runs that are loaded."""
    short = {name: study.short(name) for name in study.run_names()}
    return {called: loaded[name].called(called) for name, called in short.items()}


def compare_study(study: Study, runs: Mapping[str, Run]) -> tuple[Compared, Compared | None]:
    """All runs of a study, and those that are looked at closer, if there are any."""
    others = study.arms or {*study.runs} > {*study.closer}  # or it would be all of it again
    pair = [runs[study.short(name)] for name in study.closer if others]
    own = replace(study, window=None, step_window=None)
    closer = compared(own, pair, study.after) if pair else None
    return compared(study, subjects_of(study, runs), None if closer else study.after), closer


def _tables(
    study: Study, main: Compared, blocks: Sequence[Block], directory: Path, formats: Sequence[str]
) -> list[Path]:
    """All values as tables, and for LaTeX those of the page."""
    kinds, written = [kind for kind in TABLE_FORMATS if kind in formats], []
    for comparison in main.by.values() if kinds else ():
        written += export(comparison, directory, prefix=study.prefix, formats=kinds)
    if "tex" in formats:
        path = directory / f"{fitted(f'{study.prefix}_findings')}.tex"
        tables = [(block.title, block.frame) for block in blocks if isinstance(block, Table)]
        text = document(tables, "tex") + "\n"
        write_output(path, lambda file: file.write(text.encode()))
        written.append(path)
    return written
