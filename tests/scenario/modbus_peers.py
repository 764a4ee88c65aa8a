#!/usr/bin/python3
"""hubward's command line and its running gateway against Modbus servers that we did not write: libmodbus,
pymodbus and modbus-serial, over TCP and on a line. What they hold stands in tests/sim/modbus_peers."""
import contextlib
import json
import os
import pathlib
import pty
import select
import subprocess
import sys
import tempfile
import threading
import tty

from plant_and_cloud import (GROUP_KEY, ROOT, Skipped, expect, free_port, http, run_scenarios, wait_for)

BUILD = pathlib.Path(os.environ.get("HUBWARD_BUILD") or ROOT / "build/release")
HUBWARD = BUILD / "gateway/hubward"
PEERS = ROOT / "tests/sim/modbus_peers"
UNIT = 17
SERVERS = {
    "libmodbus": [BUILD / "tests/sim/modbus_peers/libmodbus_server"],
    "pymodbus": ["/usr/bin/python3", PEERS / "pymodbus_server.py"],
    "modbus-serial": ["node", PEERS / "modbus_serial_server.js"],
}
IDENTITIES = {"pymodbus": "Acme PY V3.0", "modbus-serial": "Acme JS V8.0"}

TAGS = [
    {"name": "level", "address": "holding:10", "type": "uint16", "scale": 0.1,
     "writable": True, "verify": True, "min": 0, "max": 1000},
    # With "verify", by function 23 where the server has it.
    {"name": "wide", "address": "holding:60", "type": "uint32", "word_order": "low_first",
     "writable": True, "verify": True, "min": 0, "max": 1e9},
    {"name": "lamp", "address": "coil:20", "type": "bool", "writable": True, "verify": True},
    {"name": "gate", "address": "holding:30", "type": "bool", "bit": 3, "writable": True},
    {"name": "abcd", "address": "holding:1500", "type": "float32"},
    {"name": "cdab", "address": "holding:1502", "type": "float32", "word_order": "low_first"},
    {"name": "badc", "address": "holding:1504", "type": "float32", "byte_order": "low_first"},
    {"name": "dcba", "address": "holding:1506", "type": "float32", "word_order": "low_first",
     "byte_order": "low_first"},
    {"name": "flow", "address": "input:8", "type": "int16", "scale": 0.5},
    {"name": "guard", "address": "discrete:3", "type": "bool"},
    {"name": "missing", "address": "holding:3002", "type": "uint16"},
    {"name": "bad_value", "address": "holding:3003", "type": "uint16"},
    {"name": "broken", "address": "input:3004", "type": "uint16"},
    {"name": "busy", "address": "discrete:3006", "type": "bool", "interval_ms": 300},
    {"name": "hurried", "address": "holding:3006", "type": "uint16", "writable": True, "min": 0,
     "max": 9, "interval_ms": 3_600_000},
    {"name": "everybody", "address": "holding:80", "type": "uint16", "writable": True, "min": 0,
     "max": 9999},
]
READINGS = {"level": 11, "abcd": 1234.5, "cdab": 1234.5, "badc": 1234.5, "dcba": 1234.5,
            "flow": 54, "guard": True}
QUALITIES = {"missing": "Device has no such register",
             "bad_value": "Device refused the request's content",
             "broken": "Device reports a failure of its own", "busy": "Device is busy"}


class Line:
    """Two terminals, one to each side, and what comes at one goes out at the other."""

    def __init__(self):
        self.ours, self.theirs = [], []
        for _ in range(2):
            master, slave = pty.openpty()
            tty.setraw(slave)
            self.ours.append(master)
            self.theirs.append(slave)
        self.paths = [os.ttyname(slave) for slave in self.theirs]
        self.ends, self.wake = os.pipe()
        self.thread = threading.Thread(target=self.carry)
        self.thread.start()

    def carry(self):
        other = dict(zip(self.ours, reversed(self.ours)))
        while True:
            ready, _, _ = select.select([*self.ours, self.ends], [], [])
            if self.ends in ready:
                return
            for end in ready:
                os.write(other[end], os.read(end, 512))

    def close(self):
        os.write(self.wake, b"x")
        self.thread.join()
        for end in (*self.ours, *self.theirs, self.ends, self.wake):
            os.close(end)


