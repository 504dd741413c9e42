#!/usr/bin/env python3
"""docs/openapi.yaml as compact JSON in a C array, which GET /api/v1/openapi.json serves: openapi-json.py IN OUT"""
import json
import pathlib
import sys

import yaml

document = yaml.safe_load(pathlib.Path(sys.argv[1]).read_text())
data = json.dumps(document, separators=(",", ":"), default=str).encode()
pathlib.Path(sys.argv[2]).write_text(
    '#include "api/openapi.h"\n\n'
    "static const char bytes[] = {" + ",".join(map(str, data)) + ",0};\n"
    f"const struct slice openapi_json = {{bytes, {len(data)}}};\n")
