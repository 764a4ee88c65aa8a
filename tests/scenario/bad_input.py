#!/usr/bin/env python3
"""Bad input gets a clear error and costs nothing else: in files before the start, on wires after it."""
import json
import os
import re
import shutil
import subprocess
import sys

from plant_and_cloud import (Failure, Site, expect, http, run_scenarios, summary, wait_for)

FINE, PROBLEMS, MISUSE, BAD_CONFIGURATION = 0, 1, 2, 78
SAMPLE_BYTES_MAX = 256
METER_KINDS = ("wrong_crc", "truncated", "oversized", "wrong_byte_count", "garbage")
METER_FAULTS = 2 * len(METER_KINDS)


def hubward(site, *arguments):
    done = subprocess.run([site.program("hubward"), *arguments], capture_output=True, text=True,
                          timeout=20)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


class Copy:
    """A copy of the site's configuration to spoil, with a state folder and a page of its own."""

    def __init__(self, site, name):
        self.folder = site.folder / "spoiled" / name
        shutil.copytree(site.site_folder, self.folder)
        self.change("gateway.json", lambda gateway: gateway.update(
            state_folder=str(self.folder / "state"), page={"address": "127.0.0.1:9"}))

    def change(self, file, change):
        path = self.folder / file
        contents = json.loads(path.read_text())
        change(contents)
        path.write_text(json.dumps(contents, indent=2) + "\n")

    def cut(self, file):
        path = self.folder / file
        path.write_text(path.read_text()[:-20])


def spoil_trusted_roots(copy):
    copy.change("gateway.json", lambda it: it.update(trusted_roots_file="no-such.pem"))


def spoil_second_press(copy):
    shutil.copy(copy.folder / "devices.d/press-01.json", copy.folder / "devices.d/press-99.json")
    copy.change("devices.d/press-99.json",
                lambda it: it["attach"]["modbus_tcp"].update(unit_id=99))


# What is done to the files, and what one line then has to name.
MISTAKES = {
    "broken JSON in gateway.json": (lambda c: c.cut("gateway.json"), r"gateway\.json:\d+:\d+: "),
    "broken JSON in a device's file": (
        lambda c: c.cut("devices.d/scale-01.json"), r"scale-01\.json:\d+:\d+: "),
    "a text where a number belongs": (
        lambda c: c.change("devices.d/press-01.json",
                           lambda it: it["attach"]["modbus_tcp"].update(unit_id="one")),
        r"press-01\.json:\d+:\d+: .*unit_id.*number"),
    "an unknown key": (
        lambda c: c.change("gateway.json", lambda it: it.update(borker={})),
        r"gateway\.json:\d+:\d+: .*borker.*broker"),
    "two devices with one id": (spoil_second_press, r"press-(01|99)\.json:\d+:\d+: .*press-01"),
    "a missing secret": (
        lambda c: (c.folder / "group.key").unlink(), r"gateway\.json:\d+:\d+: .*group\.key"),
    "a secret that others can read": (
        lambda c: (c.folder / "group.key").chmod(0o644), r"gateway\.json:\d+:\d+: .*chmod 600"),
    "no file of trusted roots": (spoil_trusted_roots, r"gateway\.json:\d+:\d+: .*no-such\.pem"),
}


def a_mistake_in_the_files_is_named_by_file_line_and_what_would_be_right():
    with Site(hubs=1, sensors=1) as site:
        for number, (why, (spoil, wanted)) in enumerate(MISTAKES.items()):
            copy = Copy(site, f"mistake-{number}")
            spoil(copy)
            status, out, _ = hubward(site, "check", "--config", str(copy.folder))
            errors = [line for line in out if re.search(r"\.json:\d+:\d+: ", line)
                      and "warning" not in line]
            expect(status == PROBLEMS, f"check of {why}: status {status}")
            found = [line for line in errors if re.search(wanted, line)]
            expect(len(found) == 1 and len(errors) == 1, f"{why}: one clear line, not {out}")
            expect(len(found[0]) < 400, f"{why}: to be read at a glance: {found[0]}")

            status, out, err = hubward(site, "run", "--config", str(copy.folder))
            expect(status == BAD_CONFIGURATION and out == [], f"run with {why}: {status} {out}")
            expect(found[0] in err and err[-1].startswith("hubward does not start: "),
                   f"run says the same: {err}")
            expect(not (copy.folder / "state").exists(), f"{why}: nothing was made")
        fine = Copy(site, "fine")
        status, out, _ = hubward(site, "check", "--config", str(fine.folder))
        expect(status == FINE and out[-1].startswith("fine: "), f"the unspoiled copy: {out}")
        for arguments in (["chekc"], ["run", "--confg", "x"], []):
            status, _, err = hubward(site, *arguments)
            expect(status == MISUSE and err, f"misuse {arguments}: {status} {err}")
        return f"{len(MISTAKES)} mistakes, each one line; misuse ends with {MISUSE}"


