#!/usr/bin/python3
"""The gateway's Modbus and serial adapters, with real sockets and ports, against a plant that
misbehaves as ordered. Whatever the line does: every sample that the plant sent whole arrives once, no
damaged or late one ever does, and the adapters go on by themselves.

    adapters_test.py SIMPLANT FIELDTAP
"""
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

SIMPLANT, FIELDTAP = sys.argv[1], sys.argv[2]


def until(condition, what, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.02)


def numbers(ranges):
    return {n for first, last in ranges for n in range(first, last + 1)}


class AdaptersTest(unittest.TestCase):
    def setUp(self):
        self.faults = 0
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.plant = subprocess.Popen([SIMPLANT, "--state", self.folder, "--scale-rate", "40"],
                                      stdout=subprocess.DEVNULL)
        file = self.folder / "plant.json"
        until(file.exists, "plant.json")
        self.control = json.loads(file.read_text())["control"]
        self.output = self.folder / "out"
        with self.output.open("wb") as out:
            self.tap = subprocess.Popen([FIELDTAP, file], stdin=subprocess.PIPE, stdout=out)
        until(lambda: len({line["device"] for line in self.lines("batch")}) == 3, "first values")

    def tearDown(self):
        if self.tap.poll() is None:
            self.tap.kill()
        self.tap.wait()
        self.tap.stdin.close()
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
        with urllib.request.urlopen(self.control + "/counts", timeout=5) as answer:
            return json.load(answer)[device]

    def post(self, path, order=None):
        request = urllib.request.Request(self.control + path, method="POST",
                                         data=json.dumps(order or {}).encode())
        urllib.request.urlopen(request, timeout=10).close()

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

    def test_a_meter_on_a_bad_line(self):
        self.misbehave("meter-01", ("silent", "delay", "wrong_crc", "truncated", "garbage",
                                    "oversized", "wrong_unit", "wrong_function",
                                    "wrong_byte_count"))
        # Constant, so that a register of another request would show.
        constants = {line["serial_number"] for line in self.lines("batch", "meter-01")
                     if line.get("serial_number") is not None}
        self.assertEqual(constants, {4026531840})
        self.assertGreater(len(self.lines("bad", "meter-01")), 5)
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


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], warnings="ignore")
