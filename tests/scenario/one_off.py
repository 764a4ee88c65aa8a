#!/usr/bin/env python3
"""A person at the command line reads, writes and looks for units while the gateway polls: on its one
connection and its one port, between its own requests."""
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys
import threading
import time

from observations import start_and_hear
from plant_and_cloud import Failure, Site, expect, run_scenarios, summary, wait_for

PRESS, METER = "press-01", "meter-01"
POLLS = 200  # ms


def hubward(site, *words, status=0, seconds=130):
    """(standard output, standard error) of a command; its exit status must be `status`."""
    done = subprocess.run([site.program("hubward"), *words, "--config", str(site.site_folder)],
                          capture_output=True, text=True, timeout=seconds)
    expect(done.returncode == status,
           f"hubward {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def device_file(site, device):
    return site.site_folder / "devices.d" / f"{device}.json"


def change_tag(site, device, name, **keys):
    contents = json.loads(device_file(site, device).read_text())
    for tag in contents["tags"]:
        if tag["name"] == name:
            tag.update(keys)
            for key in [key for key, value in keys.items() if value is None]:
                del tag[key]
    device_file(site, device).write_text(json.dumps(contents, indent=2))


def attached(site, device):
    return json.loads(device_file(site, device).read_text())["attach"]


def writes(site, device):
    return [(write["table"], write["address"], write["values"])
            for write in site.plant.get(f"/writes/{device}")[device] if not write["refused"]]


def polls(site, device):
    """How often the plant was asked for the register that counts that."""
    return max((last for _, last in site.plant.get("/counts")[device]["ranges"]), default=0)


class PollCount:
    """How many of their cycles the polls of all devices kept meanwhile."""

    def __init__(self, site):
        self.site = site

    def __enter__(self):
        self.began = time.monotonic()
        self.before = {device: polls(self.site, device) for device in (PRESS, METER)}
        return self

    def __exit__(self, *_):
        cycles = (time.monotonic() - self.began) * 1000 / POLLS
        self.kept = {device: (polls(self.site, device) - before) / cycles
                     for device, before in self.before.items()}

    def expect_kept(self, share):
        expect(min(self.kept.values()) >= share, f"the polls keep their cycle: {self.kept}")
        return " ".join(f"{device} {kept:.1%}" for device, kept in self.kept.items())


def targets(site):
    press = attached(site, PRESS)["modbus_tcp"]
    meter = attached(site, METER)["modbus_rtu"]
    endpoint = f"{press['host']}:{press['port']}"
    return endpoint, press["unit_id"], meter["port"], meter["unit_id"]


def running():
    site = Site(hubs=1, sensors=0, scales=1, interval_ms=POLLS)
    return site


def begin(site):
    change_tag(site, PRESS, "target_pressure", verify=True)
    change_tag(site, PRESS, "offset_trim", writable=None, min=None, max=None)
    start_and_hear(site)


def connections(site):
    """Clients of the press's port, by the kernel's table."""
    port = attached(site, PRESS)["modbus_tcp"]["port"]
    found = 0
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[2].split(":")[1], 16) == port and words[3] == "01":
            found += 1
    return found


def ask_everything(site):
    endpoint, press_unit, port, meter_unit = targets(site)
    out, err = hubward(site, "read", "target_pressure", "--device", PRESS)
    expect(out == "target_pressure (holding:0)  180 bar\n", out)
    expect(f"through the running gateway, on its line {endpoint}" in err, err)
    out, _ = hubward(site, "read", "manual:40001", "--tcp", f"tcp://{endpoint}",
                     "--unit", str(press_unit), "--type", "uint16")
    expect(out == "holding:0  1800\n", out)
    out, err = hubward(site, "read", "holding:20", "--rtu", port, "--unit",
                       str(meter_unit))
    expect(out == "demand_limit (holding:20)  60000 W\n", out)
    expect(f"on its line {port} (" in err and "baud" in err, err)
    out, _ = hubward(site, "read", "holding:20", "--device", METER, "--as", "all")
    expect("0x0258" in out, out)
    out, _ = hubward(site, "scan", port, "--units", "1-20", "--timeout-ms", "100")
    expect(out.startswith(f"unit {meter_unit} at ") and out.count("\n") == 1, out)
    out, _ = hubward(site, "scan", f"tcp://{endpoint}", "--units", "1-20",
                     "--timeout-ms", "100")
    expect(f"unit {press_unit}: " in out, out)


