#!/usr/bin/env python3
"""The gateway is killed, and stopped, while the plant talks. What was acknowledged to the plant arrives,
and what is sent twice to the cloud says so by its message id.
"""
import os
import random
import signal
import sys
import time

from observations import (expect_all_arrived, messages_per_second, received_so_far, repeats,
                          start_and_hear, wait_caught_up)
from plant_and_cloud import LONG, Site, expect, run_scenarios, summary, wait_for

KILLS = 200 if LONG else 20
SECONDS_AWAY = 60


def sensors(site):
    return [device for device in site.devices if device.startswith("sensor-")]


def expect_only_promised_losses(site):
    """Modbus and serial lines have no acknowledgement; the broker has one, and nothing is forgiven."""
    counts = site.plant.get("/counts")
    for device in sensors(site):
        expect(not counts[device].get("at_risk"), f"{device} is never at risk")


def count_repeats(site):
    """What came twice: under its own id, and (sensors only) under a second one."""
    same_id = second_id = 0
    for device in site.devices:
        again, under_other_id = repeats(site, device)
        expect(under_other_id == 0 or device in sensors(site),
               f"{device}: {under_other_id} samples came under two ids")
        same_id += again
        second_id += under_other_id
    return same_id, second_id


def nothing_is_lost_when_the_gateway_is_killed_again_and_again_under_load():
    seed = int(os.environ.get("HUBWARD_SEED") or time.time())
    chance = random.Random(seed)
    with Site(rate=40, interval_ms=200) as site:
        start_and_hear(site)
        per_second = messages_per_second(site)
        for _ in range(KILLS):
            # Killed at any point of its life: while it opens the store, while it connects, while it
            # sends. The time is the scenario.
            time.sleep(chance.uniform(0.05, 2.0))
            expect(site.alive("gateway"), "the gateway lives until it is killed")
            site.kill_gateway()
            site.start_gateway(wait=False)
        wait_caught_up_but_for_kills(site)
        score = expect_all_arrived(site, forgive_at_risk=True)
        expect_only_promised_losses(site)
        same_id, second_id = count_repeats(site)
        expect(score["repeated"] >= same_id, "the cloud counts at least what it still keeps")
        return (f"{summary(score)} at {per_second:.0f}/s, {KILLS} kills, seed {seed}: {same_id} "
                f"came again under the same id; the broker delivered {second_id} again")


def wait_caught_up_but_for_kills(site):
    wait_for(lambda: site.connected() >= set(site.devices), 60, "all devices are connected again")
    wait_caught_up(site, sensors(site), seconds=90)


def nothing_is_lost_when_the_gateway_is_stopped_while_sensors_publish():
    with Site(rate=40, interval_ms=200) as site:
        site.start_gateway()
        site.wait_all_online()
        site.start_plant()
        wait_for(lambda: site.score()["received"] > 100, 30, "100 samples")
        started = time.monotonic()
        expect(site.stop("gateway", signal.SIGTERM) == 0, "the gateway ends with status 0")
        stopped_in = time.monotonic() - started
        expect(stopped_in < 5, f"the gateway ends within 5 s: {stopped_in:.1f}")
        before = sum(received_so_far(site, device) for device in site.devices)
        time.sleep(SECONDS_AWAY)  # the scenario itself
        expect(sum(received_so_far(site, device) for device in site.devices) == before,
               "nobody sends for a gateway that is stopped")
        site.start_gateway()
        waited = time.monotonic()
        wait_caught_up(site, sensors(site))
        caught_up_in = time.monotonic() - waited
        score = expect_all_arrived(site, forgive_at_risk=True)
        expect_only_promised_losses(site)
        same_id, second_id = count_repeats(site)
        return (f"{summary(score)}; away {SECONDS_AWAY} s, stopped in {stopped_in:.1f} s, caught up "
                f"in {caught_up_in:.1f} s; {same_id} came again under the same id, the broker "
                f"delivered {second_id} again")


if __name__ == "__main__":
    sys.exit(run_scenarios([nothing_is_lost_when_the_gateway_is_killed_again_and_again_under_load,
                            nothing_is_lost_when_the_gateway_is_stopped_while_sensors_publish],
                           together=True))
