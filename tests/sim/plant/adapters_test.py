#!/usr/bin/python3
"""The gateway's adapters, with real sockets, ports and broker, against a plant that misbehaves as
ordered. Whatever the line does: every sample that the plant sent whole arrives once, no
damaged or late one ever does, and the adapters go on by themselves.

    adapters_test.py SIMPLANT FIELDTAP RENDER      (RENDER: deploy/mosquitto/render)
"""
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import tty
import unittest
import urllib.request

SIMPLANT, FIELDTAP, RENDER = sys.argv[1:4]


def until(condition, what, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.02)


def numbers(ranges):
    return {n for first, last in ranges for n in range(first, last + 1)}


class PlantAndTap(unittest.TestCase):
    def start_plant(self, *options):
        self.faults = 0
        self.tap = None
        self.folder = pathlib.Path(tempfile.mkdtemp())
        os.chmod(self.folder, 0o755)  # the broker is another user
        self.output = self.folder / "out"
        self.plant = subprocess.Popen([SIMPLANT, "--state", self.folder / "plant", *options],
                                      stdout=subprocess.DEVNULL)
        self.addCleanup(self.clean_up)
        self.file = self.folder / "plant" / "plant.json"
        until(self.file.exists, "plant.json")
        self.control = json.loads(self.file.read_text())["control"]

    def start_tap(self, *arguments):
        with self.output.open("ab") as out:
            self.tap = subprocess.Popen([FIELDTAP, self.file, *arguments], stdin=subprocess.PIPE,
                                        stdout=out)

    def kill_tap(self):
        self.tap.kill()
        self.tap.wait()
        self.tap.stdin.close()

    def clean_up(self):  # also when setUp fails
        if self.tap is not None:
            self.kill_tap()
        self.plant.send_signal(signal.SIGTERM)
        self.assertEqual(self.plant.wait(timeout=5), 0)
        shutil.rmtree(self.folder)

    def lines(self, what, device=None):
        whole = self.output.read_text().rpartition("\n")[0]
        made = [json.loads(line) for line in whole.splitlines()]
        return [line for line in made
                if line["what"] == what and device in (None, line["device"])]

    def got(self, device):
        return [line["read_sequence"] for line in self.lines("batch", device)
                if line.get("read_sequence") is not None]

    def counts(self, device):
        return self.all_counts()[device]

    def post(self, path, order=None):
        request = urllib.request.Request(self.control + path, method="POST",
                                         data=json.dumps(order or {}).encode())
        urllib.request.urlopen(request, timeout=10).close()

    def all_counts(self):
        with urllib.request.urlopen(self.control + "/counts", timeout=5) as answer:
            return json.load(answer)

    def goes_on(self, device):
        """Ten samples more arrive."""
        before = len(self.got(device))
        until(lambda: len(self.got(device)) >= before + 10, device + " to go on")

    def finish(self, device, lost_max=0):
        """Stops the device, then the tap, and compares number by number."""
        self.post(f"/devices/{device}/stop")
        time.sleep(0.3)
        self.tap.stdin.close()
        self.assertEqual(self.tap.wait(timeout=5), 0)
        got, counts = self.got(device), self.counts(device)
        self.assertEqual(len(got), len(set(got)), "delivered twice")
        self.assertEqual(got, sorted(got), "order")
        self.assertEqual(set(got) & numbers(counts["spoiled"]), set(), "damaged or late")
        sent = numbers(counts["ranges"])
        self.assertEqual(set(got) - sent, set(), "from nowhere")
        self.assertLessEqual(len(sent - set(got)), lost_max, f"lost {sent - set(got)}")

    def misbehave(self, device, kinds):
        for kind in kinds:
            with self.subTest(kind):
                # More in a row would make the gateway ask less often, and the test longer.
                count = 2 if kind in ("silent", "delay") else 1
                self.faults += count
                self.post(f"/devices/{device}/fault",
                          {"kind": kind, "delay_ms": 1400, "count": count})
                until(lambda: self.counts(device)["faults_pending"] == 0, "the faults to be used")
                self.goes_on(device)


