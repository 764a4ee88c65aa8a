"""Microsoft's Node SDK with as many clients in one process, and hubward under the same: what a user would
write instead. README.md says how the SDK's program is made.
"""
import shutil
import subprocess
import time

from stage import (ROOT, Meter, Skipped, Stage, figure, resident_bytes, say, wait_for)

RATE = 1000
OUTAGE_S = 60
ADMITTED_PER_S = 100
BACK_MAX_S = 600


def connect_count(stage, place):
    return stage.cloud.get("/counts")["places"][place]["connects"]


def measure(name, stage, peer, seconds):
    resident = resident_bytes(peer.pid)
    figure(f"{name}.resident", resident / stage.devices / 1024, "kB/device")
    peer.ask(do="feed", messages_per_s=RATE, seconds=2)
    meter = Meter(peer.pid)
    fed = peer.ask(do="feed", messages_per_s=RATE, seconds=seconds)
    figure(f"{name}.cpu", meter.cpu_s() / max(fed["acknowledged"], 1) * 1e6, "us/message")
    if fed["acknowledged"] < fed["fed"]:
        say(f"{name}: {fed['fed'] - fed['acknowledged']} of {fed['fed']} not acknowledged")


def outage(name, stage, peer, outage_s):
    """The hub is away, and admits a limited number of connections a second from then on."""
    stage.cloud.fault(kind="connect_rate", per_s=ADMITTED_PER_S, target=stage.hub["name"])
    dps = connect_count(stage, "dps")
    hub = connect_count(stage, stage.hub["name"])
    fault = stage.cloud.fault(kind="down", target=stage.hub["name"])
    meter = Meter(peer.pid)
    time.sleep(outage_s)
    stage.cloud.end_fault(fault)
    up = time.monotonic()
    wait_for(lambda: stage.connected() == stage.devices, BACK_MAX_S, "all devices are back")
    figure(f"{name}.back_after_outage", time.monotonic() - up, "s")
    figure(f"{name}.outage_cpu", meter.cpu_s(), "s")
    figure(f"{name}.outage_dps_conversations", connect_count(stage, "dps") - dps, "conversations")
    figure(f"{name}.outage_hub_connects",
           (connect_count(stage, stage.hub["name"]) - hub) / stage.devices, "per device")


def node_clients(stage):
    if not shutil.which("node"):
        raise Skipped("there is no Node.js here")
    packages = ROOT / "tests/sim/sdk"
    subprocess.run([packages / "install"], check=True, stdout=subprocess.DEVNULL)
    return stage.peer("sdk", "node", str(ROOT / "tests/bench/sdk/clients.js"),
                      str(stage.ports_file), str(stage.devices))


def sdk(devices=1000, seconds=10, outage_s=OUTAGE_S):
    with Stage(devices) as stage:
        clients = node_clients(stage)
        figure("sdk.node.connect", clients.answer()["seconds"], "s")
        wait_for(lambda: stage.connected() == devices, 120, "all SDK clients are connected")
        measure("sdk.node", stage, clients, seconds)
        outage("sdk.node", stage, clients, outage_s)
    with Stage(devices) as stage:
        started = time.monotonic()
        gateway = stage.gateway(assigned=False, connections_per_s=ADMITTED_PER_S,
                                registrations_per_s=ADMITTED_PER_S)
        stage.wait_connected(120)
        figure("sdk.hubward.connect", time.monotonic() - started, "s")
        time.sleep(2)
        measure("sdk.hubward", stage, gateway, seconds)
        outage("sdk.hubward", stage, gateway, outage_s)
