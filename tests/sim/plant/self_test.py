#!/usr/bin/python3
"""Holds simplant to its word: what it counts as sent is what a reader of its wires gets, number by
number. Speaks Modbus itself (standard library only), so that it shares no code with either side.

    self_test.py SIMPLANT RENDER      (RENDER: deploy/mosquitto/render)
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import tty
import unittest
import urllib.error
import urllib.parse
import urllib.request

SIMPLANT, RENDER = sys.argv[1], sys.argv[2]


def until(condition, what, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("waited in vain: " + what)
        time.sleep(0.01)


def numbers(ranges):
    return {n for first, last in ranges for n in range(first, last + 1)}


def crc16(data):
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return struct.pack("<H", crc)


class Plant:
    def __init__(self, *options):
        # The broker runs as another user and must be able to enter.
        self.folder = pathlib.Path(tempfile.mkdtemp())
        os.chmod(self.folder, 0o755)
        self.broker = None
        self.port = free_port()
        self.start_broker()
        self.process = subprocess.Popen(
            [SIMPLANT, "--state", self.folder / "plant", "--broker", f"127.0.0.1:{self.port}",
             "--mqtt-passwords", self.folder / "users", *options], stdout=subprocess.DEVNULL)
        file = self.folder / "plant" / "plant.json"
        try:
            until(file.exists, "plant.json")
        except AssertionError:
            self.stop()
            raise
        self.plant = json.loads(file.read_text())
        self.devices = {device["id"]: device for device in self.plant["devices"]}

    def start_broker(self):
        users = self.folder / "users"
        users.write_text("hubward:h\nsensor-01:a\nsensor-02:b\nsensor-03:c\n")
        conf = subprocess.check_output([RENDER, "--state", self.folder / "broker", "--port",
                                        str(self.port), "--users", users], text=True).strip()
        self.broker = subprocess.Popen(["mosquitto", "-c", conf], stderr=subprocess.DEVNULL)

    def get(self, path):
        with urllib.request.urlopen(self.plant["control"] + path, timeout=5) as answer:
            return json.load(answer)

    def counts(self, device):
        return self.get("/counts/" + device)[device]

    def post(self, path, order=None):
        request = urllib.request.Request(self.plant["control"] + path, method="POST",
                                         data=json.dumps(order or {}).encode())
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(timeout=5)
        self.broker.terminate()
        self.broker.wait(timeout=10)
        shutil.rmtree(self.folder)
        return status


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Press:
    """A Modbus TCP client that asks for all input registers."""

    def __init__(self, device):
        self.socket = socket.create_connection((device["host"], device["port"]), timeout=2)
        self.transaction = 0

    def request(self, pdu):
        self.transaction += 1
        self.socket.sendall(struct.pack(">HHHB", self.transaction, 0, len(pdu) + 1, 1) + pdu)
        header = self.exactly(7)
        return header, self.exactly(struct.unpack(">H", header[4:6])[0] - 1)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise ConnectionError("closed")
            data += piece
        return data

    def sequence(self):
        _, pdu = self.request(struct.pack(">BHH", 4, 0, 28))
        return struct.unpack(">I", pdu[2:6])[0]


class Serial:
    def __init__(self, path):
        self.file = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.file)

    def read(self, seconds, enough=lambda data: False):
        deadline, data = time.monotonic() + seconds, b""
        while time.monotonic() < deadline and not enough(data):
            try:
                data += os.read(self.file, 4096)
            except BlockingIOError:
                time.sleep(0.002)
        return data

    def sequence(self):
        """One read of the meter's holding registers, or None if the answer is not right."""
        request = struct.pack(">BBHH", 7, 3, 0, 21)
        os.write(self.file, request + crc16(request))
        answer = self.read(0.5, lambda data: len(data) >= 47)
        right = len(answer) == 47 and answer[:3] == b"\x07\x03\x2a"
        if not right or crc16(answer[:-2]) != answer[-2:]:
            return None
        return struct.unpack(">I", answer[3:7])[0]

    def close(self):
        os.close(self.file)