def a_read_a_lens_and_a_scan_go_between_the_polls():
    with running() as site:
        begin(site)
        most = [0]
        done = threading.Event()

        def watch():
            while not done.is_set():
                most[0] = max(most[0], connections(site))
                time.sleep(0.002)

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with PollCount(site) as count:
                for _ in range(3):
                    ask_everything(site)
        finally:
            done.set()
            watcher.join()
        expect(most[0] == 1, f"one connection to the press: {most[0]}")
        kept = count.expect_kept(0.95)
        # The scale's port is the gateway's too, but nobody speaks Modbus there.
        scale = attached(site, "scale-01")["serial"]["port"]
        _, err = hubward(site, "read", "holding:0", "--rtu", scale, status=1)
        expect("uses" in err and "scale-01" in err, err)
        score = site.settle()
        return f"{kept}; {summary(score)}"


def many_one_off_reads_at_once_leave_the_polls_their_cycle():
    with running() as site:
        begin(site)
        _, _, port, _ = targets(site)
        problems = []
        done = threading.Event()

        def keep_reading(device, address):
            while not done.is_set():
                try:
                    hubward(site, "read", address, "--device", device)
                except Failure as failure:
                    problems.append(str(failure))
                    return

        readers = [threading.Thread(target=keep_reading, args=what)
                   for what in ((PRESS, "holding:4"), (METER, "holding:20"), (METER, "holding:16"))]
        with PollCount(site) as count:
            for reader in readers:
                reader.start()
            # Units that are not there: each costs its time-out where the line has it.
            out, _ = hubward(site, "scan", port, "--units", "100-120", "--timeout-ms", "100",
                             status=1)
            expect(out == "No unit answers.\n", out)
            time.sleep(max(0.0, 20 - (time.monotonic() - count.began)))
            done.set()
            for reader in readers:
                reader.join()
        expect(not problems, f"{problems}")
        kept = count.expect_kept(0.95)
        return f"{kept}; {summary(site.settle())}"


def a_write_heeds_the_configuration_and_tells_the_truth():
    with running() as site:
        begin(site)
        endpoint, press_unit, _, _ = targets(site)
        # Written: verified where the configuration says so, else confirmed by the device only.
        out, err = hubward(site, "write", "target_pressure", "120.5", "--device", PRESS)
        expect(out == "Written and verified; it holds 120.5.\n", out)
        expect("through the running gateway" in err, err)
        expect(writes(site, PRESS) == [("holding_register", 0, [1205])], f"{writes(site, PRESS)}")
        out, _ = hubward(site, "write", "manual:40002", "2.5", "--tcp", endpoint, "--unit",
                         str(press_unit))
        expect(out == "Written, not read back.\n", out)
        expect(writes(site, PRESS)[1:] == [("holding_register", 1, [2500])], "scaled as the tag says")
        # Refused: by the configuration, by a slip's guard, by the device with its own word.
        before = writes(site, PRESS)
        for words, status, says in (
                (("target_pressure", "251", "--device", PRESS), 1, "refused: Value out of range"),
                (("pressure", "5", "--device", PRESS), 1, "refused: Tag is not writable"),
                (("holding:6", "5", "--device", PRESS), 2, "does not mark as writable"),
                (("holding:90", "5", "--device", PRESS), 2, "--unlisted"),
                (("holding:0", "5", "--device", PRESS, "--unlisted"), 2, "without --unlisted"),
                (("holding:90", "5", "--device", PRESS, "--unlisted"), 1,
                 "refused: exception 2, illegal data address")):
            _, err = hubward(site, "write", *words, status=status)
            expect(says in err, f"{words}: {err}")
        expect(writes(site, PRESS) == before, "nothing of that reached the press")
        out, _ = hubward(site, "write", "holding:6", "7", "--device", PRESS, "--unlisted")
        expect(out == "Written and verified; holding:6 holds 7.\n", out)
        site.plant.fault(PRESS, kind="exception", code=6, address=1, count=0)
        _, err = hubward(site, "write", "hold_time", "3", "--device", PRESS, status=1)
        expect("refused:" in err and "exception 6" in err, err)
        site.plant.post(f"/devices/{PRESS}/heal")
        # Unknown: the device says that it failed, which may be half-way through.
        site.plant.fault(PRESS, kind="exception", code=4, address=1, count=0)
        _, err = hubward(site, "write", "hold_time", "3", "--device", PRESS, status=1)
        expect("not known whether it was written" in err and "exception 4" in err, err)
        site.plant.post(f"/devices/{PRESS}/heal")
        before = writes(site, PRESS)
        hubward(site, "maintenance", "on")
        for words in (("target_pressure", "99", "--device", PRESS),
                      ("holding:6", "9", "--device", PRESS, "--unlisted")):
            _, err = hubward(site, "write", *words, status=1)
            expect("maintenance is on" in err, err)
        expect(writes(site, PRESS) == before, "nothing is written during maintenance")
        hubward(site, "maintenance", "off")
        log = site.all_gateway_logs()
        expect('origin="command line"' in log and "past the configuration" in log,
               "every write is in the log")
        score = site.settle()
        # Without the gateway the same words do the same.
        site.stop("gateway")
        site.plant.post("/start")
        out, err = hubward(site, "write", "target_pressure", "130", "--device", PRESS)
        expect(out == "Written and verified; it holds 130.\n", out)
        expect("over a connection of its own" in err, err)
        out, _ = hubward(site, "read", "target_pressure", "--device", PRESS)
        expect(out == "target_pressure (holding:0)  130 bar\n", out)
        end_a_pulse_early(site)
        end_a_pulse_with_a_stop(site)
        return summary(score)


