#!/usr/bin/env python3
"""The gateway says what it does to people and to programs, and never a secret."""
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.parse

from plant_and_cloud import (BROKER_PASSWORD, GROUP_KEY, Failure, Site, expect, http,
                             run_scenarios, summary, wait_for)

NOT_REACHED = 3
LOG_LINE = re.compile(
    r'^(?:(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) )?(?P<level>debug|info|warn|error)'
    r' event=[a-z0-9_]+( [a-z_]+=([A-Za-z0-9._:/+@%,$-]+|"(\\.|[^"\\])*"))*$')
# Prometheus text format 0.0.4.
METRIC = re.compile(r'^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?P<labels>\{[^{}]*\})? '
                    r'(?P<value>-?(\d+(\.\d+)?([eE][+-]?\d+)?|\+Inf|NaN))$')
LABELS = re.compile(r'^\{([a-zA-Z_][a-zA-Z0-9_]*="(\\[\\"n]|[^"\\\n])*")'
                    r'(,[a-zA-Z_][a-zA-Z0-9_]*="(\\[\\"n]|[^"\\\n])*")*\}$')


def status(site, *options):
    done = subprocess.run([site.program("hubward"), "status", "--config", str(site.site_folder),
                           *options], capture_output=True, text=True, timeout=20)
    return done.returncode, done.stdout, done.stderr


def check_metrics(text):
    """Every line parses, every sample has a type, nothing comes twice. {sample: value}"""
    types, samples = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            expect(name not in types and kind in ("counter", "gauge"), f"one type for each: {line}")
            types[name] = kind
            continue
        found = METRIC.match(line)
        expect(found, f"a sample: {line}")
        expect(found["name"] in types, f"its type came before it: {line}")
        expect(not found["labels"] or LABELS.match(found["labels"]), f"labels: {line}")
        expect(types[found["name"]] != "counter" or found["name"].endswith("_total"),
               f"a counter's name ends in _total: {line}")
        key = found["name"] + (found["labels"] or "")
        expect(key not in samples, f"once only: {line}")
        samples[key] = float(found["value"])
    expect(text.endswith("\n"), "the last line is ended")
    return samples


def check_log(site):
    lines = site.all_gateway_logs().splitlines()
    for line in lines:
        if line.startswith(str(site.site_folder)):
            continue  # what the configuration's check warns of comes before the log
        expect(LOG_LINE.match(line), f"one line of key=value: {line}")
    return len(lines)


def a_running_gateway_is_shown_alike_to_people_and_programs():
    with Site(hubs=1, rate=20) as site:
        code, _, err = status(site)
        expect(code == NOT_REACHED and len(err.splitlines()) == 1, f"before the start: {code} {err}")
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        wait_for(lambda: all(len(site.arrived(device)) > 5 for device in site.devices), 60,
                 "samples of all")

        def all_well():
            found = site.status()
            return found if found["site"]["severity"] == "normal" else None

        page = wait_for(all_well, 30, "all is well")
        code, text, err = status(site)
        expect(code == 0 and err == "", f"status: {code} {err}")
        sentence = text.splitlines()[0]
        expect(sentence == site.status()["site"]["sentence"], f"the page's sentence: {sentence}")
        for shown in page["devices"]:
            # Once among the devices; a line lists whom it serves as well, indented.
            rows = [line for line in text.splitlines()
                    if f" {shown['id']} " in line and not line.startswith("    ")]
            expect(len(rows) == 1 and shown["name"] in rows[0] and "127.0.0.2" in rows[0],
                   f"one row for {shown['id']}: {rows}")
        code, text, _ = status(site, "--json")
        told = json.loads(text)
        expect(code == 0 and [one["id"] for one in told["devices"]]
               == [one["id"] for one in page["devices"]], "the same devices as JSON")
        expect(http(site.page + "/healthz") == "ok\n", "healthy")
        for device in site.devices:
            # What is shown may be a moment old.
            wait_for(lambda: check_metrics(http(site.page + "/metrics"))[
                f'hubward_messages_delivered_total{{device="{device}"}}'] > 5, 10, "delivered")
        samples = check_metrics(http(site.page + "/metrics"))
        for device in site.devices:
            expect(samples[f'hubward_device_up{{device="{device}"}}'] == 1, f"{device} is up")
            expect(samples[f'hubward_uplink_connects_total{{device="{device}"}}'] == 1, "one login")

        # In trouble: the same reason and next step everywhere.
        site.cloud.post("/devices/press-01/block")
        site.plant.fault("meter-01", kind="silent", count=0)

        def troubled():
            found = {one["id"]: one for one in site.status()["devices"]}
            press, meter = found["press-01"], found["meter-01"]
            return (press, meter) if (press.get("failure") == "dps_blocked"
                                      and meter.get("failure") == "no_answer") else None

        press, meter = wait_for(troubled, 40, "both troubles are named")
        expect(press["reason"] and press["gateway_does"] and press["person_does"], f"{press}")
        _, text, _ = status(site)
        for shown in (press, meter):
            expect(shown["reason"] in text and shown["person_does"] in text,
                   f"the terminal says it too: {shown['reason']}")
        samples = check_metrics(http(site.page + "/metrics"))
        expect(samples['hubward_uplink_failure{device="press-01",reason="dps_blocked"}'] == 1,
               "the metrics name the reason")
        expect(samples['hubward_device_up{device="meter-01"}'] == 0, "the meter is down")
        expect(http(site.page + "/healthz") == "ok\n", "a cloud's no is no ill health")
        site.cloud.post("/devices/press-01/unblock")
        site.plant.post("/devices/meter-01/heal")
        wait_for(all_well, 90, "all is well again")
        score = site.settle()
        told = site.status()["site"]["sentence"]
        lines = check_log(site)
        expect(site.stop("gateway") == 0, "ends with 0")
        code, _, err = status(site)
        expect(code == NOT_REACHED and "running" in err, f"after the end: {code} {err}")
        return f"{len(samples)} metrics, {lines} log lines; {summary(score)}; \"{sentence}\""


