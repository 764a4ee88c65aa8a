#!/usr/bin/env python3
"""The network between gateway and cloud is bad in every way a proxy can make it: slow, held up, half-open, cut in
the middle of records, one byte at a time. Everything arrives in order, and the provisioning service is not bothered
more often than its rules allow.
"""
import random
import sys
import time

from observations import (arrival_delays, events, expect_all_arrived, percentile, received_so_far,
                          start_and_hear, wait_caught_up)
from plant_and_cloud import Failure, expect, run_scenarios, summary, wait_for
from proxied_site import ProxiedSite

# The longest pause between attempts, so that the end of a trouble is followed by seconds of waiting.
PAUSE_MAX_S = 5
# Short, so that a dead link is noticed within a scenario.
KEEP_ALIVE_S = 10
# The gateway waits 60 s for a PUBACK before it calls a link dead.
PUBACK_TIMEOUT_S = 60
SMALL = dict(sensors=2, presses=1, meters=0, scales=0, rate=20, interval_ms=500)


def site_through(*through, keep_alive=KEEP_ALIVE_S, **options):
    return ProxiedSite(through, settings={"hub": {"retry_pause_max_s": PAUSE_MAX_S,
                                                  "keep_alive_s": keep_alive}},
                       **{**SMALL, **options})


def end(site, seconds=60):
    """Everything arrives, in order, and nothing was set aside. Returns the score in words, with the
    conversations with DPS beyond the first of each device."""
    score = expect_all_arrived(site, seconds)
    asked = sum(site.cloud.conversations(device) - 1 for device in site.devices)
    return f"{summary(score)}, asked DPS again {asked} times"


def disconnections(site, since):
    return [event for event in events(site, None, since) if event["event"] == "hub_disconnected"]


def wait_progress(site, messages=5, seconds=40):
    began = {device: received_so_far(site, device) for device in site.devices}
    wait_for(lambda: all(received_so_far(site, device) >= began[device] + messages
                         for device in site.devices), seconds, "messages of every device go on")


def a_slow_and_uneven_way_delays_and_does_nothing_else():
    with site_through("hub-1", "dps") as site:
        site.proxy.rule(kind="delay", delay_ms=300, jitter_ms=200)
        start_and_hear(site)
        began = time.time()
        seen = {device: received_so_far(site, device) for device in site.devices}
        wait_progress(site, messages=60)
        found = arrival_delays(site, site.devices, seen)
        expect(percentile(found, 1) >= 0.3, f"messages are delayed: {percentile(found, 1):.3f} s")
        expect(percentile(found, 99) < 3, f"p99 {percentile(found, 99):.1f} s")
        dropped = time.time()
        site.cloud.post(f"/devices/{site.devices[0]}/drop")
        wait_for(lambda: len(disconnections(site, dropped)) == 1, 10, "the drop is noticed")
        site.wait_all_online()
        back = time.time() - dropped
        expect(len(disconnections(site, began)) == 1, "no link is lost but the one that was dropped")
        words = end(site)
        return (f"{words}; delays p50 {percentile(found, 50):.2f} s, p99 {percentile(found, 99):.2f} "
                f"s; a dropped device back after {back:.1f} s")


def a_stall_that_ends_in_time_costs_nothing():
    seconds = 20
    with site_through("hub-1", keep_alive=120) as site:
        start_and_hear(site)
        began = time.time()
        rule = site.proxy.rule(kind="stall")
        time.sleep(seconds)  # the scenario itself
        site.proxy.end(rule)
        wait_progress(site)
        expect(not disconnections(site, began), "every link goes on")
        words = end(site)
        expect("repeated=0" in words, f"nothing is sent twice: {words}")
        return f"{words}; held up for {seconds} s"


def stalled_until_noticed(direction, reasons, keep_alive, limit):
    """Holds back `direction` of the connections there are until all links have been given up, then
    of all for a while; returns the words and how long it took."""
    with site_through("hub-1", keep_alive=keep_alive) as site:
        start_and_hear(site)
        began = time.time()
        site.proxy.rule(kind="stall", **({"direction": direction} if direction else {}))
        wait_for(lambda: len({event["device"] for event in disconnections(site, began)}) ==
                 len(site.devices), limit, "the gateway gives up every link that is held up")
        noticed = time.time() - began
        told = {event["reason"] for event in disconnections(site, began)}
        expect(told <= reasons, f"and says why: {told}")
        left = 60 - noticed
        if left > 0:
            time.sleep(left)  # a minute in all: attempts to come back are held up as well
        site.proxy.end_all()
        up = time.time()
        site.wait_all_online()
        wait_caught_up(site, seconds=60)
        back = time.time() - up
        return f"{end(site)}; noticed after {noticed:.0f} s, all there {back:.1f} s after its end"


