#!/usr/bin/env python3
"""Another program uses the identity of one of our devices and comes back whenever it is sent away. The hub keeps the
newest connection and closes the older one: two that both come back at once would push each other out for ever.
"""
import sys
import time

from observations import events, expect_all_arrived, start_and_hear
from plant_and_cloud import GROUP_KEY, Site, expect, run_scenarios, summary, wait_for
from rival import Rival, derived_key

PAUSE_MAX_S = 10
SECONDS = 60
# A rival is recognised by the third time that it pushes us out soon after we came; from then on we come seldom.
LOGINS_MAX = 14
RECOGNISED_MAX_S = 45
# Once recognised it is left alone for a minute or more between two attempts.
BACK_MAX_S = 150


def site_of_two():
    return Site(sensors=0, presses=2, meters=0, scales=0, hubs=2, interval_ms=500,
                settings={"hub": {"retry_pause_max_s": PAUSE_MAX_S}})


def rival_of(site, device, pause_s):
    return Rival(site.cloud.ports["hubs"][0]["address"], site.cloud.ports["ca"], device,
                 derived_key(GROUP_KEY, device), pause_s)


def shown(site, device):
    return next(entry for entry in site.status()["devices"] if entry["id"] == device)


def contested(pause_s):
    """`pause_s`: how long the rival waits before it comes back."""
    with site_of_two() as site:
        start_and_hear(site)
        ours, other = site.devices
        before = {device: site.cloud.conversations(device) for device in site.devices}
        began = time.time()
        rival = rival_of(site, ours, pause_s)
        try:
            wait_for(lambda: shown(site, ours).get("failure") == "second_holder", RECOGNISED_MAX_S,
                     f"it is named: {shown(site, ours)}")
            named = time.time() - began
            time.sleep(max(0.0, SECONDS - named))  # the rest of the minute
            logins = len([event for event in events(site, ours, began)
                          if event["event"] == "hub_connected"])
            expect(logins <= LOGINS_MAX, f"we do not fight: {logins} logins in {SECONDS} s")
            asked = site.cloud.conversations(ours) - before[ours]
            expect(asked <= 1, f"DPS would give us the same hub: {asked} conversations")
            expect(site.cloud.conversations(other) == before[other], f"{other} has nothing to do with it")
            lost = [event for event in events(site, other, began)
                    if event["event"] == "hub_disconnected"]
            expect(not lost, f"{other} stays connected: {lost}")
        finally:
            rival.stop()
        left = time.time()
        wait_for(lambda: ours in site.connected() and not shown(site, ours).get("failure"),
                 BACK_MAX_S, f"{ours} is back when the other one is gone")
        back = time.time() - left
        score = expect_all_arrived(site)
        return (f"{summary(score)}; named after {named:.1f} s, {logins} logins of ours and "
                f"{len(rival.logins)} of the other in {SECONDS} s, {asked} conversations, back "
                f"{back:.1f} s after it had left")


def a_second_holder_that_comes_back_at_once_is_named_and_not_fought():
    return contested(0.0)


def a_second_holder_that_waits_a_moment_is_named_and_not_fought():
    return contested(2.0)


if __name__ == "__main__":
    sys.exit(run_scenarios([a_second_holder_that_comes_back_at_once_is_named_and_not_fought,
                            a_second_holder_that_waits_a_moment_is_named_and_not_fought],
                           together=True))
