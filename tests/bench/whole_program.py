"""The real program with a site of device files, as a process under measurement."""
import json
import time

from stage import Failure, Peer, device_id, device_key, program, wait_for
from plant_and_cloud import free_port

QUIET_S = 3


def write_site(folder, stage, device_files, rate):
    """`device_files`: what stands in each device's file besides its identity and key."""
    (folder / "devices.d").mkdir(parents=True)
    (folder / "keys").mkdir()
    gateway = {
        "version": 1,
        "dps": {"host": stage.cloud.ports["dps"], "id_scope": stage.cloud.ports["id_scope"]},
        "enrollments": {"bench": {"type": "individual"}},
        "trusted_roots_file": stage.cloud.ports["ca"],
        "state_folder": str(folder / "state"),
        "page": {"address": f"127.0.0.1:{free_port()}"},
        "limits": {"connections_per_second": rate, "registrations_per_second": min(rate, 100)},
    }
    if any("mqtt" in file["attach"] for file in device_files):
        # The broker itself is left away, its absence costs a timer.
        gateway["broker"] = {"host": "127.0.0.1", "port": free_port()}
    (folder / "gateway.json").write_text(json.dumps(gateway))
    for number, file in enumerate(device_files):
        device = device_id(number)
        key = folder / "keys" / device
        key.write_text(device_key(device))
        key.chmod(0o600)
        (folder / "devices.d" / f"{device}.json").write_text(json.dumps(
            {"version": 1, "enrollment": "bench", "id": device,
             "key": {"file": f"keys/{device}"}, **file}))


class Gateway:
    """Started, and all devices connected. `before`: what goes in front of the command, e.g. taskset."""

    def __init__(self, stage, device_files, rate=200, before=()):
        devices = len(device_files)
        folder = stage.folder / f"site-{devices}"
        write_site(folder, stage, device_files, rate)
        self.stage = stage
        started = time.monotonic()
        self.process = Peer("hubward", [*before, program("hubward"), "run", "--config", str(folder)],
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
