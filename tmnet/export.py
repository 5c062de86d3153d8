"""A comparison as files: a figure for each metric, and tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from tmnet.analysis.alignment import Alignment
from tmnet.analysis.metrics import Metric
from tmnet.arguments import a_path, a_text
from tmnet.drawing import Order, styled
from tmnet.figures import check_looks, plot_grid, plot_panels, plot_profile, plot_survival
from tmnet.figures.scales import check_scales
from tmnet.files import (
    FIGURE_FORMATS,
    TABLE_FORMATS,
    check_folder,
    check_formats,
    check_prefix,
    file_name,
    fitted,
    make_directory,
    write_output,
)
from tmnet.progress import progress_bar
from tmnet.tables import csv_text, document, tables

MOST_TEX_ROWS = 40  # of a table on a page of LaTeX; some grid points are left out


def export(
    comparison: Alignment,
    directory: str | Path,
    *,
    prefix: str,
    formats: Iterable[str] = ("png", "svg"),
    dpi: float = 200,
    order: Order | None = None,
    width: str = "page",
    scales: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Path]:
    """Write a figure for each metric, and tables.

    Parameters
    ----------
    comparison : Alignment
    directory : str or Path
        Is made if need be.
    prefix : str
        File names are ``<prefix>_A01_best.png`` for ``A01/eval/best``,
        ``<prefix>_A01_explo_best.png`` for ``A01/explo/best``, ``<prefix>_loss.png``; of a
        comparison by step they end in ``_by_step``. Signs that some system refuses are ``_`` in
        them, and what is too long is shortened.
    formats : iterable of str
        Of figures: png, svg, pdf, jpg; of the table of all values: csv (see
        `tmnet.tables.csv_text`), md (Markdown), tex (with captions, of at most 40 grid points).
    dpi : float
    order : sequence of str or mapping of str to str, optional
    width : {"page", "column"}
    scales : mapping, optional
        As for `plot_grid`.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    TmnetError
        If a format is unknown, the prefix leads to another folder, or the files cannot be written.
    """
    formats = check_formats(formats)
    order, dpi = check_looks(comparison, order, dpi, width)
    check_scales(comparison, scales)  # before anything is written
    prefix, directory = a_text("prefix", prefix), a_path("directory", directory)
    check_prefix(prefix)
    check_folder(directory)
    make_directory(directory)
    suffix = "" if comparison.axis.is_time else f"_by_{file_name(comparison.axis.by)}"
    written, kinds = [], [kind for kind in FIGURE_FORMATS if kind in formats]
    names = dict(zip(comparison.metrics, _names_of_files(comparison.metrics)))
    for metric, name in progress_bar(names.items(), desc="Exporting", unit="metric"):
        if kinds:
            figure = plot_grid(comparison, [metric.name], order=order, width=width, scales=scales)
            written += _save_figure(
                figure, directory / fitted(f"{prefix}_{name}{suffix}"), kinds, dpi
            )
    for kind in TABLE_FORMATS:
        if kind in formats:
            path = directory / f"{fitted(f'{prefix}_table{suffix}')}.{kind}"
            if kind == "csv":
                text = csv_text(comparison.frame)
            else:
                rows = MOST_TEX_ROWS if kind == "tex" else None
                text = document(tables(comparison, rows), kind) + "\n"
            write_output(path, lambda file, t=text: file.write(t.encode()))
            written.append(path)
    return written


def export_figure(
    figure: Figure, directory: Path, name: str, *, prefix: str, kinds: Sequence[str],
    dpi: float = 200,
) -> list[Path]:  # fmt: skip
    """Write a figure in several formats, beside those of `export`: ``<prefix>_<name>.png``."""
    return _save_figure(figure, directory / fitted(f"{check_prefix(prefix)}_{name}"), kinds, dpi)


def export_profile(
    comparison: Alignment, name: str, directory: Path, *, prefix: str, kinds: Sequence[str],
    order: Order, width: str, dpi: float = 200,
) -> list[Path]:  # fmt: skip
    """Write the figure of `plot_profile`: ``…_A01_best_profile.png``."""
    figure = plot_profile(comparison, name, order=order, width=width)
    (base,) = _names_of_files(comparison.only([name]).metrics)
    return export_figure(figure, directory, f"{base}_profile", prefix=prefix, kinds=kinds, dpi=dpi)


def export_panels(
    comparisons: Sequence[Alignment], name: str, directory: Path, *, prefix: str,
    kinds: Sequence[str], order: Order, width: str, dpi: float = 200,
) -> list[Path]:  # fmt: skip
    """Write the figure of `plot_panels`: ``…_A01_finish_rate_by_time_and_step.png``."""
    figure = plot_panels(comparisons, name, order=order, width=width)
    (base,) = _names_of_files(comparisons[0].only([name]).metrics)
    axes = "_and_".join(file_name(comparison.axis.by) for comparison in comparisons)
    return export_figure(
        figure, directory, f"{base}_by_{axes}", prefix=prefix, kinds=kinds, dpi=dpi
    )


def export_survival(
    comparison: Alignment, name: str, directory: Path, *, prefix: str, kinds: Sequence[str],
    order: Order, width: str, level: float | None = None, dpi: float = 200,
) -> list[Path]:  # fmt: skip
    """Write the figure of `plot_survival`: ``…_A01_first_finish_survival.png``."""
    figure = plot_survival(comparison, name, level=level, order=order, width=width)
    (base,) = _names_of_files(comparison.only([name]).metrics)
    suffix = "" if comparison.axis.is_time else f"_by_{file_name(comparison.axis.by)}"
    return export_figure(
        figure, directory, f"{base}_survival{suffix}", prefix=prefix, kinds=kinds, dpi=dpi
    )


def _save_figure(figure: Figure, path: Path, kinds: Sequence[str], dpi: float) -> list[Path]:
    """Write a figure in several formats; the path lacks their endings."""
    written = []
    for kind in kinds:
        # Without dates, so that the same figure is the same file.
        metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
        options = {"format": kind, "dpi": dpi, "metadata": metadata}
        with styled(**{"svg.hashsalt": "tmnet"}):
            file = path.with_name(f"{path.name}.{kind}")
            write_output(file, lambda out, options=options: figure.savefig(out, **options))
        written.append(file)
    return written


def _names_of_files(metrics: Sequence[Metric]) -> list[str]:
    names = []
    lone = [group for group in ("avg_q",) if sum(m.name.startswith(group) for m in metrics) == 1]
    for metric in metrics:
        if metric.races:
            kind = "" if metric.races.kind == "eval" else f"_{metric.races.kind}"
            name = f"{metric.races.map}{kind}_{metric.name.rpartition('/')[2]}"
        else:
            group = metric.name.partition("/")[0]
            name = group if group in lone else metric.name
        name = base = file_name(name)
        number = 1
        while name.casefold() in map(str.casefold, names):  # one file on Windows and macOS
            number += 1
            name = f"{base}_{number}"
        names.append(name)
    return names
