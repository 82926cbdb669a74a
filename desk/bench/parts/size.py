"""How large the layers are, unzipped (Lambda's limit is on that) and zipped (what is uploaded and fetched)."""

from __future__ import annotations

import zipfile
from pathlib import Path

from desk.bench.artefacts import Artefacts
from desk.bench.report import Part, Table, Target, number, ratio

MEGABYTE = 1_000_000
MOST_MEGABYTES = 28


def measure(artefacts: Artefacts, folder: Path) -> Part:
    """Adds up and packs each folder of layers once."""
    layers = {"ours": artefacts.ours, "native": artefacts.native}
    archive = folder / "packed.zip"
    sizes = {
        name: (sum(map(unzipped, paths)), sum(zipped(path, archive) for path in paths))
        for name, paths in layers.items()
    }
    return report(sizes)


def report(sizes: dict[str, tuple[int, int]]) -> Part:
    """The findings, from bytes (unzipped, zipped) by name: `ours`, `native` and others."""
    native = sizes["native"]
    rows = [
        [
            name,
            *(
                cell
                for place in (0, 1)
                for cell in (number(each[place] / MEGABYTE), ratio(each[place] / native[place]))
            ),
        ]
        for name, each in sizes.items()
    ]
    figures = {
        name: {"unzipped_bytes": each[0], "zipped_bytes": each[1], "unzipped_of_native": round(each[0] / native[0], 3)}
        for name, each in sizes.items()
    }
    return Part(
        "size",
        figures,
        [
            Table(
                "Layers: MB (millions of bytes), both together",
                ["", "unzipped", "of native", "zipped", "of native"],
                rows,
            )
        ],
        [Target("layers unzipped, MB", sizes["ours"][0] / MEGABYTE, MOST_MEGABYTES)],
    )


def unzipped(folder: Path) -> int:
    """Bytes of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def zipped(folder: Path, archive: Path) -> int:
    """Bytes of the archive that a deployment would upload."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, Path("python") / path.relative_to(folder))
    size = archive.stat().st_size
    archive.unlink()
    return size
