#!/usr/bin/env python3
"""Fails when a file includes what its room may not see. The rules are gateway/ARCHITECTURE.md's:
proto <- gateway/api <- {adapters, resilience <- device, outbox, config, observe, platform, web, control, cli} <- main.

usage: check_includes.py ROOT | check_includes.py --self-test
"""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.MULTILINE)

# Room: what of ours it may include besides itself. The longest matching prefix decides.
ALLOWED = {
    "proto": ["proto/"],
    "proto/dps": ["proto/"],
    "gateway/api": ["proto/", "gateway/api/"],
    "gateway/resilience": ["proto/", "gateway/api/"],
    "gateway/device": ["proto/", "gateway/api/", "gateway/resilience/"],
    "gateway/outbox": ["proto/", "gateway/api/"],
    "gateway/observe": ["proto/", "gateway/api/"],
    "gateway/platform": ["proto/", "gateway/api/"],
    "gateway/web": ["proto/", "gateway/api/", "gateway/observe/"],
    # What the control socket answers: asks devices, board and store.
    "gateway/control": ["proto/", "gateway/api/", "gateway/observe/", "gateway/outbox/",
                        "gateway/device/", "gateway/resilience/"],
    # The binder fills the adapters' plain settings, and sees what is calculated of them alone.
    "gateway/config": ["proto/", "gateway/api/", "adapters/modbus/settings.h",
                       "adapters/serial/settings.h", "adapters/serial/line_pattern.h",
                       "adapters/serial/line_need.h", "adapters/mqtt/settings.h"],
    "gateway/cli": ["proto/", "gateway/api/", "gateway/config/", "gateway/resilience/"],
    "adapters/modbus": ["proto/", "gateway/api/"],
    "adapters/serial": ["proto/", "gateway/api/"],
    "adapters/mqtt": ["proto/", "gateway/api/"],
}

# Third-party headers and the only rooms that may know them.
FOREIGN = {
    "asio": ["gateway/platform"],
    "mosquitto": ["gateway/platform"],
    "MQTT": ["gateway/platform"],
    "openssl/": ["gateway/platform"],
    "libwebsockets": ["gateway/web"],
    "sqlite3": ["gateway/outbox"],
    "prometheus": ["gateway/observe"],
    "CLI/": ["gateway/cli"],
    "pcre2": ["adapters/serial"],
    "rapidjson/": ["proto", "gateway/config", "adapters/mqtt", "adapters/serial"],
    "sys/": ["gateway/platform", "gateway/outbox", "gateway/config", "gateway/cli", "gateway/web"],
    "unistd": ["gateway/platform", "gateway/outbox", "gateway/config", "gateway/cli", "gateway/web"],
    "thread": ["gateway/platform", "gateway/outbox", "gateway/web"],
    "mutex": ["gateway/platform", "gateway/outbox", "gateway/web", "gateway/observe"],
    "iostream": ["gateway/cli"],
    "fstream": ["gateway/platform", "gateway/config", "gateway/cli", "gateway/control"],
    "random": ["gateway/platform"],
}

# Cores take time as a parameter; only these rooms read clocks.
CLOCK = re.compile(r"(system_clock|steady_clock|high_resolution_clock)::now\(")
CLOCK_ROOMS = ["gateway/platform", "gateway/cli", "gateway/web", "gateway/outbox"]


def room_of(path):
    parts = path.split("/")
    for length in (2, 1):
        room = "/".join(parts[:length])
        if length < len(parts) and (room in ALLOWED or (length == 1 and room == "proto")):
            return "proto" if room.startswith("proto") else room
    return None


def problems_in(path, text):
    room = room_of(path)
    if room is None:  # main.cc knows them all
        return []
    found = []
    for quote, name in INCLUDE.findall(text):
        if quote == '"':
            if not any(name.startswith(prefix) for prefix in [room + "/"] + ALLOWED[room]):
                found.append(f"{path}: {room} may not include {name}")
        else:
            for prefix, rooms in FOREIGN.items():
                exact = prefix in ("thread", "mutex", "random", "iostream", "fstream")
                hit = name == prefix if exact else name.startswith(prefix)
                if hit and room not in rooms:
                    found.append(f"{path}: {room} may not include <{name}>")
    if CLOCK.search(text) and room not in CLOCK_ROOMS:
        found.append(f"{path}: {room} may not read a clock")
    return found


def self_test():
    bad = [
        ("proto/hub/sas.cc", "#include <openssl/hmac.h>"),
        ("proto/hub/sas.cc", '#include "gateway/api/loop.h"'),
        ("adapters/modbus/a.cc", '#include "adapters/serial/settings.h"'),
        ("adapters/modbus/a.cc", '#include "gateway/device/device.h"'),
        ("gateway/resilience/a.cc", '#include "gateway/device/device.h"'),
        ("gateway/device/a.cc", "#include <asio.hpp>"),
        ("gateway/device/a.cc", "auto t = std::chrono::steady_clock::now();"),
        ("gateway/web/a.cc", '#include "gateway/platform/asio_loop.h"'),
    ]
    good = [
        ("proto/hub/sas.cc", '#include "proto/base64.h"\n#include <string>'),
        ("gateway/main.cc", '#include "gateway/platform/asio_loop.h"'),
        ("gateway/platform/a.cc", "#include <asio.hpp>"),
    ]
    for path, text in bad:
        assert problems_in(path, text), f"not caught: {path}: {text}"
    for path, text in good:
        assert not problems_in(path, text), f"wrongly caught: {path}: {text}"
    print(f"{len(bad) + len(good)} self-tests passed")


def main():
    if sys.argv[1:] == ["--self-test"]:
        self_test()
        return 0
    root = pathlib.Path(sys.argv[1])
    found, files = [], 0
    for top in ("proto", "gateway", "adapters"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cc"):
                files += 1
                found += problems_in(path.relative_to(root).as_posix(), path.read_text())
    print("\n".join(found) or f"{files} files keep to their rooms")
    return 1 if found or files == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
