# SPDX-License-Identifier: GPL-2.0-only
"""
The BPF programs' stacks fit every kernel from 6.1 on. The kernel that the tests run on may not say
so: from 6.13 on it gives large frames a stack of their own, before it refuses the program.
"""

import collections
import os
import pathlib
import struct

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
OBJECT = pathlib.Path(os.environ.get("MEMWATCH_BUILD", ROOT / "build")) / "memwatch.bpf.o"

STACK_MOST = 512  # MAX_BPF_STACK, of all functions that are open at once
FRAME_UNIT = 32   # to which 6.1 rounds each frame up; later kernels to 16

FRAME_POINTER = 10
SYMBOL_FUNCTION, SECTION_SYMBOLS, SECTION_RELOCATIONS = 2, 2, 9
RELOCATION_ADDRESS, RELOCATION_CALL = 1, 10

Function = collections.namedtuple("Function", "name section start end")
Symbol = collections.namedtuple("Symbol", "name kind section value size")


def read_object(image):
    """Of an ELF file its sections (contents), symbols, and relocations by section and offset."""
    def text(table, at):
        return table[at:table.index(b"\0", at)].decode()

    headers_at, = struct.unpack_from("<Q", image, 40)
    header_bytes, count, _ = struct.unpack_from("<3H", image, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", image, headers_at + i * header_bytes)
               for i in range(count)]
    contents = [image[header[4]:header[4] + header[5]] for header in headers]
    symbols_at = next(i for i, header in enumerate(headers) if header[1] == SECTION_SYMBOLS)
    names = contents[headers[symbols_at][6]]
    symbols = []
    for name, info, _, section, value, size in struct.iter_unpack("<IBBHQQ", contents[symbols_at]):
        symbols.append(Symbol(text(names, name), info & 0xf, section, value, size))
    relocations = {}
    for header, content in zip(headers, contents):
        if header[1] == SECTION_RELOCATIONS:
            for at, info in struct.iter_unpack("<QQ", content):
                relocations[header[7], at] = (info & 0xffffffff, symbols[info >> 32])
    return contents, symbols, relocations


def frame_and_callees(function, contents, relocations):
    """How deep it writes below its frame pointer, and where those start that it calls or hands on."""
    depth, callees, addresses = 0, set(), set()
    for at in range(function.start, function.end, 8):
        code, registers, off, imm = struct.unpack_from("<BBhi", contents[function.section], at)
        to, source = registers & 0xf, registers >> 4
        is_load, is_store = code & 7 == 1, code & 7 in (2, 3)
        kind, symbol = relocations.get((function.section, at), (None, None))
        if (is_load and source == FRAME_POINTER) or (is_store and to == FRAME_POINTER):
            depth = max(depth, -off)
        if code == 0xbf and source == FRAME_POINTER:
            addresses.add(to)
        elif code == 0x07 and to in addresses:
            depth = max(depth, -imm)
            addresses.discard(to)
        if code == 0x85 and source == 1:
            assert kind == RELOCATION_CALL
            callees.add((symbol.section, symbol.value + (imm + 1) * 8))
        elif code == 0x18 and kind == RELOCATION_ADDRESS:
            callees.add((symbol.section, symbol.value + imm))
    return depth, callees


@pytest.fixture(scope="module")
def functions():
    contents, symbols, relocations = read_object(OBJECT.read_bytes())
    known = {}
    for symbol in symbols:
        if symbol.kind == SYMBOL_FUNCTION:
            function = Function(symbol.name, symbol.section, symbol.value, symbol.value + symbol.size)
            known[symbol.section, symbol.value] = function
    return {place: (function, *frame_and_callees(function, contents, relocations))
            for place, function in known.items()}


def deepest(functions, place):
    """The bytes of the deepest chain of calls from there, and their names."""
    function, depth, callees = functions[place]
    chains = [deepest(functions, callee) for callee in callees if callee in functions]
    below, names = max(chains, default=(0, []))
    frame = -(-max(depth, 1) // FRAME_UNIT) * FRAME_UNIT
    return frame + below, [f"{function.name} {frame}", *names]


def test_stacks_fit_the_oldest_kernel(functions):
    chains = {functions[place][0].name: deepest(functions, place) for place in functions}
    assert len(chains["probe_point"][1]) > 1, "its calls were not found"
    for total, names in chains.values():
        assert total <= STACK_MOST, " -> ".join(names)
