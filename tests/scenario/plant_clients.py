#!/usr/bin/python3
"""The simulated plant's Modbus servers, asked by clients of others: mbpoll and pymodbus, over TCP and on a
line. What they read and write must be what the plant says it holds, counts and remembers. (hubward's own
server-side parser has modbus_interop; its client has modbus_peers.)"""
import contextlib
import inspect
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from plant_and_cloud import ROOT, Skipped, expect, http, numbers, run_scenarios, wait_for

BUILD = pathlib.Path(os.environ.get("HUBWARD_BUILD") or ROOT / "build/release")
TABLE_OF = {1: "coil", 2: "discrete_input", 3: "holding_register", 4: "input_register"}
BEYOND = 64  # the first address that the plant's devices do not have

# Where each device has what can be written, and its number: see tests/sim/plant/README.md.
PLACES = {
    "press": {"word": 1, "pair": 2, "number": (4, 0)},
    "meter": {"word": 20, "pair": 21, "number": (3, 0)},
}


class Refused(Exception):
    """The server answered with an exception."""


class Mbpoll:
    """libmodbus' best known command line; one process and one connection for each request."""
    TYPES = {1: "0", 2: "1", 3: "4", 4: "3"}

    def __init__(self, device):
        self.unit = device["unit_id"]
        if "port" in device:
            self.options = ["-m", "tcp", "-p", str(device["port"])]
            self.where = device["host"]
        else:
            self.options = ["-m", "rtu", "-b", str(device["baud"]), "-P", "none"]
            self.where = device["path"]

    def close(self):
        pass

    def run(self, *arguments, values=()):
        done = subprocess.run(
            ["mbpoll", "-1", "-q", "-o", "5", "-a", str(self.unit), *self.options, *arguments,
             self.where, "--", *[str(value) for value in values]],
            capture_output=True, text=True, timeout=30)
        text = done.stdout + done.stderr
        if "Illegal data address" in text:
            raise Refused(text)
        return text

    def read(self, function, address, count):
        text = self.run("-t", self.TYPES[function], "-r", str(address + 1), "-c", str(count))
        values = [int(value) for value in re.findall(r"^\[\d+\]:\s+(-?\d+)", text, re.M)]
        expect(len(values) == count, f"mbpoll read {count} values: {text}")
        return values

    def write(self, function, address, values):
        kind = "0" if function in (5, 15) else "4"
        text = self.run("-t", kind, "-r", str(address + 1), values=values)
        expect(f"Written {len(values)} references" in text, f"mbpoll wrote: {text}")


class Pymodbus:
    def __init__(self, device):
        from pymodbus.client import ModbusSerialClient, ModbusTcpClient
        if "port" in device:
            self.client = ModbusTcpClient(device["host"], port=device["port"])
        else:
            self.client = ModbusSerialClient(port=device["path"], baudrate=device["baud"],
                                             parity="N", timeout=5)
        expect(self.client.connect(), "pymodbus connected")
        # The unit's argument had several names over the years.
        known = inspect.signature(self.client.read_coils).parameters
        self.unit = {"slave" if "slave" in known else "unit": device["unit_id"]}

    def close(self):
        self.client.close()

    def taken(self, answer):
        if answer.isError():
            expect(getattr(answer, "exception_code", None) == 2, f"pymodbus got {answer}")
            raise Refused(str(answer))
        return answer

    def read(self, function, address, count):
        ask = {1: self.client.read_coils, 2: self.client.read_discrete_inputs,
               3: self.client.read_holding_registers, 4: self.client.read_input_registers}[function]
        answer = self.taken(ask(address, count, **self.unit))
        return [int(bit) for bit in answer.bits[:count]] if function < 3 else answer.registers

    def write(self, function, address, values):
        if function == 5:
            self.taken(self.client.write_coil(address, bool(values[0]), **self.unit))
        elif function == 6:
            self.taken(self.client.write_register(address, values[0], **self.unit))
        elif function == 15:
            self.taken(self.client.write_coils(address, [bool(v) for v in values], **self.unit))
        else:
            self.taken(self.client.write_registers(address, values, **self.unit))


@contextlib.contextmanager
def plant():
    with tempfile.TemporaryDirectory() as folder:
        state = pathlib.Path(folder) / "plant"
        process = subprocess.Popen(
            [BUILD / "tests/sim/plant/simplant", "--state", state, "--scales", "0"],
            stdout=subprocess.DEVNULL)
        try:
            file = state / "plant.json"
            wait_for(file.exists, 20, "the plant is ready")
            yield json.loads(file.read_text())
        finally:
            process.terminate()
            process.wait(10)


