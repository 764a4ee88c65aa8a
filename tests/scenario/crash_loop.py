#!/usr/bin/env python3
"""A gateway that dies every two seconds is no storm: how long it has to wait before it asks again outlives it."""
import sys
import time

from observations import expect_all_arrived, start_and_hear
from plant_and_cloud import Site, expect, run_scenarios, summary

DEVICES = 4
SECONDS = 40
LIFE_S = 2
PAUSE_MAX_S = 20
# All devices together. Full jitter: pauses drawn from 0 to 1, 2, 4, 8, 16, 20, 20 ... seconds are 33 in
# 40 s on average, and more than 42 once in 7,000 times (drawn 200,000 times; one device alone had more
# than 7 often enough). Without any memory it would be one each life: 80.
ASKED_MAX = 42
RETRY_AFTER_S = 10


def killed_again_and_again(trouble):
    """Returns how many conversations each device had with DPS meanwhile."""
    with Site(sensors=0, presses=DEVICES, meters=0, scales=0, hubs=1, interval_ms=1000,
              settings={"hub": {"retry_pause_max_s": PAUSE_MAX_S},
                        "limits": {"registrations_per_second": 20}}) as site:
        start_and_hear(site)
        before = {device: site.cloud.conversations(device) for device in site.devices}
        faults = trouble(site)
        ends, lives = time.monotonic() + SECONDS, 0
        while time.monotonic() < ends:
            site.kill_gateway()
            site.start_gateway(wait=False)
            lives += 1
            time.sleep(LIFE_S)  # the scenario itself
        asked = [site.cloud.conversations(device) - before[device] for device in site.devices]
        for fault in faults:
            site.cloud.end_fault(fault)
        up = time.time()
        site.wait_all_online(2 * PAUSE_MAX_S + 10)
        back = time.time() - up
        score = expect_all_arrived(site, forgive_at_risk=True)
        words = (f"{summary(score)}; {lives} lives in {SECONDS} s, conversations of {DEVICES} devices: "
                 f"{asked}; back {back:.1f} s after its end")
        expect(sum(asked) <= ASKED_MAX, words)
        return words


def refusing_hub(site):
    fault = site.cloud.fault(kind="connack", target="hub-1", code=5)
    for device in site.devices:
        site.cloud.post(f"/devices/{device}/drop")
    return [fault]


def a_crash_loop_with_a_hub_that_refuses_does_not_storm_dps():
    return killed_again_and_again(refusing_hub)


def a_crash_loop_with_a_throttling_dps_keeps_to_its_pause():
    return killed_again_and_again(lambda site: refusing_hub(site) + [
        site.cloud.fault(kind="dps_answer", code=429, retry_after_s=RETRY_AFTER_S)])


if __name__ == "__main__":
    sys.exit(run_scenarios([a_crash_loop_with_a_hub_that_refuses_does_not_storm_dps,
                            a_crash_loop_with_a_throttling_dps_keeps_to_its_pause], together=True))
