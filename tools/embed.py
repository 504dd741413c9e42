#!/usr/bin/env python3
"""Turns files into a C source of byte arrays: embed.py NAME OUTPUT FILE...

For NAME "migrations" the files are schema/<dialect>/<number>_<name>.sql, and the output is a table of them in the
order given, see src/store/migrate.h.
"""
import pathlib
import sys


def literal(data):
    return ",".join(str(byte) for byte in data)


def main():
    name, output, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    out = ['#include "store/migrate.h"', ""]
    rows = []
    for index, path in enumerate(map(pathlib.Path, files)):
        data = path.read_bytes()
        out.append(f"static const char file_{index}[] = {{{literal(data)},0}};")
        number, _, rest = path.stem.partition("_")
        rows.append(f'    {{"{path.parent.name}", {int(number)}, "{rest}", {{file_{index}, {len(data)}}}}},')
    out += ["", f"const struct migration {name}[] = {{", *rows, "};"]
    out.append(f"const size_t {name}_count = sizeof({name}) / sizeof({name}[0]);")
    pathlib.Path(output).write_text("\n".join(out) + "\n")


main()