def what_a_second_gateway_cannot_have_is_said_and_the_first_goes_on():
    with Site(hubs=1, sensors=2) as site:
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        wait_for(lambda: all(site.arrived(device) for device in site.devices), 30, "first samples")

        taken = Copy(site, "page")
        taken.change("gateway.json",
                     lambda it: it.update(page={"address": f"127.0.0.1:{site.page_port}"}))
        busy = Copy(site, "state")
        busy.change("gateway.json", lambda it: it.update(state_folder=str(site.folder / "state")))
        no_roots = Copy(site, "roots")
        (no_roots.folder / "roots.pem").write_text("these are no certificates\n")
        no_roots.change("gateway.json", lambda it: it.update(trusted_roots_file="roots.pem"))
        no_folder = Copy(site, "folder")
        (no_folder.folder / "file").write_text("in the way\n")
        no_folder.change("gateway.json", lambda it: it.update(
            state_folder=str(no_folder.folder / "file" / "state")))
        said = {}
        for why, copy, wanted in (
                ("page", taken, rf"Page address is taken.*{site.page_port}"),
                ("state folder", busy, r"Another hubward.*state"),
                ("roots", no_roots, r"roots\.pem"),
                ("no folder", no_folder, r"file/state")):
            status, out, err = hubward(site, "run", "--config", str(copy.folder))
            # Warnings about the configuration and the log may come before it.
            sentences = [line for line in err if line.startswith("hubward does not start: ")]
            expect(status in (PROBLEMS, BAD_CONFIGURATION), f"{why}: status {status} {err}")
            expect(len(sentences) == 1 and sentences[0] == err[-1] and re.search(wanted, err[-1]),
                   f"{why}: one clear sentence at the end: {err}")
            said[why] = status
        expect(site.alive("gateway"), "the first one runs on")
        score = site.settle()
        expect(score["repeated"] == 0 and site.order_violations() == 0, "undisturbed")
        for device in site.devices:
            expect(site.cloud.device(device)["counts"]["connects"] == 1, f"{device} kept its link")
        return f"exit statuses {said}; {summary(score)}"


def memory_kb(site):
    status = open(f"/proc/{site.processes['gateway'].pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))


def bad_inputs(site):
    """{(device or None, label): row}"""
    rows = http(site.page + "/api/bad-inputs")["bad_inputs"]
    return {(row.get("device"), row["label"]): row for row in rows}


def counted(site):
    found = {}
    for row in http(site.page + "/api/bad-inputs")["bad_inputs"]:
        found[row.get("device")] = found.get(row.get("device"), 0) + row["count"]
    return found


def damaged_frames_lines_and_payloads_are_counted_and_cost_no_good_sample():
    with Site(hubs=1, sensors=3, rate=30, presses=2, meters=1, scales=2, interval_ms=200) as site:
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        wait_for(lambda: all(len(site.arrived(device)) > 10 for device in site.devices), 60,
                 "ten samples of each")
        expect(counted(site) == {}, f"nothing is bad so far: {bad_inputs(site)}")
        before = memory_kb(site)

        for kind in METER_KINDS:
            site.plant.fault("meter-01", kind=kind, count=2)
        for kind in ("truncated", "oversized", "wrong_byte_count", "wrong_transaction"):
            site.plant.fault("press-01", kind=kind, count=2)
        for kind, count in (("half_line", 2), ("overlong", 3), ("garbage", 5), ("no_match", 5),
                            ("bad_number", 5)):
            site.plant.fault("scale-01", kind=kind, count=count)
        mqtt = 0
        for kind, count in (("not_json", 50), ("empty", 10), ("truncated", 20), ("binary", 20),
                            ("bad_utf8", 20), ("repeated_key", 20), ("hostile_number", 20),
                            ("deep", 20), ("huge", 40)):
            site.plant.fault("sensor-01", kind=kind, count=count)
            mqtt += count

        def all_seen():
            found = counted(site)
            return (found.get("sensor-01", 0) >= mqtt and found.get("scale-01", 0) >= 18
                    and found.get("meter-01", 0) >= 3 and found.get("press-01", 0) >= 3
                    and found.get(None, 0) >= 3)

        try:
            wait_for(all_seen, 60, "all of it is counted")
        except Failure as failure:
            raise Failure(f"{failure}: {counted(site)}") from None
        wait_for(lambda: site.plant.get("/counts/meter-01")["meter-01"]["faults_pending"] == 0
                 and site.plant.get("/counts/press-01")["press-01"]["faults_pending"] == 0, 60,
                 "the ordered faults are used up")
        marks = {device: max(site.arrived(device)) for device in site.devices}
        wait_for(lambda: all(max(site.arrived(device)) > mark + 10 for device, mark in marks.items()),
                 60, "every device delivers again")
        rows = bad_inputs(site)
        for (device, label), row in rows.items():
            expect(len(row["hex"].split()) <= SAMPLE_BYTES_MAX, f"{device} {label}: bounded sample")
        expect(not {device for device, _ in rows} & {"press-02", "scale-02", "sensor-02", "sensor-03"},
               f"nobody is blamed for others: {list(rows)}")
        metrics = http(site.page + "/metrics")
        totals = dict(re.findall(r'hubward_bad_inputs_total\{reason="(\w+)"\} (\d+)', metrics))
        for label in {label for _, label in rows}:
            expect(int(totals.get(label, 0)) >= 1, f"the metrics count {label}: {totals}")
        after = memory_kb(site)
        expect(after < before + 20 * 1024, f"memory is bounded: {before} kB -> {after} kB")

        # On a two-wire line an answer that follows a damaged one may belong to the request before. It
        # is not believed and asked for again: at most one whole sample for each damaged one.
        site.plant.post("/stop")
        wait_for(lambda: set(site.score()["lost_numbers"]) <= {"meter-01"}
                 and len(site.score()["lost_numbers"].get("meter-01", [])) <= METER_FAULTS, 60,
                 "every good sample of everybody arrives")
        score = site.score()
        expect(site.order_violations() == 0, "order is kept")
        counts = {f"{device}/{label}": row["count"] for (device, label), row in rows.items()}
        return f"{summary(score)}, memory {before} -> {after} kB, counted {counts}"


if __name__ == "__main__":
    sys.exit(run_scenarios([a_mistake_in_the_files_is_named_by_file_line_and_what_would_be_right,
                            what_a_second_gateway_cannot_have_is_said_and_the_first_goes_on,
                            damaged_frames_lines_and_payloads_are_counted_and_cost_no_good_sample]))