class SelfTest(unittest.TestCase):
    options = ("--rate", "60", "--scale-rate", "40")

    def setUp(self):
        self.plant = Plant(*self.options)

    def tearDown(self):
        self.assertEqual(self.plant.stop(), 0)

    def test_press_counts_what_was_read(self):
        press = Press(self.plant.devices["press-01"])
        got = {press.sequence() for _ in range(50)}
        press.request(struct.pack(">BHH", 4, 2, 26))  # does not cover the number: no sample
        counts = self.plant.counts("press-01")
        self.assertEqual(numbers(counts["ranges"]), got)
        self.assertEqual(counts["sent"], 50)
        self.assertEqual(counts["at_risk"], [])
        press.socket.close()
        until(lambda: self.plant.counts("press-01")["at_risk"], "samples at risk")
        self.assertIn(50, numbers(self.plant.counts("press-01")["at_risk"]))

    def test_press_misbehaves_as_ordered(self):
        device = self.plant.devices["press-01"]
        press = Press(device)
        self.assertEqual(press.sequence(), 1)
        self.plant.post("/devices/press-01/fault", {"kind": "exception", "code": 6, "address": 9})
        _, pdu = press.request(struct.pack(">BHH", 4, 0, 9))
        self.assertEqual(pdu[0], 4)  # does not touch address 9
        _, pdu = press.request(struct.pack(">BHH", 4, 0, 28))
        self.assertEqual(pdu, b"\x84\x06")
        self.plant.post("/devices/press-01/fault", {"kind": "wrong_transaction"})
        header, _ = press.request(struct.pack(">BHH", 4, 0, 28))
        self.assertNotEqual(struct.unpack(">H", header[:2])[0], press.transaction)
        self.plant.post("/devices/press-01/fault", {"kind": "close"})
        with self.assertRaises(ConnectionError):
            press.sequence()
        press = Press(device)
        self.plant.post("/devices/press-01/fault", {"kind": "silent", "count": 0})
        press.socket.settimeout(0.3)
        with self.assertRaises(socket.timeout):
            press.sequence()
        self.plant.post("/devices/press-01/heal")
        self.assertEqual(Press(device).sequence(), 5)
        counts = self.plant.counts("press-01")
        self.assertEqual(numbers(counts["ranges"]), {1, 2, 5})
        self.assertEqual(numbers(counts["spoiled"]), {3, 4})

    def test_press_logs_writes_and_stops(self):
        press = Press(self.plant.devices["press-01"])
        press.request(struct.pack(">BHH", 5, 1, 0xFF00))
        press.request(struct.pack(">BHH", 6, 0, 2100))
        press.request(struct.pack(">BHHBHH", 16, 2, 2, 4, 1, 2))
        _, refused = press.request(struct.pack(">BHH", 6, 200, 1))
        self.assertEqual(refused, b"\x86\x02")
        writes = [(w["table"], w["address"], w["values"], w["refused"])
                  for w in self.plant.get("/writes/press-01")["press-01"]]
        self.assertEqual(writes, [("coil", 1, [1], False), ("holding_register", 0, [2100], False),
                                  ("holding_register", 2, [1, 2], False),
                                  ("holding_register", 200, [], True)])
        values = {r["name"]: r["value"] for r in self.plant.get("/registers/press-01")["press-01"]}
        self.assertEqual((values["lamp"], values["batch_limit"]), (True, 65538))
        self.assertAlmostEqual(values["target_pressure"], 210)
        self.plant.post("/devices/press-01/stop")
        until(lambda: not self.answers("press-01"), "the port to close")
        self.plant.post("/devices/press-01/start")
        until(lambda: self.answers("press-01"), "the port to open")

    def answers(self, device):
        try:
            Press(self.plant.devices[device]).socket.close()
            return True
        except OSError:
            return False

    def test_an_order_needs_no_body(self):
        # What `curl -X POST` sends: neither a body nor a word of how long it is.
        host = urllib.parse.urlsplit(self.plant.plant["control"]).netloc
        press = Press(self.plant.devices["press-01"])
        self.plant.post("/devices/press-01/fault", {"kind": "exception", "code": 6, "count": 0})
        self.assertEqual(press.request(struct.pack(">BHH", 5, 1, 0xFF00))[1], b"\x85\x06")
        for path in ("/devices/press-01/heal", "/counts/clear", "/stop", "/start"):
            with self.subTest(path), socket.create_connection(host.split(":"), timeout=5) as wire:
                asked = time.monotonic()
                wire.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                self.assertIn(b" 200 ", wire.recv(4096))
                # Who waits for a body gives up after 5 s.
                self.assertLess(time.monotonic() - asked, 4.5)
        until(lambda: self.answers("press-01"), "the port to open again")
        press = Press(self.plant.devices["press-01"])
        self.assertEqual(press.request(struct.pack(">BHH", 5, 1, 0xFF00))[1][:1], b"\x05")

    def test_what_is_written_to_all_units_is_remembered_as_carried_out(self):
        meter = Serial(self.plant.devices["meter-01"]["path"])
        for count, address in enumerate((1, 200), 1):  # the second is past the table
            pdu = struct.pack(">BBHH", 0, 6, address, 77)
            os.write(meter.file, pdu + crc16(pdu))
            until(lambda: len(self.plant.get("/writes/meter-01")["meter-01"]) == count,
                  f"write {count}")
        self.assertEqual([(w["values"], w["refused"])
                          for w in self.plant.get("/writes/meter-01")["meter-01"]],
                         [([77], False), ([], True)])
        meter.close()

    def test_meter_counts_what_was_read_and_spoils_what_was_ordered(self):
        meter = Serial(self.plant.devices["meter-01"]["path"])
        got = [meter.sequence() for _ in range(10)]
        self.assertEqual(got, list(range(1, 11)))
        for kind in ("wrong_crc", "truncated", "garbage", "oversized", "wrong_unit",
                     "wrong_function", "wrong_byte_count", "silent"):
            self.plant.post("/devices/meter-01/fault", {"kind": kind})
            with self.subTest(kind):
                self.assertIsNone(meter.sequence())
        os.write(meter.file, b"\x00\xff\x13")  # noise in front of a request is survived
        time.sleep(0.3)
        self.assertEqual(meter.sequence(), 18)  # the silent one used up no number
        counts = self.plant.counts("meter-01")
        self.assertEqual(numbers(counts["ranges"]), set(range(1, 11)) | {18})
        self.assertEqual(numbers(counts["spoiled"]), set(range(11, 18)))
        meter.close()
        until(lambda: 18 in numbers(self.plant.counts("meter-01")["at_risk"]), "risk")

    def test_meter_can_be_unplugged(self):
        path = self.plant.devices["meter-01"]["path"]
        meter = Serial(path)
        self.assertEqual(meter.sequence(), 1)
        self.plant.post("/devices/meter-01/unplug")
        self.assertFalse(os.path.exists(path))
        self.plant.post("/devices/meter-01/plug")
        again = Serial(path)
        self.assertEqual(again.sequence(), 2)
        for line in (meter, again):
            line.close()

    @unittest.skipUnless(os.geteuid() == 0, "needs root, to become somebody else")
    def test_a_reader_that_was_killed_does_not_keep_the_line(self):
        path = self.plant.devices["scale-01"]["path"]
        reader = ("import fcntl, os, sys, termios, time\n"
                  "os.setgid(65534), os.setuid(65534)\n"
                  f"line = os.open({path!r}, os.O_RDWR | os.O_NOCTTY)\n"
                  "fcntl.ioctl(line, termios.TIOCEXCL)\n"
                  "print('open', flush=True)\n"
                  "os.read(line, 1)\n"
                  "print('heard', flush=True)\n"
                  "time.sleep(60)\n")
        os.chmod(self.plant.folder / "plant", 0o755)
        os.chown(os.path.realpath(path), 65534, 65534)
        for _ in range(2):
            process = subprocess.Popen([sys.executable, "-c", reader], stdout=subprocess.PIPE)
            self.assertEqual(process.stdout.readline(), b"open\n")
            self.assertEqual(process.stdout.readline(), b"heard\n")
            process.kill()
            process.wait()
            process.stdout.close()
            until(lambda: not self.plant.counts("scale-01")["reader"], "the reader to be missed")

    def test_scale_counts_the_lines_a_reader_got(self):
        scale = Serial(self.plant.devices["scale-01"]["path"])
        data = scale.read(1.5)
        self.plant.post("/devices/scale-01/fault", {"kind": "half_line"})
        data += scale.read(0.3)
        self.plant.post("/devices/scale-01/fault", {"kind": "garbage"})
        data += scale.read(0.3)
        self.plant.post("/devices/scale-01/stop")
        data += scale.read(0.3)
        form = re.compile(rb"(?:ST|US),GS,[+-]  \d{3}\.\d{3}kg,#(\d{8})")
        got = {int(match[1]) for match in map(form.fullmatch, data.split(b"\r\n")) if match}
        counts = self.plant.counts("scale-01")
        self.assertEqual(numbers(counts["ranges"]), got)
        self.assertGreater(len(got), 40)
        self.assertGreaterEqual(len(numbers(counts["spoiled"])), 1)
        scale.close()
        time.sleep(0.1)
        self.plant.post("/devices/scale-01/start")
        time.sleep(0.3)  # nobody listens: nothing is sent
        self.assertEqual(self.plant.counts("scale-01")["sent"], len(got))

    def test_sensors_count_what_the_broker_took(self):
        self.plant.post("/stop")
        got = {f"sensor-0{i}": set() for i in (1, 2, 3)}
        listen = ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.plant.port), "-u", "hubward",
                  "-P", "h", "-i", "self-test", "-c", "-q", "1", "-t", "plant/+/telemetry"]
        subprocess.run([*listen, "-E"], check=True)  # makes the session
        time.sleep(0.1)
        self.plant.post("/counts/clear")
        self.plant.post("/start")
        time.sleep(1)
        for kind in ("not_json", "deep", "binary", "huge"):
            self.plant.post("/devices/sensor-01/fault", {"kind": kind, "count": 2})
        # The broker goes and comes back; sensors repeat what it did not acknowledge.
        self.plant.broker.terminate()
        self.plant.broker.wait(timeout=10)
        time.sleep(0.5)
        self.plant.start_broker()
        names = list(got)
        until(lambda: all(self.plant.counts(name)["connected"] for name in names), "the broker")
        time.sleep(0.5)
        self.plant.post("/stop")
        until(lambda: not any(self.plant.counts(name)["waiting"] for name in names), "PUBACKs")
        output = subprocess.run([*listen, "-W", "2"], stdout=subprocess.PIPE).stdout
        for line in output.splitlines():
            try:
                message = json.loads(line)
                got[message["device"]].add(message["seq"])
            except (ValueError, RecursionError, TypeError, KeyError):
                pass
        for name in names:
            with self.subTest(name):
                counts = self.plant.counts(name)
                self.assertEqual(numbers(counts["ranges"]) - got[name], set())
                self.assertGreater(counts["sent"], 30)
                self.assertEqual(counts["at_risk"], [])

    def test_a_sensor_cannot_speak_for_another(self):
        for topic in ("plant/sensor-02/telemetry", "other/sensor-01"):
            self.plant.post("/devices/sensor-01/send", {"topic": topic, "payload": "forged"})
        output = subprocess.run(
            ["mosquitto_sub", "-h", "127.0.0.1", "-p", str(self.plant.port), "-u", "hubward", "-P",
             "h", "-t", "#", "-W", "1"], stdout=subprocess.PIPE).stdout
        self.assertNotIn(b"forged", output)
        refused = subprocess.run(
            ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(self.plant.port), "-t", "plant/x",
             "-m", "anonymous"], stderr=subprocess.PIPE)
        self.assertNotEqual(refused.returncode, 0)

    def test_wrong_orders_are_refused_in_words(self):
        for path, order in (("/devices/press-01/fault", {"kind": "explode"}),
                            ("/devices/nobody/stop", {}), ("/devices/press-01/plug", {}),
                            ("/devices/press-01/rate", {"messages_per_s": 1}),
                            ("/devices/scale-01/rate", {"messages_per_s": -1})):
            with self.subTest(path), self.assertRaises(urllib.error.HTTPError) as caught:
                self.plant.post(path, order)
            self.assertTrue(json.load(caught.exception)["error"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], warnings="ignore")
