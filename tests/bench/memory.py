"""What a gateway takes while nothing happens: the real program, with a site of many devices."""
import time

from stage import Meter, Stage, descriptors, device_id, figure, resident_bytes
from whole_program import Gateway


def sensors(devices):
    """A site with sensors behind a broker."""
    return [{"attach": {"mqtt": {"topic": "plant/{device}/telemetry", "device": device_id(number)}},
             "tags": [{"name": "counter", "pointer": "/seq"}]} for number in range(devices)]


def memory(devices=5000, few=10, idle_s=30):
    with Stage(few) as stage, Gateway(stage, sensors(few)) as gateway:
        few_bytes = resident_bytes(gateway.pid)
        figure(f"memory.{few}.resident", few_bytes / 2**20, "MB", 15)
    with Stage(devices) as stage, Gateway(stage, sensors(devices)) as gateway:
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