class PolledAndSerialTest(PlantAndTap):
    def setUp(self):
        self.start_plant("--scale-rate", "40")
        self.start_tap()
        until(lambda: len({line["device"] for line in self.lines("batch")}) == 3, "first values")

    def test_a_meter_on_a_bad_line(self):
        self.misbehave("meter-01", ("silent", "delay", "wrong_crc", "truncated", "garbage",
                                    "oversized", "wrong_unit", "wrong_function",
                                    "wrong_byte_count"))
        # Constant, so that a register of another request would show.
        constants = {line["serial_number"] for line in self.lines("batch", "meter-01")
                     if line.get("serial_number") is not None}
        self.assertEqual(constants, {4026531840})
        self.assertGreaterEqual(len(self.lines("bad", "meter-01")), 4)
        # An RTU answer does not say which request it belongs to: after a time-out the gateway must
        # not believe the next one, so that each fault may cost one good answer, and no more.
        self.finish("meter-01", lost_max=self.faults)

    def test_a_press_on_a_bad_network(self):
        self.misbehave("press-01", ("silent", "delay", "truncated", "garbage", "oversized",
                                    "wrong_unit", "wrong_function", "wrong_byte_count",
                                    "wrong_transaction", "close", "exception"))
        trims = {line["offset_trim"] for line in self.lines("batch", "press-01")
                 if line.get("offset_trim") is not None}
        self.assertEqual(trims, {-12})
        self.finish("press-01")

    def test_values_have_the_meaning_that_the_plant_gave_them(self):
        until(lambda: len(self.got("press-01")) > 60, "values")
        seen = {}
        for line in self.lines("batch", "press-01"):
            seen.update(line)
        self.assertAlmostEqual(seen["target_pressure"], 180)
        self.assertGreaterEqual(seen["cycles_total"], 5_000_000_000)
        self.assertLess(seen["force_balance"], 0)
        self.assertIs(seen["run"], True)
        self.assertTrue(0 <= seen["ram_position"] <= 400)
        self.assertTrue(0 <= seen["bed_deflection"] < 1)
        meter = {}
        for line in self.lines("batch", "meter-01"):
            meter.update(line)
        self.assertAlmostEqual(meter["frequency"], 50, delta=0.1)
        self.assertEqual(meter["demand_limit"], 60000)
        self.assertGreater(meter["energy_import"], 7_300_000_000 - 1)

    def test_a_scale_that_talks_rubbish(self):
        for kind in ("half_line", "garbage", "no_match", "bad_number", "overlong"):
            with self.subTest(kind):
                before = self.counts("scale-01")["bad_lines"]
                self.post("/devices/scale-01/fault", {"kind": kind})
                until(lambda: self.counts("scale-01")["bad_lines"] > before, kind)
                self.goes_on("scale-01")
        self.assertGreaterEqual(len(self.lines("bad", "scale-01")), 5)
        self.finish("scale-01")

    def test_a_press_that_is_switched_off_and_on(self):
        self.post("/devices/press-01/stop")
        until(lambda: self.lines("state", "press-01")[-1]["link"] == 2, "the press to be missed")
        self.post("/devices/press-01/start")
        self.goes_on("press-01")
        self.finish("press-01")

    def test_a_serial_adapter_that_is_pulled_out_and_put_back(self):
        for device in ("meter-01", "scale-01"):
            with self.subTest(device):
                self.post(f"/devices/{device}/unplug")
                until(lambda: self.lines("state", device)[-1]["link"] == 2, "the port to be missed")
                self.post(f"/devices/{device}/plug")
                self.goes_on(device)
                counts = self.counts(device)
                lost = numbers(counts["ranges"]) - set(self.got(device))
                # What was on the line when it was pulled out; and what came since the count.
                newest = max(self.got(device))
                self.assertLessEqual({n for n in lost if n < newest - 5},
                                     numbers(counts["at_risk"]))


