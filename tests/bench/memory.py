"""What a gateway takes while nothing happens: the real program, with a site of many devices."""
import json
import time

from stage import (Failure, Meter, Peer, Stage, descriptors, device_id, device_key, figure,
                   program, resident_bytes, wait_for)
from plant_and_cloud import free_port

QUIET_S = 3
# A site with sensors behind a broker: the broker itself is left away, its absence costs a timer.
SENSOR = {"version": 1, "enrollment": "bench",
          "tags": [{"name": "counter", "pointer": "/seq"}]}


def write_site(folder, stage, devices, rate):
    (folder / "devices.d").mkdir(parents=True)
    (folder / "keys").mkdir()
    broker = free_port()
    gateway = {
        "version": 1,
        "dps": {"host": stage.cloud.ports["dps"], "id_scope": stage.cloud.ports["id_scope"]},
        "enrollments": {"bench": {"type": "individual"}},
        "trusted_roots_file": stage.cloud.ports["ca"],
        "state_folder": str(folder / "state"),
        "page": {"address": f"127.0.0.1:{free_port()}"},
        "limits": {"connections_per_second": rate, "registrations_per_second": min(rate, 100)},
        "broker": {"host": "127.0.0.1", "port": broker},
    }
    (folder / "gateway.json").write_text(json.dumps(gateway))
    for number in range(devices):
        device = device_id(number)
        key = folder / "keys" / device
        key.write_text(device_key(device))
        key.chmod(0o600)
        (folder / "devices.d" / f"{device}.json").write_text(json.dumps(
            {**SENSOR, "id": device, "key": {"file": f"keys/{device}"},
             "attach": {"mqtt": {"topic": "plant/{device}/telemetry", "device": device}}}))


class Gateway:
    """The real program with a site of that many devices, all connected and quiet."""

    def __init__(self, stage, devices, rate=200):
        folder = stage.folder / f"site-{devices}"
        write_site(folder, stage, devices, rate)
        self.stage = stage
        started = time.monotonic()
        self.process = Peer("hubward", [program("hubward"), "run", "--config", str(folder)],
                            folder / "gateway.log")
        try:
            def up():
                if self.process.process.poll() is not None:
                    raise Failure((folder / "gateway.log").read_text()[-500:])
                return stage.connected() == devices
            wait_for(up, 120 + 10 * devices / rate, f"{devices} devices are connected")
        except BaseException:
            self.process.process.kill()
            raise
        self.up_s = time.monotonic() - started
        time.sleep(QUIET_S)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.process.terminate()
        self.process.process.wait(20)
        self.process.process.stdin.close()
        self.process.process.stdout.close()


def memory(devices=5000, few=10, idle_s=30):
    with Stage(few) as stage, Gateway(stage, few) as gateway:
        few_bytes = resident_bytes(gateway.pid)
        figure(f"memory.{few}.resident", few_bytes / 2**20, "MB", 15)
    with Stage(devices) as stage, Gateway(stage, devices) as gateway:
        many_bytes = resident_bytes(gateway.pid)
        grown = (many_bytes - few_bytes) / (devices - few)
        name = f"memory.{devices}"
        figure(f"{name}.resident", many_bytes / devices / 1024, "kB/device", 60)
        figure(f"{name}.resident_growth", grown / 1024, "kB/device", 60)
        figure(f"{name}.descriptors", descriptors(gateway.pid) / devices, "per device", 1.1)
        figure(f"{name}.provisioned_and_connected", gateway.up_s, "s")
        idle = Meter(gateway.pid)
        time.sleep(idle_s)
        figure(f"{name}.idle_cpu", idle.cpu_s() / idle.passed_s() * 100, "% of a core", 2)
