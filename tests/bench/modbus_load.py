"""What the real program needs for much Modbus TCP: many tags over one connection, and many endpoints.
The devices are `bench_register_farm`, whose values are others each second.
"""
import shutil
import time

from stage import (Failure, Meter, Stage, Watch, figure, need_descriptors, program, resident_bytes,
                   slope, wait_for)
from whole_program import Gateway

TAGS_A_UNIT = 1000  # the most a device may have
# Until memory has stopped growing: half a minute fills the page's curves of 10,000 tags.
WARM_UP_S = 60
INTERVAL_MS = 1000
SETTLE_S = 10


def address(endpoint):
    """Of the farm's endpoints, counted from 0."""
    number = 0x7F010001 + endpoint
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def unit_file(host, port, unit, tags):
    """As it is made of a PLC's list of measurements: one float32 behind the other."""
    return {"attach": {"modbus_tcp": {"host": host, "port": port, "unit_id": unit}},
            "tags": [{"name": f"measurement_{i:03}", "address": f"holding:{2 * i}",
                      "type": "float32", "interval_ms": INTERVAL_MS} for i in range(tags)]}


class Farm:
    def __init__(self, stage, endpoints):
        self.peer = stage.peer("farm", program("bench_register_farm"), str(endpoints))
        self.port = self.peer.answer()["port"]

    def begin(self):
        self.peer.ask(do="begin", interval_ms=INTERVAL_MS)

    def counts(self):
        return self.peer.ask(do="counts")


class Load:
    """What happens in some seconds of full work, counted at the cloud and at the devices."""

    def __init__(self, stage, pid, farm, seconds, warm_up_s):
        time.sleep(warm_up_s)
        farm.begin()
        requests = farm.counts()["requests"]
        meter = Meter(pid)
        with Watch(lambda: (values_at(stage), resident_bytes(pid))) as watch:
            time.sleep(seconds)
        passed = meter.passed_s()
        self.cpu_percent = meter.cpu_s() / passed * 100
        self.resident_mb = max(resident for _, _, (_, resident) in watch.samples) / 2**20
        # Everything comes at the beginning of a second: first and last sample would tell a second
        # too many or too few.
        self.values_a_s = slope([(at, values) for _, at, (values, _) in watch.samples])
        self.farm = farm.counts()
        self.requests_a_s = (self.farm["requests"] - requests) / passed
        self.lost = self._lost(stage, farm)

    @staticmethod
    def _lost(stage, farm):
        """Values read from the devices since the start that are not at the cloud, in a quiet moment."""
        least = None
        deadline = time.monotonic() + SETTLE_S
        while least != 0 and time.monotonic() < deadline:
            read = farm.counts()["values"]
            under_way = read - values_at(stage)
            least = under_way if least is None else min(least, under_way, key=abs)
            time.sleep(0.05)
        return least


def values_at(stage):
    return stage.cloud.get("/counts")["telemetry"]["values"]


def tags(units=10, tags_a_unit=TAGS_A_UNIT, seconds=20, warm_up_s=WARM_UP_S):
    """One connection, because all units stand behind one endpoint."""
    with Stage(units) as stage:
        farm = Farm(stage, 1)
        files = [unit_file(address(0), farm.port, unit, tags_a_unit)
                 for unit in range(1, units + 1)]
        with Gateway(stage, files) as gateway:
            load = Load(stage, gateway.pid, farm, seconds, warm_up_s)
            if load.farm["peers"] != 1:
                raise Failure(f"{load.farm['peers']} connections instead of one")
    wanted = units * tags_a_unit
    figure("southbound.tags.delivered", load.values_a_s, "values/s at the cloud", 0.99 * wanted,
           "higher")
    figure("southbound.tags.cpu", load.cpu_percent, "% of a core", 5)
    figure("southbound.tags.resident", load.resident_mb, "MB", 40)
    figure("southbound.tags.lost", load.lost, "values read that are not at the cloud", 0)
    figure("southbound.tags.requests", load.requests_a_s, "requests/s")
    return load


def endpoints(count=1000, tags_a_unit=10, seconds=20, warm_up_s=WARM_UP_S):
    need_descriptors(5 * count + 200)
    # One core for all of the gateway; cloud and devices share the other.
    before = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    with Stage(count) as stage:
        farm = Farm(stage, count)
        files = [unit_file(address(number), farm.port, 1, tags_a_unit) for number in range(count)]
        with Gateway(stage, files, before=before) as gateway:
            wait_for(lambda: farm.counts()["peers"] == count, 60, "every endpoint is connected to")
            load = Load(stage, gateway.pid, farm, seconds, warm_up_s)
    figure("southbound.endpoints.in_time", load.farm["in_time"] / load.farm["expected"],
           "of the polls at most 100 ms late", 0.99, "higher")
    figure("southbound.endpoints.delivered", load.values_a_s, "values/s at the cloud",
           0.99 * count * tags_a_unit, "higher")
    figure("southbound.endpoints.lost", load.lost, "values read that are not at the cloud", 0)
    figure("southbound.endpoints.cpu", load.cpu_percent, "% of a core", 100)
    figure("southbound.endpoints.resident", load.resident_mb * 1024 / count, "kB/endpoint")
