"""The compiled forms of `seqtool.kernels.instructions`, which say what they do."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from seqtool.kernels.instructions import PANEL

_READ, _DATA = 0, 1
_NEAREST, _NEAR = 3, 2  # the cache of the first level, or of the second


def _prefetch(builder: Any, place: Any, level: int) -> None:
    number = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, number, number, number])
    insert: Any = cgutils.get_or_insert_function
    function = insert(builder.module, kind, "llvm.prefetch.p0")
    place = builder.bitcast(place, cgutils.voidptr_t)
    builder.call(function, [place, number(_READ), number(level), number(_DATA)])


@intrinsic
def prefetch(_typing: Any, array: Any, index: Any) -> Any:
    """Fetch memory that is needed soon."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(array)(context, builder, arguments[0]).data
        _prefetch(builder, builder.gep(data, [arguments[1]]), _NEAREST)
        return context.get_dummy_value()

    return types.void(array, index), generate


_FLOAT = ir.FloatType()
_INT = ir.IntType(32)
_LANES = 16  # floats in the widest register; narrower machines take two or four for one
_EXPONENT_BIAS, _MANTISSA_BITS = 127, 23


@intrinsic
def nearest(_typing: Any, x: Any) -> Any:
    """Rounding to an integer."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(_FLOAT, [_FLOAT])
        insert: Any = cgutils.get_or_insert_function
        return builder.call(insert(builder.module, kind, "llvm.rint.f32"), arguments)

    return types.float32(types.float32), generate


@intrinsic
def power_of_two(_typing: Any, n: Any) -> Any:
    """The exponent of a float, made from an integer."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        exponent = builder.add(builder.fptosi(arguments[0], _INT), _INT(_EXPONENT_BIAS))
        return builder.bitcast(builder.shl(exponent, _INT(_MANTISSA_BITS)), _FLOAT)

    return types.float32(types.float32), generate


def _pointer(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    """The address of ``array[index]``."""
    return builder.gep(context.make_array(kind)(context, builder, array).data, [index])


class _Tile:
    """The product of a few rows and panels, whose sums stay in registers."""

    vector = ir.VectorType(_FLOAT, _LANES)
    narrow = ir.VectorType(ir.HalfType(), _LANES)

    def __init__(self, rows: int, panels: int, half: bool, ahead: bool) -> None:
        self.rows, self.panels, self.half, self.ahead = rows, panels, half, ahead

    def load(self, builder: Any, pointer: Any) -> Any:
        """A register full of float32."""
        numbers = builder.load(builder.bitcast(pointer, self.vector.as_pointer()))
        numbers.align = 4
        return numbers

    def load_panel(self, builder: Any, pointer: Any) -> Any:
        """A register full of the packed matrix."""
        if not self.half:
            return self.load(builder, pointer)
        numbers = builder.load(builder.bitcast(pointer, self.narrow.as_pointer()))
        numbers.align = 2
        return builder.fpext(numbers, self.vector)

    def spread(self, builder: Any, number: Any) -> Any:
        """A register full of one number."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = builder.insert_element(nothing, number, _INT(0))
        every = ir.Constant(ir.VectorType(_INT, _LANES), [0] * _LANES)
        return builder.shuffle_vector(first, nothing, every)

    def add_products(
        self, builder: Any, left: Any, stride: Any, panels: list[Any], sums: list[Any], k: Any
    ) -> list[Any]:
        """One step of the sums: the outer product of a column of left and a row of the panels."""
        size = k.type
        row = builder.mul(k, size(PANEL))
        right = [
            self.load_panel(builder, builder.gep(panel, [builder.add(row, size(lane))]))
            for panel in panels
            for lane in range(0, PANEL, _LANES)
        ]
        after = []
        for r in range(self.rows):
            place = builder.gep(left, [builder.add(builder.mul(stride, size(r)), k)])
            factor = self.spread(builder, builder.load(place))
            for i, numbers in enumerate(right):
                product = builder.fmul(factor, numbers, flags=("contract",))
                before = sums[r * len(right) + i]
                after.append(builder.fadd(before, product, flags=("contract",)))
        return after

    def prefetch_next(self, builder: Any, panel: Any, k: Any, depth: Any) -> None:
        """Fetch row k of the panel behind this one into the second-level cache."""
        begin = builder.mul(builder.add(depth, k), k.type(PANEL))
        for lane in range(0, PANEL, _LANES):
            place = builder.gep(panel, [builder.add(begin, k.type(lane))])
            _prefetch(builder, place, _NEAR)

    def loop(
        self, builder: Any, left: Any, stride: Any, panels: list[Any], begin: list[Any], depth: Any
    ) -> list[Any]:
        """All steps; returns the sums, and leaves the builder behind the loop."""
        before = builder.block
        loop, end = builder.append_basic_block("loop"), builder.append_basic_block("end")
        builder.cbranch(builder.icmp_signed(">", depth, depth.type(0)), loop, end)
        builder.position_at_end(loop)
        k = builder.phi(depth.type)
        sums = [builder.phi(self.vector) for _ in begin]
        if self.ahead:
            self.prefetch_next(builder, panels[-1], k, depth)
        after = self.add_products(builder, left, stride, panels, sums, k)
        following = builder.add(k, depth.type(1))
        k.add_incoming(depth.type(0), before)
        k.add_incoming(following, loop)
        for total, start, added in zip(sums, begin, after, strict=True):
            total.add_incoming(start, before)
            total.add_incoming(added, loop)
        builder.cbranch(builder.icmp_signed("<", following, depth), loop, end)
        builder.position_at_end(end)
        results = [builder.phi(self.vector) for _ in begin]
        for result, start, added in zip(results, begin, after, strict=True):
            result.add_incoming(start, before)
            result.add_incoming(added, loop)
        return results

    def generate(self, context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        """The code of a call."""
        left, at, stride, packed, first, out, to, width, depth = arguments
        size, kinds = depth.type, signature.args
        left = _pointer(context, builder, kinds[0], left, at)
        packed = _pointer(context, builder, kinds[3], packed, first)
        out = _pointer(context, builder, kinds[5], out, to)
        panels = [
            builder.gep(packed, [builder.mul(depth, size(panel * PANEL))])
            for panel in range(self.panels)
        ]
        places = [
            builder.gep(out, [builder.add(builder.mul(width, size(row)), size(lane))])
            for row in range(self.rows)
            for lane in range(0, self.panels * PANEL, _LANES)
        ]
        begin = [self.load(builder, place) for place in places]
        results = self.loop(builder, left, stride, panels, begin, depth)
        for place, result in zip(places, results, strict=True):
            builder.store(result, builder.bitcast(place, self.vector.as_pointer())).align = 4
        return context.get_dummy_value()


def _tile(rows: int, panels: int, half: bool = False, ahead: bool = False) -> Any:
    tile = _Tile(rows, panels, half, ahead)

    @intrinsic
    def add_tile(
        _typing: Any, left: Any, at: Any, stride: Any, packed: Any, first: Any, out: Any, to: Any,
        width: Any, depth: Any,
    ) -> Any:  # fmt: skip
        number = types.int64
        return types.void(
            left, number, number, packed, number, out, number, number, number
        ), tile.generate

    return add_tile


add_tile_8x1, add_tile_4x1 = _tile(8, 1), _tile(4, 1)
add_tile_8x1_ahead = _tile(8, 1, ahead=True)
add_tile_1x4, add_tile_1x1 = _tile(1, 4), _tile(1, 1)
add_half_tile_1x4, add_half_tile_1x1 = _tile(1, 4, half=True), _tile(1, 1, half=True)
