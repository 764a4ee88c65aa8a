"""Messages from reading to PUBACK: what they cost, how many fit, how long they take."""
import statistics
import time

from stage import Meter, Stage, Watch, figure, resident_bytes, say

# What is fed while CPU is measured: well below what fits, so that nothing queues.
RATE = 4000
WARM_UP_S = 3
MEASURED_S = 10
# CPU is measured so many times, and the median taken: what else the machine does comes in bursts.
WINDOWS = 3
# Waiting for their PUBACK while the gateway is driven as fast as it goes.
UNDER_WAY = 4000
COUNTS = (100, 1000, 5000)


def settled(stage):
    """Connected, and done with what follows a connection (subscriptions, twins)."""
    stage.wait_connected()
    time.sleep(2)


def cost(peer, rate, seconds):
    """CPU a message in microseconds, at a steady rate."""
    peer.ask(do="feed", messages_per_s=rate, seconds=min(WARM_UP_S, seconds))
    windows = []
    for _ in range(WINDOWS):
        meter = Meter(peer.pid)
        fed = peer.ask(do="feed", messages_per_s=rate, seconds=seconds)
        windows.append(meter.cpu_s() / max(fed["acknowledged"], 1) * 1e6)
        if fed["acknowledged"] < fed["fed"] or not fed["fed"]:
            say(f"{peer.name}: {fed['fed'] - fed['acknowledged']} of {fed['fed']} not acknowledged: {fed}")
    return statistics.median(windows)


def publish(counts=COUNTS, rate=RATE, seconds=MEASURED_S):
    """For each number of devices: CPU a message beside the raw publisher's, messages a second, and
    whether it stays the same from few devices to many."""
    costs, ratios = [], []
    for devices in counts:
        with Stage(devices) as stage:
            raw = stage.raw_publisher()
            raw_us = cost(raw, rate, seconds)
            stage.retire(raw)
            gateway = stage.gateway(connections_per_s=1000)
            settled(stage)
            ours_us = cost(gateway, rate, seconds)
            flood = gateway.ask(do="feed", under_way=UNDER_WAY, seconds=seconds)
            resident = resident_bytes(gateway.pid) / devices / 1024
        costs.append(ours_us)
        ratios.append(ours_us / raw_us)
        name = f"publish.{devices}"
        figure(f"{name}.raw_cpu", raw_us, "us/message")
        figure(f"{name}.cpu", ours_us, "us/message")
        figure(f"{name}.cpu_ratio", ours_us / raw_us, "x raw publisher", 3)
        figure(f"{name}.rate", flood["acknowledged"] / flood["all_s"], "messages/s", 8000,
               "higher")
        figure(f"{name}.resident_after", resident, "kB/device")
    if len(costs) > 1:
        figure("publish.flatness", max(costs) / min(costs), "max/min", 1.2)
        figure("publish.flatness_of_ratio", max(ratios) / min(ratios), "max/min", 1.2)


def latency(devices=1000, rate=2000, seconds=MEASURED_S):
    """From the moment an adapter hands up a reading to the hub's PUBACK."""
    with Stage(devices) as stage:
        gateway = stage.gateway(connections_per_s=1000)
        settled(stage)
        gateway.ask(do="feed", messages_per_s=rate, seconds=min(WARM_UP_S, seconds))
        fed = gateway.ask(do="feed", messages_per_s=rate, seconds=seconds)
    figure("latency.p50", fed["p50_ms"], "ms", 30)
    figure("latency.p99", fed["p99_ms"], "ms", 100)
    figure("latency.longest", fed["longest_ms"], "ms")


def drain(devices=1000, messages=1_000_000):
    """What was stored while the hub was away, as fast as it goes, and what memory does meanwhile."""
    with Stage(devices) as stage:
        fault = stage.cloud.fault(kind="down", target=stage.hub["name"])
        gateway = stage.gateway(connections_per_s=500, retry_pause_max_ms=5000)
        filled = gateway.ask(do="feed", messages=messages, not_stored=4000, settle_s=0)
        meter = Meter(gateway.pid)
        with Watch(lambda: resident_bytes(gateway.pid), 0.5) as memory:
            stage.cloud.end_fault(fault)
            stage.wait_connected(300)
            resident = [resident_bytes(gateway.pid)]
            connected_s = meter.passed_s()
            while (look := gateway.ask(do="look"))["waiting"] > 0:
                if meter.passed_s() > 600:
                    break
                time.sleep(0.25)
            took, cpu = meter.passed_s(), meter.cpu_s()
            last = resident_bytes(gateway.pid)
        arrived = stage.unique()
    name = "drain"
    delivered = filled["fed"] - look["waiting"]
    figure(f"{name}.stored_rate", filled["fed"] / filled["all_s"], "messages/s", better="higher")
    figure(f"{name}.rate", delivered / took, "messages/s", 5000, "higher")
    figure(f"{name}.connected", connected_s, "s")
    figure(f"{name}.cpu", cpu / delivered * 1e6, "us/message")
    figure(f"{name}.lost", filled["fed"] - look["waiting"] - arrived, "messages", 0)
    # Each connection has its memory; what counts is what comes after the last of them.
    resident += [value for before, _, value in memory.samples
                 if before > meter.started + connected_s] + [last]
    half = (len(resident) + 1) // 2
    figure(f"{name}.resident", max(resident) / 2**20, "MB")
    figure(f"{name}.resident_growth", (max(resident[half:]) / max(resident[:half]) - 1) * 100, "%",
           5)
    figure(f"{name}.resident_windows", (max(resident) / resident[0] - 1) * 100, "%")