def end_a_pulse_early(site):
    """Without a gateway nobody but the command itself ends a pulse, so it does before it goes."""
    change_tag(site, PRESS, "offset_trim", type="bool", writable=True, pulse_ms=60_000, unit=None,
               scale=None, offset=None, min=None, max=None)
    before = len(writes(site, PRESS))
    command = subprocess.Popen(
        [site.program("hubward"), "write", "offset_trim", "true", "--device", PRESS, "--config",
         str(site.site_folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        wait_for(lambda: len(writes(site, PRESS)) > before, 10, "the pulse begins")
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=10)
    finally:
        command.kill()
    expect("the pulse was ended early" in out, out + err)
    expect([values for _, _, values in writes(site, PRESS)[before:]] == [[1], [0]],
           f"on and off: {writes(site, PRESS)[before:]}")


def end_a_pulse_with_a_stop(site):
    """Nothing that was to last a moment stays on because somebody stopped hubward meanwhile."""
    site.start_gateway()
    before = len(writes(site, PRESS))
    hubward(site, "write", "offset_trim", "true", "--device", PRESS)
    expect([values for _, _, values in writes(site, PRESS)[before:]] == [[1]], "the pulse lasts")
    site.stop("gateway")
    expect([values for _, _, values in writes(site, PRESS)[before:]] == [[1], [0]],
           f"on and off: {writes(site, PRESS)[before:]}")


def a_port_with_a_lasting_name_comes_back_as_another_device():
    """As /dev/serial/by-id names do: the adapter is pulled out and put into another socket. The name then
    points to another device, which the gateway opens, and is found there by either of its names."""
    with running() as site:
        begin(site)
        _, _, port, unit = targets(site)
        before = os.path.realpath(port)
        site.plant.post(f"/devices/{METER}/unplug")
        expect(not os.path.lexists(port), "the name is gone")
        taken = pty.openpty()  # the number of the old one, so that the new one gets another
        try:
            wait_for(lambda: next(device for device in site.status()["devices"]
                                  if device["id"] == METER)["stages"][0]["state"] != "ok", 10,
                     "the port is missed")
            _, err = hubward(site, "read", "demand_limit", "--device", METER, status=1)
            expect(port in err, err)
            site.plant.post(f"/devices/{METER}/plug")
            after = os.path.realpath(port)
            expect(after != before, f"another device: {after}")
            polled = polls(site, METER)
            wait_for(lambda: polls(site, METER) > polled + 5, 10, "the polls go on there")
            for name in (port, after):
                out, err = hubward(site, "read", "holding:20", "--rtu", name, "--unit", str(unit))
                expect(out == "demand_limit (holding:20)  60000 W\n", out)
                expect(f"through the running gateway, on its line {port}" in err, err)
        finally:
            for end in taken:
                os.close(end)
        return summary(site.settle(forgive_at_risk=True))


if __name__ == "__main__":
    sys.exit(run_scenarios([
        a_port_with_a_lasting_name_comes_back_as_another_device,
        a_read_a_lens_and_a_scan_go_between_the_polls,
        many_one_off_reads_at_once_leave_the_polls_their_cycle,
        a_write_heeds_the_configuration_and_tells_the_truth,
    ]))