def a_way_that_is_stalled_for_a_minute_is_noticed_by_the_keep_alive():
    return stalled_until_noticed(None, {"link_silent"}, KEEP_ALIVE_S,
                                 4 * KEEP_ALIVE_S)


def acknowledgements_that_are_stalled_are_noticed_by_their_absence():
    return stalled_until_noticed("down", {"puback_missing"}, 600, PUBACK_TIMEOUT_S + 15)


def half_open(direction):
    with site_through("hub-1") as site:
        start_and_hear(site)
        began = time.time()
        before = {device: received_so_far(site, device) for device in site.devices}
        site.proxy.rule(kind="swallow", direction=direction)
        wait_for(lambda: len({event["device"] for event in disconnections(site, began)}) ==
                 len(site.devices), PUBACK_TIMEOUT_S + 15, "the gateway notices")
        noticed = time.time() - began
        lost = site.proxy.target("hub-1")[f"swallowed_{direction}"]
        expect(lost > 0, "bytes vanished")
        grew = sum(received_so_far(site, device) - before[device] for device in site.devices)
        site.proxy.end_all()
        up = time.time()
        site.wait_all_online()
        wait_caught_up(site, seconds=60)
        back = time.time() - up
        return (f"{end(site)}; {lost} bytes vanished, {grew} messages came through; noticed after "
                f"{noticed:.0f} s, all there {back:.1f} s after its end")


def a_way_up_that_swallows_everything_is_noticed():
    """By the hub, after one and a half keep-alives; that it closes the link gets through."""
    return half_open("up")


def a_way_back_that_swallows_everything_is_noticed():
    """By the gateway, whose sign of life is not answered."""
    return half_open("down")


def links_cut_inside_an_acknowledgement_again_and_again_lose_nothing():
    """A PUBACK is a TLS record of 26 bytes: 1 to 25 bytes of the next one pass, then the link ends,
    by reset or goodbye. Whoever is cut five times has its oldest message acknowledged in between."""
    rounds, chance = 10, random.Random(20_240_501)
    with site_through("hub-1") as site:
        start_and_hear(site)
        began = time.time()
        for _ in range(rounds):
            cut = site.proxy.target("hub-1")["cut"]
            rule = site.proxy.rule(kind="cut", direction="down", connections="open",
                                   after=chance.randint(1, 25),
                                   how=chance.choice(["rst", "fin"]))
            wait_for(lambda: site.proxy.target("hub-1")["cut"] >= cut + len(site.devices), 20,
                     "every link is cut")
            site.proxy.end(rule)
            site.wait_all_online()
            wait_progress(site, messages=2)
        lost = len(disconnections(site, began))
        expect(lost >= rounds * len(site.devices), f"{lost} links were cut")
        words = end(site)
        expect(quarantined(site) == 0, "nothing is set aside")
        return f"{words}; {lost} links cut"


def quarantined(site):
    return sum(device["quarantined"] for device in site.status()["devices"])


