#!/usr/bin/env python3
"""The plant's network is bad: the way to Modbus TCP devices and to the broker is slow, held up, cut, half-open or
one byte at a time. Modbus has no acknowledgement, so a sample whose answer was spoiled on its way is lost and nothing
else is; the broker has one, and nothing of its samples is lost.
"""
import sys
import time

from observations import (arrival_delays, expect_all_arrived, expect_every_id, expect_order,
                          percentile, received_so_far, repeats)
from plant_and_cloud import expect, numbers, run_scenarios, summary, wait_for
from proxied_site import ProxiedSite

BACK_MAX_S = 15
# Twice the gateway's keep-alive of 15 s, or one and a half on the broker's side, and a new connection.
BROKER_NOTICED_MAX_S = 60


def start(site):
    site.start_gateway()
    site.wait_all_online()
    site.start_plant()
    wait_for(lambda: all(site.arrived(device) for device in site.devices), 30, "first samples")


def sent(site, device):
    return numbers(site.plant.get("/counts")[device]["ranges"])


def wait_for_new_samples(site, device, count, seconds):
    before = len(site.arrived(device))
    wait_for(lambda: len(site.arrived(device)) >= before + count, seconds,
             f"{device} is read again")


def press_behind(troubles):
    """Each trouble stands before press-01 for some seconds. Samples that the press gave out then may be
    lost; all others arrive, none twice, in order. press-02, untouched, loses nothing and is not delayed."""
    with ProxiedSite(("press-01",), sensors=0, presses=2, meters=0, scales=0,
                     interval_ms=200) as site:
        start(site)
        told, excused = [], set()
        for name, trouble, seconds, harmless in troubles:
            before, seen = sent(site, "press-01"), received_so_far(site, "press-02")
            for rule in trouble if isinstance(trouble, list) else [trouble]:
                site.proxy.rule(target="press-01", **rule)
            time.sleep(seconds)  # the trouble lasts so long
            arrived = len(site.arrived("press-01"))
            if name.startswith("half-open"):
                # That connection stays dead: the gateway has to find out, and make another.
                wait_for_new_samples(site, "press-01", 5, BACK_MAX_S)
            site.proxy.end_all()
            up = time.time()
            if harmless:
                expect(arrived > 0, f"{name}: samples go on")
            wait_for_new_samples(site, "press-01", 5, BACK_MAX_S)
            back = time.time() - up
            # Also what it answered to the first requests afterwards, while late answers came.
            spoiled = set() if harmless else sent(site, "press-01") - before
            excused |= spoiled
            other = percentile(arrival_delays(site, ["press-02"], {"press-02": seen}), 99)
            # A trouble lasts longer; a busy disk alone can hold up a commit for a second or two.
            expect(other < 4, f"{name}: press-02 is not delayed: p99 {other:.2f} s")
            told.append(f"{name} back after {back:.1f} s")
        # The plant stops before what is still being answered is counted.
        site.plant.post("/stop")
        wait_for(lambda: not site.score(forgive_at_risk=True)["lost_numbers"].get("press-02"), 20,
                 "everything of press-02 arrives")
        score = site.score(forgive_at_risk=True)
        lost = set(score["lost_numbers"].get("press-01", ()))
        expect(lost <= excused, f"lost outside of any trouble: {sorted(lost - excused)}")
        expect_order(site)
        expect_every_id(site)
        for device in site.devices:
            expect(repeats(site, device)[1] == 0, f"{device}: no sample is taken twice")
        return f"{summary(score)} (lost ones all in the troubles); {'; '.join(told)}"


def a_press_behind_a_slow_dribbling_or_cut_way():
    return press_behind([
        ("delay", dict(kind="delay", delay_ms=150, jitter_ms=150), 6, True),
        ("dribble", dict(kind="dribble", bytes=4, every_ms=2), 6, True),
        ("slow dribble", dict(kind="dribble", direction="down", bytes=1, every_ms=40), 8, False),
        ("cuts in answers", dict(kind="cut", direction="down", after=5, after_max=300), 8, False),
        ("cuts in requests", dict(kind="cut", direction="up", after=3, after_max=60, how="fin"), 8,
         False),
    ])


def a_press_behind_a_stalled_half_open_or_closed_way():
    return press_behind([
        ("stall", dict(kind="stall"), 8, False),
        ("stalled answers", dict(kind="stall", direction="down"), 5, False),
        ("half-open up", dict(kind="swallow", direction="up", connections="open"), 1, False),
        ("half-open down", dict(kind="swallow", direction="down", connections="open"), 1, False),
        ("cut and hang", [dict(kind="cut", connections="open"), dict(kind="hang")], 6, False),
        ("cut and refuse", [dict(kind="cut", connections="open"), dict(kind="refuse")], 5, False),
    ])


def broker_behind(trouble, seconds):
    """The gateway's own connection to the broker; sensors reach it directly."""
    with ProxiedSite(("broker",), sensors=3, presses=0, meters=0, scales=0, rate=30) as site:
        start(site)
        rule = site.proxy.rule(target="broker", **trouble)
        began = time.time()
        accepted = site.proxy.target("broker")["accepted"]
        if seconds:
            time.sleep(seconds)
        else:
            wait_for(lambda: site.proxy.target("broker")["accepted"] > accepted,
                     BROKER_NOTICED_MAX_S, "the gateway makes another connection to the broker")
        noticed = time.time() - began
        site.proxy.end(rule)
        up = time.time()
        for device in site.devices:
            wait_for_new_samples(site, device, 3, 30)
        back = time.time() - up
        score = expect_all_arrived(site)
        again = sum(repeats(site, device)[1] for device in site.devices)
        expect(again == 0, f"what the broker delivers again is known again: {again}")
        return (f"{summary(score)}; {'noticed' if not seconds else 'lasted'} {noticed:.0f} s, back "
                f"{back:.1f} s after")


def a_broker_whose_answers_vanish_is_noticed_and_loses_nothing():
    return broker_behind(dict(kind="swallow", direction="down", connections="open"), 0)


def a_broker_to_which_nothing_gets_through_is_noticed_and_loses_nothing():
    return broker_behind(dict(kind="swallow", direction="up", connections="open"), 0)


def a_broker_behind_a_stall_loses_nothing():
    return broker_behind(dict(kind="stall"), 15)


def a_broker_whose_connection_is_cut_again_and_again_loses_nothing():
    return broker_behind(dict(kind="cut", direction="down", after=200, after_max=20000), 20)


if __name__ == "__main__":
    sys.exit(run_scenarios([
        a_press_behind_a_slow_dribbling_or_cut_way,
        a_press_behind_a_stalled_half_open_or_closed_way,
        a_broker_whose_answers_vanish_is_noticed_and_loses_nothing,
        a_broker_to_which_nothing_gets_through_is_noticed_and_loses_nothing,
        a_broker_behind_a_stall_loses_nothing,
        a_broker_whose_connection_is_cut_again_and_again_loses_nothing], together=True))
