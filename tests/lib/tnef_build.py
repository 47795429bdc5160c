"""Makes winmail.dat files for tests: build(body, files, ...) -> octets. `python3 tnef_build.py OUT` writes a sample."""
import struct
import sys


def attribute(level, number, octets, kind=6):
    return struct.pack("<BHHI", level, number, kind, len(octets)) + octets + struct.pack("<H", sum(octets) & 0xffff)


def prop(kind, number, octets):
    filled = octets + b"\0" * (-len(octets) % 4)
    return struct.pack("<HHII", kind, number, 1, len(octets)) + filled


def wide(text):
    return (text + "\0").encode("utf-16-le")


def properties(items):
    return struct.pack("<I", len(items)) + b"".join(items)


def pack_rtf(rtf):
    """Compressed RTF without any reference: legal, and long."""
    out = b""
    for i in range(0, len(rtf), 8):
        out += b"\0" + rtf[i:i + 8]
    return struct.pack("<II4sI", len(out) + 12, len(rtf), b"LZFu", 0) + out


def build(body=None, files=(), rtf=None, html=None, codepage=1252):
    """files: (short name, long name or None, media type or None, octets)"""
    out = struct.pack("<IH", 0x223e9f78, 1)
    out += attribute(1, 0x9006, struct.pack("<I", 0x10000))
    out += attribute(1, 0x9007, struct.pack("<II", codepage, 0))
    message = []
    if body is not None:
        message.append(prop(0x1f, 0x1000, wide(body)))
    if html is not None:
        message.append(prop(0x102, 0x1013, html))
    if rtf is not None:
        message.append(prop(0x102, 0x1009, pack_rtf(rtf)))
    out += attribute(1, 0x9003, properties(message))
    for short, long, media_type, octets in files:
        out += attribute(2, 0x9002, b"\1\0" + b"\0" * 12)
        out += attribute(2, 0x8010, short.encode("latin-1") + b"\0")
        out += attribute(2, 0x800f, octets)
        items = []
        if long:
            items.append(prop(0x1f, 0x3707, wide(long)))
        if media_type:
            items.append(prop(0x1e, 0x370e, media_type.encode() + b"\0"))
        out += attribute(2, 0x9005, properties(items))
    return out


if __name__ == "__main__":
    open(sys.argv[1], "wb").write(build(
        "Hello\r\nfrom Outlook", [("REPORT~1.TXT", "Report Übersicht.txt", "text/plain", b"inside\n"),
                                  ("b.bin", None, None, bytes(range(256)))]))
