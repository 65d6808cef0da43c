"""Strips ELF shared libraries. It knows only 64-bit little-endian files, those of Lambda's two processors."""

from __future__ import annotations

import struct

PT_LOAD = 1  # a segment that is mapped


def strip(library: bytes) -> bytes:
    """Removes from a shared library what the loader never maps: symbol tables and section headers.

    It does what binutils' strip does, but on any machine for any processor. Only program headers hold the file offsets
    that the loader uses (System V ABI, chapter 5), so a gap between segments may shrink by whole alignments. Addresses
    don't move.

        before:  headers | segment | gap | segment | symbols, section headers
        after:   headers | segment | segment
    """
    (headers,) = struct.unpack_from("<Q", library, 32)
    size, count = struct.unpack_from("<HH", library, 54)
    segments = [struct.unpack_from("<IIQQQQQQ", library, headers + i * size) for i in range(count)]
    # Type, flags, offset, address, physical address, bytes in the file, in memory, alignment.
    loaded = sorted({(0, headers + size * count)} | {(s[2], s[2] + s[5]) for s in segments if s[5]})
    align = max([s[7] for s in segments if s[0] == PT_LOAD], default=4096)
    cuts: list[tuple[int, int]] = []
    end = 0
    for first, last in loaded:
        gap = (first - end) // align * align
        if gap > 0:
            cuts.append((end, gap))
        end = max(end, last)
    kept = bytearray(library[:end])
    for i, segment in enumerate(segments):
        gone = sum(gap for start, gap in cuts if segment[5] and start < segment[2])
        struct.pack_into("<Q", kept, headers + i * size + 8, segment[2] - gone)
    struct.pack_into("<Q", kept, 40, 0)  # where section headers begin
    struct.pack_into("<HH", kept, 60, 0, 0)  # how many, and which holds their names
    for start, gap in reversed(cuts):
        del kept[start : start + gap]
    return bytes(kept)
