"""Many devices that have to get to a hub: the first time, from the cache, after a failover."""
import time

from stage import Failure, Stage, Watch, figure, wait_for

WINDOW_S = 1.0
# A bucket may hand out this much of a second at once (gateway/resilience/admission.cc).
BURST_S = 0.05
# A login is counted at the cloud when its handshake is done, sooner or later after its permit.
HANDSHAKE_S = 0.05


def peak(samples, count, rate):
    """The busiest second, as a part of what the bucket allows in it. `count` reads a sample. What
    happened between two looks happened between the first one's beginning and the second one's end."""
    worst = 0.0
    for first in range(len(samples)):
        for last in range(first + 1, len(samples)):
            window = samples[last][1] - samples[first][0]
            if window < WINDOW_S:
                continue
            came = count(samples[last][2]) - count(samples[first][2])
            worst = max(worst, came / (rate * (window + BURST_S + HANDSHAKE_S) + 1))
            break
    return worst


def attempts(place):
    """Logins there, also refused ones."""
    def count(counts):
        seen = counts["places"][place]
        return seen["connects"] + sum(seen["refused"].values())
    return count


def startup(devices=1000, rate=100):
    """Identities that have never been provisioned, against a hub that admits `rate` a second."""
    with Stage(devices) as stage:
        stage.cloud.fault(kind="connect_rate", per_s=rate)
        started = time.monotonic()
        gateway = stage.gateway(assigned=False, connections_per_s=rate, registrations_per_s=rate)
        stage.wait_connected(120)
        took = time.monotonic() - started
        look = gateway.ask(do="look")
    name = "startup"
    figure(f"{name}.{devices}", took, "s", 20)
    figure(f"{name}.dps_conversations", look["dps_conversations"] / devices, "per device", 1)


def cold_start(devices=5000, rate=500):
    """A restart: every device has its assignment in the cache."""
    with Stage(devices) as stage:
        stage.gateway(connections_per_s=rate)
        took = stage.wait_connected(120)
        conversations = stage.cloud.get("/counts")["places"]["dps"]["connects"]
    figure(f"cold_start.{devices}", took, "s", 1.2 * devices / rate)
    figure("cold_start.dps_conversations", conversations, "conversations", 0)


def failover(devices=1000, rate=100, feed=500):
    """All devices of a hub move to another one at once, while they talk. DPS answers at once: what is
    measured is how well the rates are used, not its usual 3 s."""
    with Stage(devices, cloud_options=["--polls", "0"]) as stage:
        gateway = stage.gateway(connections_per_s=rate, registrations_per_s=rate)
        stage.wait_connected(120)
        time.sleep(1)
        before = stage.cloud.get("/counts")
        started = time.monotonic()
        other = stage.cloud.ports["hubs"][1]["name"]
        with Watch(lambda: stage.cloud.get("/counts"), 0.05) as watch:
            gateway.order(do="feed", messages_per_s=feed, seconds=2.5 * devices / rate + 5,
                          settle_s=60)
            time.sleep(1)
            started = time.monotonic()
            stage.cloud.post(f"/hubs/{stage.hub['name']}/failover", {"to": other})

            def all_back():
                counts = stage.cloud.get("/counts")
                return counts["connected"] == devices and attempts(other)(counts) >= devices

            wait_for(all_back, 120, "all devices are back")
            took = time.monotonic() - started
            fed = gateway.answer()
        after = stage.cloud.get("/counts")
        arrived = stage.unique()
        quarantined = gateway.ask(do="look")["quarantined"]
    used = {place: attempts(place)(after) - attempts(place)(before)
            for place in (stage.hub["name"], other, "dps")}
    # Each place has a bucket of its own, which every connection to it needs a permit of.
    bound = max(used.values()) / rate
    name = "failover"
    figure(f"{name}.time", took, "s", 1.2 * bound)
    figure(f"{name}.bound", bound, "s")
    figure(f"{name}.dps_conversations", used["dps"] / devices, "per device", 1)
    for place in used:
        figure(f"{name}.peak.{place}", peak(watch.samples, attempts(place), rate),
               "of what is allowed", 1)
    figure(f"{name}.lost", fed["fed"] - arrived, "messages", 0)
    figure(f"{name}.quarantined", quarantined, "messages", 0)
    if fed["refused"]:
        raise Failure(f"the outbox refused {fed['refused']} readings")