def spellings(secret):
    """As it is, as it looks in a URL, and its bytes in hex."""
    found = {secret, urllib.parse.quote(secret, safe="")}
    try:
        found.add(base64.b64decode(secret, validate=True).hex())
    except ValueError:
        pass
    return found


def derived_key(device):
    key = base64.b64decode(GROUP_KEY)
    return base64.b64encode(hmac.new(key, device.encode(), hashlib.sha256).digest()).decode()


def no_secret_is_told_to_anybody():
    with Site(hubs=2, rate=20, settings={"log_level": "debug",
                                         "hub": {"token_lifetime_s": 10}}) as site:
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        # What makes a gateway talk: refusals, a move, bad input, commands, a broker that goes.
        site.plant.fault("sensor-01", kind="not_json", count=3)
        site.plant.fault("scale-01", kind="garbage", count=2)
        site.cloud.post("/devices/press-01/failover", {"to": "hub-2"})
        site.cloud.post("/devices/meter-01/block")
        site.cloud.fault(kind="dps_answer", code=401, device="sensor-02", times=1)
        site.cloud.fault(kind="connack", code=5, device="sensor-02", times=1)
        site.cloud.post("/devices/sensor-02/drop")
        site.stop("broker")
        wait_for(lambda: "dps_unauthorized" in site.all_gateway_logs()
                 and "dps_blocked" in site.all_gateway_logs()
                 and "broker_unavailable" in site.all_gateway_logs(), 60, "troubles are in the log")
        site.start_broker()
        site.cloud.post("/devices/meter-01/unblock")
        wait_for(lambda: "event=token_renewal" in site.all_gateway_logs(), 30, "a renewed token")
        site.wait_all_online(90)
        site.cloud.method("press-01", "target_pressure", 9999)

        pid = site.processes["gateway"].pid
        heard = {"log": site.all_gateway_logs(),
                 "status": "".join(map(str, status(site))),
                 "status --json": "".join(map(str, status(site, "--json")))}
        for path in ("/api/status", "/api/bad-inputs", "/metrics", "/healthz", "/", "/nothing",
                     *(f"/api/devices/{device}" for device in site.devices)):
            try:
                heard[path] = str(http(site.page + path))
            except (Failure, UnicodeDecodeError) as failure:
                heard[path] = str(failure)
        for name in ("environ", "cmdline"):
            try:
                heard[name] = pathlib.Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
            except PermissionError:
                heard[name] = ""  # closed to us: as good
        state = site.folder / "state"
        for path in (state, state / "assignments.json"):
            expect(path.stat().st_mode & 0o077 == 0, f"{path.name} is the gateway's own")
        heard["assignments.json"] = (state / "assignments.json").read_text()

        secrets = {"the group's key": GROUP_KEY, "the broker's password": BROKER_PASSWORD}
        for device in site.devices:
            secrets[f"the key of {device}"] = derived_key(device)
        for where, text in heard.items():
            for what, secret in secrets.items():
                for spelling in spellings(secret):
                    expect(spelling not in text, f"{what} is in {where}")
            expect(not re.search(r"SharedAccessSignature|[?& ]sig=|sig%3d", text, re.IGNORECASE),
                   f"a token is in {where}")
        # The search would find one: the group's key is where it belongs.
        expect(GROUP_KEY in (site.site_folder / "group.key").read_text(), "the canary is real")
        check_log(site)
        return f"{len(secrets)} secrets looked for in {len(heard)} places; {summary(site.settle())}"


if __name__ == "__main__":
    sys.exit(run_scenarios([a_running_gateway_is_shown_alike_to_people_and_programs,
                            no_secret_is_told_to_anybody]))