class Machine:
    """One server, a configuration that knows it, and hubward."""

    def __init__(self, library, transport):
        self.library, self.transport = library, transport

    def __enter__(self):
        with contextlib.ExitStack() as ends:
            self.folder = pathlib.Path(ends.enter_context(tempfile.TemporaryDirectory()))
            if self.library == "modbus-serial":
                install_modbus_serial()
            arguments = ["tcp"]
            self.tags = [{"interval_ms": 200, **tag} for tag in TAGS]
            if self.transport == "rtu":
                self.line = Line()
                ends.callback(self.line.close)
                arguments = ["rtu", self.line.paths[0]]
            self.server = subprocess.Popen([*SERVERS[self.library], *arguments],
                                           stdout=subprocess.PIPE, text=True)
            ends.callback(self.server.stdout.close)
            ends.callback(self.server.wait)
            ends.callback(self.server.kill)
            ready = self.server.stdout.readline().split()
            expect(ready[:1] == ["ready"], f"{self.library}'s server is ready: {ready}")
            if self.transport == "tcp":
                attach = {"modbus_tcp": {"host": "127.0.0.1", "port": int(ready[1]),
                                         "unit_id": UNIT, "function_23": True}}
                self.where = ["--tcp", f"127.0.0.1:{ready[1]}", "--unit", str(UNIT)]
                self.scanned = [f"tcp://127.0.0.1:{ready[1]}"]
            else:
                self.tags[-1]["broadcast"] = True  # Modbus TCP has none
                attach = {"modbus_rtu": {"port": self.line.paths[1], "baud": 115200,
                                         "parity": "none", "unit_id": UNIT,
                                         "function_23": True}}
                self.where = ["--rtu", self.line.paths[1], "--baud", "115200", "--parity", "none",
                              "--unit", str(UNIT)]
                self.scanned = [self.line.paths[1], "--bauds", "115200", "--parities", "none"]
            self.write_site(attach)
            self.ends = ends.pop_all()
        return self

    def __exit__(self, *_):
        self.ends.close()

    def write_site(self, attach):
        (self.folder / "devices.d").mkdir()
        (self.folder / "group.key").write_text(GROUP_KEY + "\n")
        (self.folder / "group.key").chmod(0o600)
        self.page = f"http://127.0.0.1:{free_port()}"
        (self.folder / "gateway.json").write_text(json.dumps({
            "version": 1, "name": "Peers",
            "dps": {"host": "127.0.0.1:9", "id_scope": "0ne00000000"},  # nobody: discard
            "enrollments": {"plant": {"type": "group", "key": {"file": "group.key"}}},
            "state_folder": str(self.folder / "state"),
            "page": {"address": self.page.removeprefix("http://")}}))
        (self.folder / "devices.d" / "machine.json").write_text(json.dumps({
            "version": 1, "id": "machine", "name": "Machine", "enrollment": "plant",
            "attach": attach, "tags": self.tags}))

    def run_gateway(self):
        log = open(self.folder / "gateway.log", "wb")
        self.gateway = subprocess.Popen([HUBWARD, "run", "--config", self.folder],
                                        stdout=log, stderr=log)
        log.close()
        self.ends.callback(self.gateway.wait)
        self.ends.callback(self.gateway.terminate)
        wait_for(lambda: http(self.page + "/healthz", timeout=2), 20, "the gateway is up")

    def hubward(self, *words, status=0):
        done = subprocess.run([HUBWARD, *words, "--config", self.folder], capture_output=True,
                              text=True, timeout=60)
        expect(done.returncode == status, f"{self.library} {self.transport}: hubward "
               f"{' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout if status == 0 else done.stderr

    def says(self, expected, *words, status=0):
        said = self.hubward(*words, status=status)
        expect(expected in said if status else said == expected,
               f"{self.library} {self.transport}: {' '.join(words)}: {said!r}, not {expected!r}")


def install_modbus_serial():
    try:
        done = subprocess.run([PEERS / "install"], capture_output=True, text=True, timeout=240)
    except (OSError, subprocess.TimeoutExpired) as failure:
        raise Skipped(f"skipped: modbus-serial cannot be installed: {failure}") from None
    if done.returncode != 0:
        raise Skipped("skipped: modbus-serial cannot be installed: " + done.stderr.strip()[-200:])


def read_everything(machine):
    at = ["--device", "machine"]
    machine.says("holding:7  107\n", "read", "holding:7", *machine.where)
    machine.says("holding:7  107\n", "read", "manual:40008", *machine.where)
    machine.says("flow (input:8)  54\n", "read", "flow", *at)
    machine.says("guard (discrete:3)  true\n", "read", "guard", *at)
    machine.says("coil:1  false\n", "read", "coil:1", "--type", "bool", *machine.where)
    for order in ("abcd", "cdab", "badc", "dcba"):
        said = machine.hubward("read", order, *at)
        expect(said.endswith("  1234.5\n"), f"{order}: {said}")
    said = machine.hubward("read", "holding:1502", "--as", "all", *machine.where)
    expect("1234.5" in said, f"the lens shows it: {said}")
    for code, words in ((2, "exception 2, illegal data address"),
                        (3, "exception 3, illegal data value"),
                        (4, "exception 4, server device failure"),
                        (6, "exception 6, server device busy"),
                        (8, "exception 8, memory parity error"),
                        (10, "exception 10, gateway path unavailable"),
                        (11, "exception 11, gateway target device failed to respond")):
        machine.says(words, "read", f"holding:{3000 + code}", *machine.where, status=1)
    # On a line libmodbus swallows what follows a request to a unit that is silent.
    quiet = (machine.library, machine.transport) == ("libmodbus", "rtu")
    said = machine.hubward("scan", *machine.scanned, "--units", str(UNIT) if quiet else "16-18",
                           "--timeout-ms", "300")
    found = [line for line in said.splitlines() if line.startswith(f"unit {UNIT}")]
    expect(len(found) == 1 and IDENTITIES.get(machine.library, "") in found[0], f"scan: {said}")
    # libmodbus answers for every unit over TCP.
    if (machine.library, machine.transport) != ("libmodbus", "tcp"):
        expect(said.count("\n") == 1, f"nobody else: {said}")


def write_everything(machine, level, lamp):
    at = ["--device", "machine"]
    machine.says(f"Written and verified; it holds {level}.\n", "write", "level", str(level), *at)
    machine.says("Written and verified; it holds 4000000.\n", "write", "wide", "4000000", *at)
    machine.says("holding:60  2304\n", "read", "holding:60", "--type", "uint16", *machine.where)
    machine.says(f"Written and verified; it holds {lamp}.\n", "write", "lamp", lamp, *at)
    before = int(machine.hubward("read", "holding:30", "--type", "uint16", *machine.where).split()[1])
    said = machine.hubward("write", "gate", lamp, *at)
    # Read back on a line that was just opened: it might repeat our own request to us.
    expect(said in ("Written, not read back.\n", f"Written and verified; it holds {lamp}.\n"), said)
    after = before | 8 if lamp == "true" else before & ~8
    machine.says(f"holding:30  {after}\n", "read", "holding:30", "--type", "uint16",
                 *machine.where)
    machine.says("Written and verified; holding:70 holds 321.\n", "write", "holding:70", "321",
                 "--unlisted", *machine.where)
    machine.says("refused: ", "write", "hurried", "1", *at, status=1)
    machine.says("exception 6, server device busy", "write", "hurried", "1", *at, status=1)
    machine.says("refused: exception 2", "write", "holding:2500", "1", "--unlisted",
                 *machine.where, status=1)
    machine.says("not known whether it was written: exception 11", "write", "holding:3011", "1",
                 "--unlisted", *machine.where, status=1)


def write_to_all(machine, value):
    """By the tag, by its address, and past the configuration; what the server holds then shows whether it
    listens to unit 0."""
    if machine.transport == "tcp":
        machine.says("Written, not read back.\n", "write", "everybody", str(value), "--device",
                     "machine")
        return
    everybody = ["0" if word == str(UNIT) else word for word in machine.where]
    # modbus-serial does not listen to unit 0. Nobody can tell from the answer, for there is none.
    hears = machine.library != "modbus-serial"

    def send(number, held, *where):
        machine.says("Sent to all units of the line; nobody confirms it.\n", "write", where[0],
                     str(number), *where[1:])
        machine.says(f"{held}  {number if hears else 100 + int(held.split(':')[1])}\n", "read", held,
                     "--type", "uint16", *machine.where)

    send(value, "holding:80", "everybody", "--device", "machine")
    send(value + 1, "holding:80", "holding:80", *everybody)
    send(value + 2, "holding:90", "holding:90", "--unlisted", *everybody)
    machine.says("whose limits hold", "write", "holding:10", "1", "--unlisted", *everybody, status=2)
    machine.says("none of them would answer", "read", "holding:90", *everybody, status=2)


def expect_polled(machine, readings):
    def shown():
        device = http(machine.page + "/api/devices/machine", timeout=5)["device"]
        tags = {tag["name"]: tag for tag in device["tags"]}
        return (all(tags[name].get("value") == value for name, value in readings.items()) and
                all(tags[name].get("why") == why for name, why in QUALITIES.items()))

    wait_for(shown, 15, f"{machine.library} {machine.transport}: every tag as it should be; now "
             f"{http(machine.page + '/api/devices/machine', timeout=5)}")


def expect_undisturbed(machine):
    """Nothing that somebody asks once, not even what the server does not know, costs a poll its answer."""
    events = http(machine.page + "/api/devices/machine", timeout=5)["events"]
    expect(not [event for event in events if event["event"] == "device_silent"],
           f"{machine.library} {machine.transport}: the polls were answered: {events}")


def talk(library, transport):
    with Machine(library, transport) as machine:
        read_everything(machine)
        write_everything(machine, 12.5, "true")
        write_to_all(machine, 1000)
        machine.run_gateway()
        expect_polled(machine, {**READINGS, "level": 12.5, "wide": 4000000, "lamp": True})
        read_everything(machine)
        expect_undisturbed(machine)
        write_everything(machine, 77, "false")
        write_to_all(machine, 2000)
        expect_polled(machine, {**READINGS, "level": 77, "lamp": False})


def libmodbus_over_tcp():
    talk("libmodbus", "tcp")


def libmodbus_on_a_line():
    talk("libmodbus", "rtu")


def pymodbus_over_tcp():
    talk("pymodbus", "tcp")


def pymodbus_on_a_line():
    talk("pymodbus", "rtu")


def modbus_serial_over_tcp():
    talk("modbus-serial", "tcp")


def modbus_serial_on_a_line():
    talk("modbus-serial", "rtu")


if __name__ == "__main__":
    sys.exit(run_scenarios([libmodbus_over_tcp, libmodbus_on_a_line, pymodbus_over_tcp,
                            pymodbus_on_a_line, modbus_serial_over_tcp, modbus_serial_on_a_line],
                           together=True))
