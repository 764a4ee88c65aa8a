"""A whole site on one machine: simulated cloud, simulated plant, broker and gateway, as processes.

    with Site(build="build/release") as site:
        site.start_gateway()
        site.wait_all_online()
        ...
        print(site.score())

Counts are the plant's and the cloud's, never the gateway's. Everything lives in one folder, which is
kept and named when something fails. Needs nothing but Python and the Debian packages of the tests.
"""
import base64
import concurrent.futures
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "sim" / "plant"))
import device_files  # noqa: E402

GROUP_KEY = base64.b64encode(bytes(range(64))).decode()
BROKER_PASSWORD = "broker-demo-password"
# Below Linux's usual range of ports for outgoing connections, which begins at 32768.
PORTS = (15000, 32000)
CLAIMED = []
# What takes longer than a change should wait for: `tests/run --long` sets 1, without it 0.
LONG = os.environ.get("HUBWARD_LONG", "0") not in ("", "0")


class Failure(Exception):
    """What was expected did not happen."""


class BadAnswer(Failure):
    """An HTTP status that says no."""


class Skipped(Exception):
    """This machine has not what the scenario needs."""


SKIPPED = 77  # ctest's SKIP_RETURN_CODE


def wait_for(condition, seconds, what):
    """Polls until `condition()` is true and returns its value; waits for conditions, never for time."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            value = condition()
        except (OSError, ValueError, KeyError, BadAnswer):
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds} s: {what}")
        time.sleep(0.05)


def http(url, body=None, method=None, timeout=40):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        raise BadAnswer(f"{url}: {error.code} {error.read().decode()}") from None
    try:
        return json.loads(text)
    except ValueError:
        return text


def numbers(ranges):
    return {number for first, last in ranges for number in range(first, last + 1)}


def free_port(count=1):
    """The first of `count` free ports in a row, ours until this process ends. They lie below those the
    kernel gives to whoever asks for any, and are locked (by a socket name, which vanishes with us)
    against other sites: a port that is released for a moment would be taken by a neighbour."""
    for _ in range(1000):
        first = random.randrange(*PORTS)
        if all(claim_port(port) for port in range(first, first + count)):
            return first
    raise Failure("no free ports")


def claim_port(port):
    lock = socket.socket(socket.AF_UNIX)
    try:
        lock.bind(f"\0hubward-scenario-port-{port}")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    except OSError:
        lock.close()
        return False
    CLAIMED.append(lock)
    return True


class Cloud:
    """The control side of simcloud."""

    def __init__(self, ports):
        self.ports = ports
        self.url = ports["control_url"]

    def get(self, path):
        return http(self.url + path)

    def post(self, path, body=None):
        return http(self.url + path, body or {})

    def fault(self, **rule):
        return self.post("/faults", rule)["id"]

    def end_fault(self, number):
        return http(f"{self.url}/faults/{number}", method="DELETE")

    def device(self, device):
        return self.get(f"/devices/{device}")

    def counters(self, device):
        found = self.get(f"/devices/{device}/counters")
        return found.get("counter")

    def conversations(self, device):
        """How many registrations the device has asked DPS for."""
        counts = self.get("/dps")
        return counts.get("dps", counts).get(device, {}).get("conversations", 0)

    def method(self, device, name, payload, timeout_ms=10000):
        return self.post(f"/devices/{device}/method",
                         {"name": name, "payload": payload, "timeout_ms": timeout_ms})


class Plant:
    """The control side of simplant."""

    def __init__(self, plant):
        self.plant = plant
        self.url = plant["control"]
        self.devices = [device["id"] for device in plant["devices"]]

    def get(self, path):
        return http(self.url + path)

    def post(self, path, body=None):
        return http(self.url + path, body or {})

    def fault(self, device, **rule):
        return self.post(f"/devices/{device}/fault", rule)


class Site:
    def __init__(self, build=None, folder=None, hubs=2, sensors=3, presses=1, meters=1, scales=1,
                 rate=10, interval_ms=200, cloud_options=(), page_port=0, settings=None,
                 first_sequence=1, names=None):
        self.build = pathlib.Path(build or os.environ.get("HUBWARD_BUILD") or ROOT / "build/release")
        self.given_folder = folder
        self.options = dict(hubs=hubs, sensors=sensors, presses=presses, meters=meters,
                            scales=scales, rate=rate)
        self.interval_ms = interval_ms
        self.cloud_options = list(cloud_options)
        self.page_port = page_port or free_port()
        self.settings = settings or {}
        self.first_sequence = first_sequence
        self.names = names
        self.processes = {}
        self.gateway_runs = 0
        self.gateway_kills = 0

    # --- Life

    def __enter__(self):
        self.folder = pathlib.Path(self.given_folder or tempfile.mkdtemp(prefix="hubward-"))
        self.folder.mkdir(parents=True, exist_ok=True)
        # Open to pass through: a broker started as root runs as another user. Secrets in it are 0600.
        os.chmod(self.folder, 0o711)
        try:
            self._start_cloud()
            self._start_broker()
            self._start_plant()
            self._write_site()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, value, trace):
        stuck = []
        for name in reversed(list(self.processes)):
            try:
                self.stop(name)
            except Failure as failure:
                stuck.append(str(failure))
        if stuck and kind is None:
            raise Failure("; ".join(stuck))
        if kind is not None and kind is not KeyboardInterrupt:
            print(f"\nkept for a look: {self.folder}", file=sys.stderr)
            for log in sorted(self.folder.glob("gateway*.log"))[-1:]:
                lines = log.read_text(errors="replace").splitlines()
                print("\n".join(["last lines of the gateway's log:"] + lines[-15:]), file=sys.stderr)
        elif self.given_folder is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def program(self, name):
        where = {"hubward": "gateway", "simcloud": "tests/sim/cloud", "simplant": "tests/sim/plant",
                 "simproxy": "tests/sim/proxy"}
        return str(self.build / where[name] / name)

    def spawn(self, name, command, log=None, env=None):
        out = open(self.folder / (log or f"{name}.log"), "ab")
        # A process group of its own: Ctrl-C is ours to hand on, in order.
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                   start_new_session=True, env=env)
        out.close()
        self.processes[name] = process
        return process

    def stop(self, name, sig=signal.SIGTERM, seconds=8):
        process = self.processes.pop(name, None)
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Failure(f"{name} did not end within {seconds} s") from None
        return process.returncode

    def alive(self, name):
        process = self.processes.get(name)
        return process is not None and process.poll() is None

    def reach_cloud(self, ports):
        return Cloud(ports)

    def _start_cloud(self):
        state = self.folder / "cloud"
        state.mkdir(exist_ok=True)
        (state / "ports.json").unlink(missing_ok=True)
        process = self.spawn("cloud", [self.program("simcloud"), "--state", str(state), "--hubs",
                                       str(self.options["hubs"])] + self.cloud_options)

        def ready():
            if process.poll() is not None:
                raise Failure("simcloud ended: " + (self.folder / "cloud.log").read_text())
            ports = json.loads((state / "ports.json").read_text())
            return ports if ports["pid"] == process.pid else None

        self.cloud = self.reach_cloud(wait_for(ready, 20, "simulated cloud is up"))
        self.cloud.post("/enroll", {"name": "plant", "group": True, "key": GROUP_KEY,
                                    "hubs": ["hub-1"]})

    def _start_broker(self):
        if not self.options["sensors"]:
            return
        self.broker_port = free_port()
        users = self.folder / "broker-users"
        names = ["hubward"] + [f"sensor-{n + 1:02d}" for n in range(self.options["sensors"])]
        users.write_text("".join(f"{name}:{BROKER_PASSWORD}\n" for name in names))
        users.chmod(0o600)
        self.broker_users = users
        self.broker_conf = subprocess.run(
            [str(ROOT / "deploy/mosquitto/render"), "--state", str(self.folder / "broker"),
             "--port", str(self.broker_port), "--users", str(users)],
            check=True, capture_output=True, text=True).stdout.strip()
        self.start_broker()

    def start_broker(self):
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.spawn("broker", [program, "-c", self.broker_conf])

        def listens():
            with socket.create_connection(("127.0.0.1", self.broker_port), timeout=1):
                return True

        wait_for(listens, 10, "the broker listens")

    def _start_plant(self):
        state = self.folder / "plant"
        state.mkdir(exist_ok=True)
        command = [self.program("simplant"), "--state", str(state), "--paused",
                   "--first-sequence", str(self.first_sequence)]
        for option in ("presses", "meters", "scales"):
            command += [f"--{option}", str(self.options[option])]
        if self.options["presses"]:
            # Held from now on: a paused press does not listen yet.
            command += ["--modbus-port", str(free_port(self.options["presses"]))]
        if self.options["sensors"]:
            command += ["--broker", f"127.0.0.1:{self.broker_port}", "--sensors",
                        str(self.options["sensors"]), "--rate", str(self.options["rate"]),
                        "--mqtt-passwords", str(self.broker_users)]
        (state / "plant.json").unlink(missing_ok=True)
        self.spawn("plant", command)
        self.plant = Plant(wait_for(lambda: json.loads((state / "plant.json").read_text()), 20,
                                    "simulated plant is up"))
        self.devices = self.plant.devices

    # --- Configuration

    def _write_site(self):
        site = self.folder / "site"
        (site / "devices.d").mkdir(parents=True, exist_ok=True)
        self.site_folder = site
        self._secret("group.key", GROUP_KEY)
        gateway = {
            "version": 1,
            "name": "Demo plant",
            "dps": {"host": self.cloud.ports["dps"], "id_scope": self.cloud.ports["id_scope"]},
            "enrollments": {"plant": {"type": "group", "key": {"file": "group.key"}}},
            "trusted_roots_file": self.cloud.ports["ca"],
            "state_folder": str(self.folder / "state"),
            "page": {"address": f"127.0.0.1:{self.page_port}"},
        }
        if self.options["sensors"]:
            self._secret("broker.password", BROKER_PASSWORD)
            gateway["broker"] = {"host": "127.0.0.1", "port": self.broker_port, "user": "hubward",
                                 "password": {"file": "broker.password"}}
        gateway.update(self.settings)
        (site / "gateway.json").write_text(json.dumps(gateway, indent=2) + "\n")
        made = device_files.device_files(self.plant.plant, self.plant.get("/registers"),
                                         interval_ms=self.interval_ms, names=self.names)
        for device, contents in made.items():
            (site / "devices.d" / f"{device}.json").write_text(json.dumps(contents, indent=2) + "\n")

    def _secret(self, name, text):
        path = self.site_folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)

    # --- Gateway

    def start_gateway(self, wait=True, env=None):
        """`env`: additions to the gateway's environment."""
        self.gateway_runs += 1
        self.gateway_log = self.folder / f"gateway-{self.gateway_runs:03d}.log"
        process = self.spawn("gateway", [self.program("hubward"), "run", "--config",
                                         str(self.site_folder)], log=self.gateway_log.name,
                             env={**os.environ, **env} if env else None)
        if wait:
            def up():
                if process.poll() is not None:
                    last = self.gateway_log.read_text().splitlines()[-1:]
                    raise Failure("the gateway ended: " + "".join(last))
                return http(self.page + "/healthz", timeout=2) is not None

            wait_for(up, 20, "the gateway is up")
        return process

    def kill_gateway(self):
        self.gateway_kills += 1
        process = self.processes.pop("gateway")
        process.kill()
        process.wait()

    @property
    def page(self):
        return f"http://127.0.0.1:{self.page_port}"

    def status(self):
        return http(self.page + "/api/status", timeout=5)

    def connected(self):
        """Who the cloud says is connected."""
        return {device["id"] for device in self.cloud.get("/devices")["devices"]
                if device["connected"]}

    def wait_all_online(self, seconds=60):
        wait_for(lambda: self.connected() >= set(self.devices), seconds,
                 f"all devices are connected; now {sorted(self.connected())}")

    def start_plant(self):
        """After the gateway has subscribed: until then the broker keeps nothing for it."""
        def subscribed():
            log = self.all_gateway_logs()
            return all(f"event=device_awaited device={device} " in log
                       for device in self.devices if device.startswith("sensor-"))

        wait_for(subscribed, 20, "the gateway has subscribed at the broker")
        self.plant.post("/start")

    def all_gateway_logs(self):
        return "".join(log.read_text(errors="replace")
                       for log in sorted(self.folder.glob("gateway-*.log")))

    # --- Counts

    def arrived(self, device):
        counters = self.cloud.counters(device)
        return numbers(counters["ranges"]) if counters else set()

    def score(self, forgive_at_risk=False):
        """(sent, received, lost, repeated) by plant and cloud, and the lost numbers by device."""
        sent = received = repeated = 0
        lost = {}
        counts = self.plant.get("/counts")
        for device in self.devices:
            expected = numbers(counts[device]["ranges"])
            arrived = self.arrived(device)
            missing = expected - arrived
            if forgive_at_risk:
                missing -= numbers(counts[device].get("at_risk", []))
            sent += len(expected)
            received += len(expected & arrived)
            if missing:
                lost[device] = sorted(missing)
            repeated += self.cloud.device(device)["telemetry"]["repeated"]
        return {"sent": sent, "received": received, "lost": sum(map(len, lost.values())),
                "repeated": repeated, "lost_numbers": lost}

    def order_violations(self):
        return sum(self.cloud.device(device)["telemetry"]["order_violations"]
                   for device in self.devices)

    def settle(self, seconds=60, forgive_at_risk=False):
        """Stops the plant and waits until everything it sent has arrived."""
        self.plant.post("/stop")

        def published():
            counts = self.plant.get("/counts")
            return all(counts[device].get("waiting", 0) == 0 for device in self.devices)

        wait_for(published, 20, "the broker has everything the sensors sent")
        last = {}

        def complete():
            last.update(self.score(forgive_at_risk))
            return last["lost"] == 0

        try:
            wait_for(complete, seconds, "everything has arrived")
        except Failure as failure:
            raise Failure(f"{failure}: {summary(last)} {last['lost_numbers']}") from None
        return last


