#!/usr/bin/env python3
"""A message at which the hub closes the link is set aside after five drops, and nobody waits for it."""
import sys

from plant_and_cloud import Site, expect, http, run_scenarios, summary, wait_for

VICTIM = "sensor-01"
DROPS = 5  # the promise: in flight at five drops, each after a successful login


def shown_device(site, device):
    return next(shown for shown in site.status()["devices"] if shown["id"] == device)


def metric(site, name, device):
    start = f'{name}{{device="{device}"}} '
    lines = [line for line in http(site.page + "/metrics").splitlines() if line.startswith(start)]
    return float(lines[0].split()[-1]) if lines else None


def a_message_that_closes_the_link_is_set_aside_and_the_rest_arrive():
    with Site(hubs=1, rate=30) as site:
        site.start_gateway()
        site.wait_all_online()
        # Fixed before the first sample: its number is far enough away for a full window around it.
        bad = 60
        site.cloud.fault(kind="poison", device=VICTIM, text=f'"counter":{bad},')
        site.start_plant()
        wait_for(lambda: shown_device(site, VICTIM)["quarantined"] == 1, 60,
                 "the message is set aside")
        wait_for(lambda: max(site.arrived(VICTIM)) > bad + 100, 60, "the messages after it arrive")

        site.plant.post("/stop")
        wait_for(lambda: site.score()["lost_numbers"] == {VICTIM: [bad]}, 60,
                 "everything but the bad message has arrived")
        score = site.score()
        counts = site.cloud.device(VICTIM)["counts"]
        expect(counts["closed"] == {"poison": DROPS}, f"{DROPS} drops, all for it: {counts}")
        expect(site.order_violations() == 0, "order is kept, also around the gap")
        expect(site.cloud.conversations(VICTIM) == 1, "DPS is not asked because of a message")
        for device in set(site.devices) - {VICTIM}:
            seen = site.cloud.device(device)
            expect(seen["counts"]["connects"] == 1, f"{device} keeps its connection")
            expect(seen["telemetry"]["repeated"] == 0, f"{device} repeats nothing")

        # Told to everybody who asks.
        status = site.status()
        expect(status["site"]["quarantined"] == 1, f"the site counts it: {status['site']}")
        expect([shown["quarantined"] for shown in status["devices"] if shown["id"] != VICTIM]
               == [0] * (len(site.devices) - 1), "nobody else has one")
        expect(metric(site, "hubward_messages_quarantined_total", VICTIM) == 1, "the metrics count it")
        lines = [line for line in site.all_gateway_logs().splitlines()
                 if "event=message_quarantined " in line]
        expect(len(lines) == 1 and f"device={VICTIM} " in lines[0] and "message_id=" in lines[0],
               f"one line in the log names it: {lines}")
        return f"{summary(score)} (the one set aside), drops={DROPS}"


if __name__ == "__main__":
    sys.exit(run_scenarios([a_message_that_closes_the_link_is_set_aside_and_the_rest_arrive]))
