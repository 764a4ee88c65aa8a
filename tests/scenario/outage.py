#!/usr/bin/env python3
"""The way to the cloud, or to the sensors, is interrupted while the plant talks; afterwards everything that
was recorded meanwhile arrives, in order for each device.
"""
import sys
import time

from observations import (events, expect_all_arrived, first_after, moment, received_so_far, repeats,
                          start_and_hear, wait_caught_up)
from plant_and_cloud import Site, expect, run_scenarios, summary, wait_for

DOWN_S = 60
# The gateway waits 60 s for a PUBACK before it calls a link dead.
PUBACK_TIMEOUT_S = 60
# The longest pause between attempts, so that an outage of a minute is followed by seconds of waiting.
PAUSE_MAX_S = 10
SITE = dict(rate=20, interval_ms=500, hubs=1,
            settings={"hub": {"retry_pause_max_s": PAUSE_MAX_S}})


def running_site():
    return Site(**SITE)


def end(site):
    """The plant stops, everything arrives; returns the score and how much came again."""
    score = expect_all_arrived(site)
    for device in site.devices:
        _, second_id = repeats(site, device)
        expect(second_id == 0, f"{device}: {second_id} samples came under two ids")
    return score


def what_was_recorded_while_a_hub_was_down_for_60_s_arrives_in_order():
    with running_site() as site:
        start_and_hear(site)
        fault = site.cloud.fault(kind="down", target="hub-1")
        before = {device: received_so_far(site, device) for device in site.devices}
        counts = site.plant.get("/counts")
        time.sleep(DOWN_S)  # the scenario itself
        expect(all(received_so_far(site, device) == before[device] for device in site.devices),
               "nothing arrives at a hub that is down")
        recorded = {device: count["sent"] - counts[device]["sent"]
                    for device, count in site.plant.get("/counts").items()}
        site.cloud.end_fault(fault)
        up = time.time()
        heard = max(moment(first_after(site, device, up - 1, after=before[device])["received_at"])
                    for device in site.devices) - up
        wait_caught_up(site)
        caught_up = time.time() - up
        expect(heard < PAUSE_MAX_S + 5, f"all are heard within one pause: {heard:.1f} s")
        score = end(site)
        return (f"{summary(score)}; {sum(recorded.values())} recorded meanwhile, all devices heard "
                f"{heard:.1f} s after the hub is up, all arrived after {caught_up:.1f} s")


def a_hub_that_falls_silent_is_noticed_and_nothing_is_lost():
    with running_site() as site:
        start_and_hear(site)
        began = time.time()
        fault = site.cloud.fault(kind="silent", target="hub-1")
        wait_for(lambda: all(any(event["event"] == "hub_disconnected"
                                 for event in events(site, device, began))
                             for device in site.devices),
                 PUBACK_TIMEOUT_S + 15, "the gateway gives up every link that says nothing")
        noticed = time.time() - began
        reasons = {event["reason"] for event in events(site, None, began)
                   if event["event"] == "hub_disconnected"}
        expect(reasons == {"puback_missing"}, f"and says why: {reasons}")
        site.cloud.end_fault(fault)
        up = time.time()
        site.wait_all_online()
        wait_caught_up(site, seconds=90)
        caught_up = time.time() - up
        score = end(site)
        return (f"{summary(score)}; noticed after {noticed:.0f} s, all arrived {caught_up:.1f} s "
                f"after its end")


def acknowledgements_that_never_come_make_repeats_under_the_same_ids():
    with running_site() as site:
        start_and_hear(site)
        device = "sensor-01"
        began = time.time()
        site.cloud.fault(kind="puback_withhold", device=device, times=10)
        wait_for(lambda: any(event["event"] == "hub_disconnected"
                             for event in events(site, device, began)),
                 PUBACK_TIMEOUT_S + 15, "the gateway stops waiting")
        wait_caught_up(site)
        others = [event for event in events(site, None, began)
                  if event["event"] == "hub_disconnected" and event["device"] != device]
        expect(not others, f"only one device is concerned: {others}")
        # The cloud has had them all along; the repeats come after the first pause.
        wait_for(lambda: site.cloud.device(device)["telemetry"]["repeated"] >= 10, 30,
                 "what was not acknowledged comes again")
        score = end(site)
        telemetry = site.cloud.device(device)["telemetry"]
        expect(telemetry["repeated"] == score["repeated"], "nothing else does")
        return f"{summary(score)}"


def late_acknowledgements_repeat_nothing():
    with running_site() as site:
        start_and_hear(site)
        # Longer than a PUBACK usually takes by far, shorter than a link is given up.
        site.cloud.fault(kind="puback_delay", delay_ms=2000)
        began = {device: received_so_far(site, device) for device in site.devices}
        wait_for(lambda: all(received_so_far(site, device) > began[device] + 10
                             for device in site.devices), 40, "messages go on")
        site.cloud.post("/devices/press-01/drop")
        wait_caught_up(site)
        score = end(site)
        return summary(score)


def a_broker_that_is_restarted_loses_nothing():
    with running_site() as site:
        start_and_hear(site)
        expect(site.stop("broker") == 0, "the broker ends well")
        site.start_broker()
        restarted = time.time()
        sensors = [device for device in site.devices if device.startswith("sensor-")]
        for device in sensors:
            first_after(site, device, restarted, after=received_so_far(site, device))
        heard = time.time() - restarted
        wait_caught_up(site)
        score = expect_all_arrived(site)
        second_id = sum(repeats(site, device)[1] for device in sensors)
        return f"{summary(score)}; sensors heard {heard:.1f} s later, {second_id} delivered again"


if __name__ == "__main__":
    sys.exit(run_scenarios([what_was_recorded_while_a_hub_was_down_for_60_s_arrives_in_order,
                            a_hub_that_falls_silent_is_noticed_and_nothing_is_lost,
                            acknowledgements_that_never_come_make_repeats_under_the_same_ids,
                            late_acknowledgements_repeat_nothing,
                            a_broker_that_is_restarted_loses_nothing], together=True))