def summary(score):
    return " ".join(f"{key}={score[key]}" for key in ("sent", "received", "lost", "repeated"))


def expect(condition, what):
    if not condition:
        raise Failure(what)


def run_one(scenario):
    """Runs one scenario, prints its line, and returns the verdict."""
    started = time.monotonic()
    try:
        detail, verdict = scenario() or "", "ok"
    except Skipped as why:
        detail, verdict = str(why), "skipped"
    except Failure as failure:
        detail, verdict = str(failure), "FAILED"
    print(f"{verdict:7} {scenario.__name__} ({time.monotonic() - started:.0f} s) {detail}",
          flush=True)
    return verdict


def run_scenarios(scenarios, together=False):
    """Runs functions named on the command line (or all), each with its own sentence, and counts.
    The status to exit with: 1 after a failure, 77 if nothing could be run. `together`: side by side,
    each with a site of its own, for scenarios that mostly wait."""
    wanted = [scenario for scenario in scenarios
              if not sys.argv[1:] or scenario.__name__ in sys.argv[1:]]
    with concurrent.futures.ThreadPoolExecutor(len(wanted) if together and wanted else 1) as pool:
        verdicts = set(pool.map(run_one, wanted))
    if not wanted or "FAILED" in verdicts:
        return 1
    return SKIPPED if "ok" not in verdicts else 0