def logins_cut_at_any_byte_are_repeated_until_one_gets_through():
    """Cut somewhere in TLS handshake, CONNACK, SUBACK or the first PUBACKs, four times for each."""
    cuts = 12
    with site_through("hub-1") as site:
        start_and_hear(site)
        began = time.time()
        rule = site.proxy.rule(kind="cut", direction="down", connections="new", times=cuts, after=1,
                               after_max=2600)
        for device in site.devices:
            site.cloud.post(f"/devices/{device}/drop")
        wait_for(lambda: site.proxy.befallen(rule) == cuts, 30 + cuts * PAUSE_MAX_S,
                 "all cuts are used up")
        used = time.time() - began
        site.wait_all_online()
        for device in site.devices:
            failed = [event for event in events(site, device, began)
                      if event["event"] in ("hub_connect_failed", "hub_disconnected")]
            asked = site.cloud.conversations(device) - 1
            # The third failure in a row asks, then every tenth.
            expect(asked <= 1 + len(failed) // 3, f"{device}: {asked} in {len(failed)} failures")
        return f"{end(site)}; {cuts} logins cut within {used:.0f} s"


def a_hub_that_answers_one_byte_at_a_time_hurts_nobody_else():
    """hub-2 dribbles so slowly that no login succeeds, then as slowly as just works."""
    with site_through("hub-1", "hub-2", sensors=6, presses=2, rate=60) as site:
        start_and_hear(site)
        victims = ["press-01", "sensor-01", "sensor-02"]
        others = [device for device in site.devices if device not in victims]
        seen = {device: received_so_far(site, device) for device in others}
        time.sleep(8)  # measured
        before = arrival_delays(site, others, seen)
        began = time.time()
        rule = site.proxy.rule(kind="dribble", target="hub-2", direction="down", bytes=1,
                               every_ms=100)
        for device in victims:
            site.cloud.post(f"/devices/{device}/failover", {"to": "hub-2"})
        seen = {device: received_so_far(site, device) for device in others}
        wait_for(lambda: all(any(event.get("reason") == "tls_failed"
                                 for event in events(site, device, began))
                             for device in victims), 60, "logins at the slow hub fail")
        during = arrival_delays(site, others, seen)
        expect(not any(event["device"] in others for event in disconnections(site, began)),
               "no other link is concerned")
        site.proxy.end(rule)
        site.proxy.rule(kind="dribble", target="hub-2", direction="down", bytes=10, every_ms=20)
        slow = time.time()
        site.wait_all_online()
        back = time.time() - slow
        wait_caught_up(site)
        words = end(site)
        figures = (f"{words}; p99 of the others {percentile(before, 99) * 1000:.0f} ms -> "
                   f"{percentile(during, 99) * 1000:.0f} ms over {len(during)} messages, max "
                   f"{before[-1] * 1000:.0f} -> {during[-1] * 1000:.0f} ms; at 500 bytes a second the "
                   f"victims are back after {back:.1f} s")
        # A loop that waited for the slow hub would show as seconds.
        expect(percentile(during, 99) < max(1.0, 3 * percentile(before, 99)),
               "the others are not delayed: " + figures)
        return figures


def move(site, device, to):
    site.cloud.post(f"/devices/{device}/failover", {"to": to})


def dps_behind(troubles):
    """Every trouble in turn stands before DPS while all devices are moved to another hub; it ends
    after some seconds, and all are heard there. Returns words."""
    hubs = ["hub-2", "hub-1"]
    with site_through("dps", sensors=1, presses=1) as site:
        start_and_hear(site)
        told = []
        for turn, (name, trouble, seconds) in enumerate(troubles):
            asked = {device: site.cloud.conversations(device) for device in site.devices}
            rule = site.proxy.rule(target="dps", **trouble)
            began = time.time()
            for device in site.devices:
                move(site, device, hubs[turn % 2])
            time.sleep(seconds)  # the trouble lasts so long
            site.proxy.end(rule)
            up = time.time()

            def moved():
                return all(view["connected"] and view["hub"] == hubs[turn % 2]
                           for view in site.cloud.get("/devices")["devices"])

            try:
                wait_for(moved, 45, f"all devices are on {hubs[turn % 2]} after {name}")
            except Failure as failure:
                last = [event["event"] for event in events(site, None, began)][-12:]
                raise Failure(f"{failure}; {last}") from None
            more = max(site.cloud.conversations(device) - asked[device] for device in site.devices)
            # One conversation a back-off step; steps are at most 5 s long here, and begin at 1 s.
            expect(more <= 3 + seconds / 2, f"{name}: {more} conversations")
            told.append(f"{name} {time.time() - up:.1f} s/{more}")
        return f"{end(site)}; back after its end/conversations: {', '.join(told)}"


def provisioning_behind_a_slow_cut_or_dribbling_way():
    return dps_behind([
        ("delay", dict(kind="delay", delay_ms=300, jitter_ms=300), 5),
        ("dribble", dict(kind="dribble", bytes=20, every_ms=20), 5),
        ("cut", dict(kind="cut", direction="down", after=1, after_max=4000), 12),
        ("refuse", dict(kind="refuse"), 8),
    ])


def provisioning_behind_a_way_that_swallows_stalls_or_hangs():
    return dps_behind([
        ("swallow up", dict(kind="swallow", direction="up"), 12),
        ("swallow down", dict(kind="swallow", direction="down"), 12),
        ("stall", dict(kind="stall"), 12),
        ("hang", dict(kind="hang"), 12),
    ])


if __name__ == "__main__":
    sys.exit(run_scenarios([
        a_slow_and_uneven_way_delays_and_does_nothing_else,
        a_stall_that_ends_in_time_costs_nothing,
        a_way_that_is_stalled_for_a_minute_is_noticed_by_the_keep_alive,
        acknowledgements_that_are_stalled_are_noticed_by_their_absence,
        a_way_up_that_swallows_everything_is_noticed,
        a_way_back_that_swallows_everything_is_noticed,
        links_cut_inside_an_acknowledgement_again_and_again_lose_nothing,
        logins_cut_at_any_byte_are_repeated_until_one_gets_through,
        a_hub_that_answers_one_byte_at_a_time_hurts_nobody_else,
        provisioning_behind_a_slow_cut_or_dribbling_way,
        provisioning_behind_a_way_that_swallows_stalls_or_hangs], together=True))
