"""What every measurement stands on: a simulated cloud, processes under measurement that take orders, and the
lines that are printed.

CPU and memory of a process are the kernel's own numbers (/proc), taken from outside and in the same
way for the gateway, the raw publisher and the SDK's clients.
"""
import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "scenario"))
from plant_and_cloud import Cloud, Failure, Skipped, wait_for  # noqa: E402,F401

GROUP_KEY = bytes([7]) * 64
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
# Descriptors a client: libmosquitto by itself opens a pair besides its socket.
RAW_DESCRIPTORS = 3


def build_folder():
    return pathlib.Path(os.environ.get("HUBWARD_BUILD") or ROOT / "build/release")


def program(name):
    where = {"hubward": "gateway", "simcloud": "tests/sim/cloud", "simplant": "tests/sim/plant",
             "bench_gateway": "tests/bench/gateway", "bench_raw_publisher": "tests/bench/raw",
             "bench_modbus": "tests/bench/modbus",
             "bench_dead_units": "tests/bench/modbus",
             "bench_register_farm": "tests/bench/modbus"}
    return str(build_folder() / where[name] / name)


def figure(name, value, unit, goal=None, better="lower"):
    """Prints one figure. Without a goal it is there to be compared with."""
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit, "goal": goal,
                      "better": better}), flush=True)


def say(text):
    print(text, file=sys.stderr, flush=True)


def need_descriptors(count):
    """Raises the limit of open files for ourselves and what we start; Skipped where that cannot be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (count, count))
            return
        except (ValueError, OSError):
            raise Skipped(f"needs {count} open files, the limit is {hard}") from None
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def cpu_seconds(pid):
    """User and system time of a process with all its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_bytes(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def device_id(number):
    return f"bench-{number:05}"


def device_key(device):
    return base64.b64encode(hmac.new(GROUP_KEY, device.encode(), hashlib.sha256).digest()).decode()


class Peer:
    """A process that takes orders as JSON lines and answers each with one."""

    def __init__(self, name, command, log):
        self.name = name
        self.log = log
        with open(log, "ab") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=errors, text=True, start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def order(self, **order):
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise Failure(f"{self.name} ended: {pathlib.Path(self.log).read_text()[-500:]}")
        return json.loads(line)

    def ask(self, **order):
        self.order(**order)
        return self.answer()

    def stop(self):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


class Meter:
    """CPU and memory of a process from here on."""

    def __init__(self, pid):
        self.pid = pid
        self.started = time.monotonic()
        self.cpu = cpu_seconds(pid)

    def cpu_s(self):
        return cpu_seconds(self.pid) - self.cpu

    def passed_s(self):
        return time.monotonic() - self.started


class Stage:
    """A simulated cloud with enrolled devices, in a folder of its own. One measurement each."""

    def __init__(self, devices, hubs=2, cloud_options=()):
        self.devices = devices
        self.hubs = hubs
        self.cloud_options = list(cloud_options)
        self.peers = []

    def __enter__(self):
        need_descriptors(RAW_DESCRIPTORS * self.devices + 200)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hubward-bench-"))
        try:
            self._start_cloud()
            self._enroll()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        for peer in reversed(self.peers):
            peer.stop()
        self.cloud_process.send_signal(signal.SIGTERM)
        self.cloud_process.wait()
        if kind is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            say(f"kept for a look: {self.folder}")

    def _start_cloud(self):
        state = self.folder / "cloud"
        state.mkdir()
        log = open(self.folder / "cloud.log", "wb")
        self.cloud_process = subprocess.Popen(
            [program("simcloud"), "--state", str(state), "--hubs", str(self.hubs),
             *self.cloud_options], stdout=log, stderr=log, start_new_session=True)
        log.close()
        self.ports_file = state / "ports.json"
        ports = wait_for(lambda: json.loads(self.ports_file.read_text()), 20,
                         "the simulated cloud is up")
        self.cloud = Cloud(ports)
        self.hub = ports["hubs"][0]

    def _enroll(self):
        """Every device is known to DPS and to the first hub, as after an earlier registration."""
        connection = http.client.HTTPConnection("127.0.0.1", self.cloud.ports["control"])
        for number in range(self.devices):
            device = device_id(number)
            connection.request("POST", "/enroll", json.dumps(
                {"registrationId": device, "deviceId": device, "key": device_key(device),
                 "hubs": [self.hub["name"]], "assigned": True}))
            answer = connection.getresponse()
            text = answer.read().decode()
            if answer.status != 200:
                raise Failure(f"enroll: {text}")
        connection.close()

    def peer(self, name, *command):
        peer = Peer(name, list(command), self.folder / f"{name}-{len(self.peers)}.log")
        self.peers.append(peer)
        return peer

    def gateway(self, devices=None, assigned=True, folder="gateway", **options):
        """A gateway with all devices in one process, fed by itself; not yet connected."""
        (self.folder / folder).mkdir(exist_ok=True)
        arguments = [f"{key}={value}" for key, value in options.items()]
        if assigned:
            arguments.append(f"assigned={self.hub['address']}")
        return self.peer("gateway", program("bench_gateway"), str(self.folder / folder),
                         str(self.ports_file), str(devices or self.devices), *arguments)

    def raw_publisher(self):
        """As many clients without a gateway, connected."""
        peer = self.peer("raw", program("bench_raw_publisher"), str(self.ports_file),
                         self.hub["host"], str(self.devices))
        peer.answer()
        return peer

    def retire(self, peer):
        """Ends a peer and waits until the cloud has seen it go."""
        peer.stop()
        self.peers.remove(peer)
        wait_for(lambda: self.connected() == 0, 60, "the cloud has seen everybody go")

    def connected(self):
        return self.cloud.get("/counts")["connected"]

    def wait_connected(self, seconds=120):
        """Until everybody is; returns how long that took from now."""
        started = time.monotonic()
        wait_for(lambda: self.connected() == self.devices, seconds,
                 f"{self.devices} devices are connected")
        return time.monotonic() - started

    def unique(self):
        """Different messages that the cloud has, of all devices."""
        telemetry = self.cloud.get("/counts")["telemetry"]
        return telemetry["total"] - telemetry["repeated"]


class Watch:
    """Looks at something again and again from a thread of its own, with the time before and after each
    look."""

    def __init__(self, look, every_s=0.1):
        self.look = look
        self.every_s = every_s
        self.samples = []  # (time before, time after, value)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._ended.is_set():
            before = time.monotonic()
            with contextlib.suppress(OSError, ValueError, Failure):
                value = self.look()
                self.samples.append((before, time.monotonic(), value))
            self._ended.wait(self.every_s)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


def slope(samples):
    """Of (x, y) a straight line's."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    spread = sum((x - mean_x) ** 2 for x, _ in samples)
    return sum((x - mean_x) * (y - mean_y) for x, y in samples) / spread


def slope_percent_per_hour(samples):
    """Of (seconds, bytes) a straight line's slope, in percent of its middle an hour."""
    if len(samples) < 3:
        return 0.0
    mean_y = sum(y for _, y in samples) / len(samples)
    return slope(samples) * 3600 / mean_y * 100