def words_of(register):
    """The raw registers of a value of whole numbers, as the plant's list of registers has it."""
    width = {"16": 1, "32": 2, "64": 4}[register["type"][-2:]]
    raw = round(register["value"] / register.get("scale", 1)) & ((1 << 16 * width) - 1)
    words = [raw >> 16 * i & 0xFFFF for i in reversed(range(width))]
    return words[::-1] if register.get("word_order") == "low_first" else words


def reads_what_the_plant_holds(client, control, device):
    """Values move, some all the time: those of `must` stand still long enough to be compared."""
    def held(function):
        return [r for r in http(f"{control}/registers/{device['id']}")[device["id"]]
                if r["table"] == TABLE_OF[function]]

    for function in (1, 2):
        before = [int(r["value"]) for r in held(function)]
        read = client.read(function, 0, len(before))
        after = [int(r["value"]) for r in held(function)]
        expect(all(r in both for r, *both in zip(read, before, after)),
               f"function {function}: {read}, held {before} and {after}")
    checked = set()
    for function in (3, 4):
        for register in held(function):
            if "float" in register["type"] or register["name"] == "read_sequence":
                continue
            before = words_of(register)
            read = client.read(function, register["address"], len(before))
            after = words_of(next(r for r in held(function) if r["name"] == register["name"]))
            if read in (before, after):
                checked.add(register["name"])
    must = {"press": {"cycles_total", "target_pressure", "batch_limit", "part_count"},
            "meter": {"serial_number", "demand_limit"}}[device["kind"]]
    expect(must <= checked, f"{must - checked} were not what the plant holds")


def writes_are_remembered(client, control, device):
    places = PLACES[device["kind"]]
    before = len(http(f"{control}/writes/{device['id']}")[device["id"]])
    orders = [(5, "coil", 0, [0]), (5, "coil", 0, [1]), (15, "coil", 0, [0, 1]),
              (15, "coil", 0, [1, 0]), (6, "holding_register", places["word"], [1234]),
              (16, "holding_register", places["pair"], [1, 0xFFFE])]
    for function, table, address, values in orders:
        client.write(function, address, values)
        read = client.read(1 if table == "coil" else 3, address, len(values))
        expect(read == values, f"function {function}: wrote {values}, reads {read}")
    said = [(w["function"], w["table"], w["address"], w["values"])
            for w in http(f"{control}/writes/{device['id']}")[device["id"]][before:]]
    expect(said == orders, f"the plant remembers {said}, was ordered {orders}")


def numbers_are_counted(client, control, device):
    function, address = PLACES[device["kind"]]["number"]
    read = set()
    for _ in range(5):
        high, low = client.read(function, address, 2)
        read.add(high << 16 | low)

    def counted():
        return http(f"{control}/counts/{device['id']}")[device["id"]]

    expect(len(read) == 5, f"five numbers: {read}")
    # The plant counts what it has sent: the client may be quicker.
    wait_for(lambda: read <= numbers(counted()["ranges"]), 5, f"{read} counted as sent")
    counts = counted()
    expect(counts["bad_requests"] == 0 and counts["unanswered"] == 0, f"{counts}")


def what_is_not_there_is_refused(client, control, device):
    def exceptions():
        return http(f"{control}/counts/{device['id']}")[device["id"]]["exceptions"]

    before = exceptions()
    for ask in (lambda: client.read(3, BEYOND, 1), lambda: client.write(6, BEYOND, [1]),
                lambda: client.write(16, BEYOND - 1, [1, 2])):
        try:
            ask()
        except Refused:
            continue
        expect(False, "an address beyond the table was refused")
    wait_for(lambda: exceptions() == before + 3, 5, "each refusal is counted")


def converse(make_client):
    with plant() as site:
        for device in site["devices"]:
            client = make_client(device)
            try:
                for part in (reads_what_the_plant_holds, writes_are_remembered, numbers_are_counted,
                             what_is_not_there_is_refused):
                    part(client, site["control"], device)
            finally:
                client.close()
        return ", ".join(device["id"] for device in site["devices"])


def mbpoll_reads_and_writes_the_plant():
    return converse(Mbpoll)


def pymodbus_reads_and_writes_the_plant():
    try:
        import pymodbus  # noqa: F401
    except ImportError:
        raise Skipped("no pymodbus for this Python") from None
    return converse(Pymodbus)


if __name__ == "__main__":
    sys.exit(run_scenarios([mbpoll_reads_and_writes_the_plant, pymodbus_reads_and_writes_the_plant]))
