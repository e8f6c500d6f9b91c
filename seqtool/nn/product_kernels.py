"""Products with a matrix that was packed once and is used at every time step.

BLAS packs its operands anew in every call, which for the small products of a recurrent step costs
as much as the product. Here the matrix is laid out in panels of 32 columns beforehand; a panel
times eight rows is one loop whose sums stay in registers.
"""

from __future__ import annotations

from seqtool.kernels import Floats, helper, kernel
from seqtool.kernels.instructions import (
    PANEL,
    add_tile_1x1,
    add_tile_1x4,
    add_tile_4x1,
    add_tile_8x1,
    add_tile_8x1_ahead,
)

BLOCK = 256  # rows of a panel that stay in the nearest cache while all tiles are multiplied


@kernel("void(f4[::1], i8, i8, f4[::1])")
def pack(matrix: Floats, depth: int, columns: int, packed: Floats) -> None:
    """Lay a matrix (depth, columns) out in panels: (panel, depth, PANEL), zeros at the end."""
    panels = (columns + PANEL - 1) // PANEL
    for p in range(panels):
        width = columns - p * PANEL
        width = PANEL if width > PANEL else width
        for k in range(depth):
            at = (p * depth + k) * PANEL
            begin = k * columns + p * PANEL
            for c in range(width):
                packed[at + c] = matrix[begin + c]
            for c in range(width, PANEL):
                packed[at + c] = 0


@kernel("void(f4[::1], i8, i8, f4[::1])")
def pack_transposed(matrix: Floats, columns: int, depth: int, packed: Floats) -> None:
    """`pack` of the transpose of a matrix (columns, depth)."""
    panels = (columns + PANEL - 1) // PANEL
    for p in range(panels):
        width = columns - p * PANEL
        width = PANEL if width > PANEL else width
        for k in range(depth):
            at = (p * depth + k) * PANEL
            for c in range(width):
                packed[at + c] = matrix[(p * PANEL + c) * depth + k]
            for c in range(width, PANEL):
                packed[at + c] = 0


@helper
def add_packed_row(
    left: Floats, at: int, depth: int, packed: Floats, first: int, panels: int, out: Floats, to: int
) -> None:
    """Add the product of one row and the packed matrix that begins at ``first`` to ``out``."""
    fours = panels - panels % 4
    for p in range(0, fours, 4):
        begin, place = first + p * depth * PANEL, to + p * PANEL
        add_tile_1x4(left, at, depth, packed, begin, out, place, panels * PANEL, depth)
    for p in range(fours, panels):
        begin, place = first + p * depth * PANEL, to + p * PANEL
        add_tile_1x1(left, at, depth, packed, begin, out, place, panels * PANEL, depth)


@helper
def add_packed_product(
    left: Floats, at: int, rows: int, depth: int, packed: Floats, panels: int, out: Floats, to: int
) -> None:
    """Add ``left @ packed`` to ``out``.

    ``left``: (rows, depth) from index ``at``; ``out``: (rows, panels * PANEL) from index ``to``.
    """
    width = panels * PANEL
    whole = rows - rows % 4
    for p in range(panels):
        place = to + p * PANEL
        for k in range(0, depth, BLOCK):
            steps = depth - k if depth - k < BLOCK else BLOCK
            begin, first = at + k, (p * depth + k) * PANEL
            if whole >= 8:
                add_tile_8x1_ahead(left, begin, depth, packed, first, out, place, width, steps)
            for row in range(8, whole - 4, 8):
                add_tile_8x1(
                    left, begin + row * depth, depth, packed, first, out, place + row * width,
                    width, steps,
                )  # fmt: skip
            if whole % 8:
                row = whole - 4
                add_tile_4x1(
                    left, begin + row * depth, depth, packed, first, out, place + row * width,
                    width, steps,
                )  # fmt: skip
    for row in range(whole, rows):
        add_packed_row(left, at + row * depth, depth, packed, 0, panels, out, to + row * width)


@kernel("void(f4[::1], i8, i8, f4[::1], i8, f4[::1])")
def add_product(
    left: Floats, rows: int, depth: int, packed: Floats, panels: int, out: Floats
) -> None:
    """`add_packed_product` of whole arrays."""
    add_packed_product(left, 0, rows, depth, packed, panels, out, 0)