class SensorsTest(PlantAndTap):
    SENSORS = ("sensor-01", "sensor-02", "sensor-03")

    def setUp(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start_plant("--broker", f"127.0.0.1:{self.port}", "--presses", "0", "--meters", "0",
                         "--scales", "0", "--rate", "60", "--paused", "--mqtt-passwords",
                         self.passwords())
        self.broker = None
        self.start_broker()
        self.start_tap("h")
        self.subscribed()

    def passwords(self):
        self.users = pathlib.Path(tempfile.mkstemp()[1])
        self.addCleanup(self.users.unlink)
        self.users.write_text("hubward:h\nsensor-01:a\nsensor-02:b\nsensor-03:c\n")
        return self.users

    def start_broker(self):
        conf = subprocess.check_output([RENDER, "--state", self.folder / "broker", "--port",
                                        str(self.port), "--users", self.users], text=True).strip()
        self.broker = subprocess.Popen(["mosquitto", "-c", conf], stderr=subprocess.DEVNULL)
        self.addCleanup(self.stop_broker)

    def subscribed(self):
        """Messages published before the first subscription would go nowhere."""
        def reached():
            self.post("/devices/sensor-01/send",
                      {"payload": '{"status":{"door_open":true}}'})
            time.sleep(0.1)
            return self.lines("batch", "sensor-01")
        until(reached, "the subscription")

    def stop_broker(self):
        self.broker.terminate()
        self.broker.wait(timeout=10)

    def settle(self):
        """Nothing is under way any more: every counted message has arrived."""
        self.post("/stop")
        until(lambda: not any(self.counts(one)["waiting"] for one in self.SENSORS), "PUBACKs", 30)
        for sensor in self.SENSORS:
            sent = numbers(self.counts(sensor)["ranges"])
            self.assertGreater(len(sent), 5)
            until(lambda: sent <= set(self.got(sensor)), f"all of {sensor}", 30)

    def test_nothing_is_lost_when_the_reader_is_killed_again_and_again(self):
        self.post("/start")
        for _ in range(8):
            before = len(self.got("sensor-01"))
            until(lambda: len(self.got("sensor-01")) > before + 3, "messages", 30)
            self.kill_tap()
            time.sleep(0.2)
            self.start_tap("h")
        self.settle()

    def test_nothing_is_lost_when_the_broker_restarts(self):
        self.post("/start")
        until(lambda: len(self.got("sensor-01")) > 10, "messages")
        self.stop_broker()
        time.sleep(1)
        self.start_broker()
        before = len(self.got("sensor-03"))
        until(lambda: len(self.got("sensor-03")) > before + 10, "messages", 30)
        self.settle()
        for sensor in self.SENSORS:  # repeats apart, in order
            got = self.got(sensor)
            first = [n for place, n in enumerate(got) if n not in got[:place]]
            self.assertEqual(first, sorted(first))

    def test_bad_payloads_are_counted_and_block_nobody(self):
        self.post("/start")
        kinds = ("not_json", "empty", "truncated", "binary", "missing", "hostile_number", "deep",
                 "huge", "repeated_key", "bad_utf8")
        for kind in kinds:
            self.post("/devices/sensor-02/fault", {"kind": kind})
        self.post("/devices/sensor-01/send", {"topic": "plant/sensor-01/other", "payload": "x"})
        until(lambda: len(self.lines("bad", "sensor-02")) >= len(kinds), "the bad ones", 30)
        self.goes_on("sensor-02")
        self.settle()
        self.assertEqual(len(self.lines("bad")), len(kinds))


class BalanceTest(unittest.TestCase):
    """A scale that speaks only when asked, played here on a pseudo-terminal of its own."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.wire, port = pty.openpty()
        tty.setraw(port)
        plant = {"devices": [{"id": "balance-01", "kind": "balance", "address": "07",
                              "path": os.ttyname(port), "baud": 9600}]}
        os.close(port)
        self.addCleanup(os.close, self.wire)
        (self.folder / "plant.json").write_text(json.dumps(plant))
        self.output = self.folder / "out"
        with self.output.open("wb") as out:
            self.tap = subprocess.Popen([FIELDTAP, self.folder / "plant.json"],
                                        stdin=subprocess.PIPE, stdout=out)
        self.addCleanup(self.end)

    def end(self):
        self.tap.stdin.close()
        self.assertEqual(self.tap.wait(timeout=5), 0)

    def asked(self, seconds):
        """The next whole request, or None."""
        request, deadline = b"", time.monotonic() + seconds
        while not request.endswith(b"\n"):
            if not select.select([self.wire], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            try:
                request += os.read(self.wire, 1)
            except OSError:  # nobody has it open yet
                time.sleep(0.02)
        return request

    def got(self):
        whole = self.output.read_text().rpartition("\n")[0]
        return [line["read_sequence"] for line in map(json.loads, whole.splitlines())
                if line["what"] == "batch"]

    def test_whatever_stands_around_answers_each_is_taken_once(self):
        spoil = [lambda a: a, lambda a: b"\xff\x00" + a[:9], lambda a: b"07 SI\r\n" + a,
                 lambda a: a[:5], lambda a: b"\x1b\r\n" + a, lambda a: b"08" + a[2:], lambda a: a]
        whole = (0, 2, 4, 6)
        expected = []
        for number in range(28):
            self.assertEqual(self.asked(10), b"07 SI\r\n")
            kind = number % len(spoil)
            os.write(self.wire, spoil[kind](b"07 S 12.5 #%d\r\n" % number))
            if kind in whole:
                expected.append(number)
        until(lambda: len(self.got()) >= len(expected), "the last answer")
        self.assertEqual(self.got(), expected)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], warnings="ignore")
