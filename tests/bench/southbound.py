"""From real equipment on: MQTT sensors behind a real broker, Modbus TCP devices. The ceilings named here are
those of the way into the gateway, not of the gateway's core (see `publish`).
"""
import subprocess
import time

from stage import Failure, Meter, figure, need_descriptors, program
from plant_and_cloud import Site

WARM_UP_S = 3


def arriving(site, seconds):
    """Messages that arrive at the cloud in that time, and the gateway's CPU for each."""
    time.sleep(WARM_UP_S)
    meter = Meter(site.processes["gateway"].pid)
    before = site.cloud.get("/counts")["telemetry"]["total"]
    time.sleep(seconds)
    count = site.cloud.get("/counts")["telemetry"]["total"] - before
    if not count:
        raise Failure("nothing arrives")
    return count / meter.passed_s(), meter.cpu_s() / count * 1e6


def feed(name, seconds, goal_rate=None, **options):
    settings = {"limits": {"connections_per_second": 100, "registrations_per_second": 100}}
    with Site(meters=0, scales=0, settings=settings, **options) as site:
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        rate, cpu = arriving(site, seconds)
        figure(f"southbound.{name}.rate", rate, "messages/s", goal_rate, "higher")
        figure(f"southbound.{name}.cpu", cpu, "us/message")


def adapter_alone(name, seconds):
    """A program that measures the Modbus adapter by itself and prints its figures."""
    done = subprocess.run([program(name), str(seconds)], timeout=10 * seconds + 240)
    if done.returncode != 0:
        raise Failure(f"{name} ended with {done.returncode}")


def southbound(sensors=50, presses=40, seconds=10):
    need_descriptors(1000)
    adapter_alone("bench_modbus", seconds)
    adapter_alone("bench_dead_units", 2 * seconds)
    feed("mqtt_100", seconds, 98, sensors=sensors, presses=0, rate=100)
    feed("mqtt_ceiling", seconds, sensors=sensors, presses=0, rate=2000)
    # A press is read in two polls, one for each table: two messages.
    feed("modbus_tcp", seconds, sensors=0, presses=presses, interval_ms=50)
