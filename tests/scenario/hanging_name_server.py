#!/usr/bin/env python3
"""A name server that hangs for one device's hub delays nobody else.

Runs itself again in a network and mount namespace of its own: there /etc/resolv.conf names a server
of ours, which answers for fast.test at once and for slow.test only when told. Nothing outside of the
namespace is touched."""
import sys
import time

import own_network
from name_server import NameServer
from observations import arrival_delays, percentile
from plant_and_cloud import Site, expect, run_scenarios, summary, wait_for

HANG_S = 30
VICTIM = "press-02"
# A loop that waited for the name server would show up as seconds, up to the whole hang.
DELAY_MAX_S = 2.0


def totals(site, devices):
    return {device: site.cloud.device(device)["telemetry"]["total"] for device in devices}


def a_hanging_name_server_delays_only_the_device_that_needs_it():
    names = NameServer({"fast.test": "127.0.0.2", "slow.test": "127.0.0.3"}, ["slow.test"])
    with Site(sensors=0, presses=2, meters=1, scales=2, hubs=2, interval_ms=250,
              cloud_options=["--hub-host", "1=fast.test", "--hub-host", "2=slow.test"]) as site:
        others = [device for device in site.devices if device != VICTIM]
        # One lookup then hangs as long as the name server does.
        site.start_gateway(env={"RES_OPTIONS": f"timeout:{HANG_S} attempts:1"})
        site.wait_all_online()
        site.start_plant()
        wait_for(lambda: all(site.arrived(device) for device in site.devices), 30, "first samples")

        start = totals(site, others)
        wait_for(lambda: sum(totals(site, others).values()) > sum(start.values()) + 300, 60,
                 "300 messages without a hang")
        before = arrival_delays(site, others, start)

        site.cloud.post(f"/devices/{VICTIM}/failover", {"to": "hub-2"})
        asked = wait_for(lambda: names.first_asked.get("slow.test"), 30, "slow.test is asked for")
        start = totals(site, others)
        # One of the others needs a name too, in the middle of it.
        site.cloud.post("/devices/press-01/drop")
        dropped = time.monotonic()
        wait_for(lambda: "press-01" in site.connected(), 10, "another device looks up its own hub")
        back = time.monotonic() - dropped
        state = wait_for(lambda: next(shown["state"] for shown in site.status()["devices"]
                                      if shown["id"] == VICTIM), 5, "the page says what it waits for")
        wait_for(lambda: time.monotonic() > asked + HANG_S, HANG_S + 1, "the hang is over")
        hung = arrival_delays(site, others, start)
        expect(VICTIM not in site.connected(), f"{VICTIM} cannot have got through")

        names.hanging.clear()
        wait_for(lambda: VICTIM in site.connected(), 60, f"{VICTIM} connects when its name is known")
        score = site.settle()
        expect(site.order_violations() == 0, "order is kept")
        expect(len(hung) > 300, f"enough messages in the hang: {len(hung)}")
        p99, p99_hung = percentile(before, 99), percentile(hung, 99)
        figures = (f"p99 {p99 * 1000:.0f} ms -> {p99_hung * 1000:.0f} ms, max "
                   f"{before[-1] * 1000:.0f} -> {hung[-1] * 1000:.0f} ms over {len(hung)} messages; "
                   f"another device dropped in the hang is back after {back:.1f} s; "
                   f"{VICTIM} meanwhile: {state}; {summary(score)}")
        expect(p99_hung < max(DELAY_MAX_S, 3 * p99), "the others are not delayed: " + figures)
        return figures


if __name__ == "__main__":
    own_network.enter(own_resolver=True)
    sys.exit(run_scenarios([a_hanging_name_server_delays_only_the_device_that_needs_it]))
