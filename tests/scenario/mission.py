#!/usr/bin/env python3
"""The mission's two lists: after which failures a device is provisioned again, and after which it waits with
what it has. Conversations with DPS are counted at the cloud.
"""
import socket
import struct
import sys
import threading
import time

from observations import (cached_assignment, events, expect_all_arrived, first_after, moment,
                          received_so_far, start_and_hear)
from plant_and_cloud import Site, expect, run_scenarios, summary, wait_for

# The longest pause between attempts: one back-off step, once a few have failed.
STEP_S = 5
# What a busy machine may add to a pause.
SLACK_S = 3
# "At once": no pause between the failure and the conversation; DPS admits two devices a second.
AT_ONCE_S = 1.5
# Drop, a first pause of a second at most, one `assigning` with retry-after 3.
AWAY_MAX_S = 8
RETRY_AFTER_S = 3
# Between the first two questions to DPS about one silent hub.
QUESTION_PAUSE_MAX_S = 10


def site_of_presses(presses, step=STEP_S):
    # At this level the log also tells which device learnt of a failure from another one.
    return Site(sensors=0, meters=0, scales=0, presses=presses, interval_ms=500,
                settings={"hub": {"retry_pause_max_s": step}, "log_level": "debug"})


def start(site):
    start_and_hear(site)
    for device in site.devices:
        expect(site.cloud.conversations(device) == 1, f"{device} asked DPS once to begin with")


def end(site):
    return summary(expect_all_arrived(site))


def failures(log, reason=None):
    """The failed attempts and ended sessions among events, with one reason or all."""
    ends = ("hub_connect_failed", "hub_connect_shared", "hub_disconnected")
    return [event for event in log if event["event"] in ends and reason in (None, event["reason"])]


def conversations_in(log):
    return [event for event in log if event["event"] == "provisioning"]


def expect_one_conversation_a_step(log):
    """A back-off step is what follows a pause. Returns how many steps there were, the one in which
    the trouble began included."""
    steps, asked_in = 1, 0
    for event in log:
        if event["event"] == "provisioning":
            expect(asked_in < steps, f"two conversations in one back-off step: {event}")
            asked_in = steps
        elif int(event.get("retry_in_ms", 0)) > 0:
            steps += 1
    return steps


def expect_asked_at_once(log):
    """The first conversation follows its failure without a pause. Returns the failures before it."""
    asked = conversations_in(log)[0]
    before = failures([event for event in log if event["at"] <= asked["at"]])
    expect(before and before[-1]["next"] == "ask_dps" and
           asked["at"] - before[-1]["at"] < AT_ONCE_S, f"asked at once: {before[-1:]} {asked}")
    return before


def expect_second_question_in_its_time(site, began, asked_with):
    """Of two devices with one silent hub, given their failures up to their first question, the one
    that looks asks with its third. If DPS sends it elsewhere, the other one asks at once, or with
    its third. If not, the next question about this hub may follow 5 to 10 s later; then the other
    one asks when it looks itself, and the two take turns. How many failures that are by then is a
    matter of the looks' pauses, which are drawn by lot."""
    first, second = sorted(asked_with, key=lambda device: asked_with[device][-1]["at"])
    expect(len(asked_with[first]) == 3, f"{first} asked with failure {len(asked_with[first])}")
    told = next(event for event in events(site, first, began) if event["event"] == "assigned")
    asked = asked_with[second][-1]
    if told["same_as_before"] == "no":
        expect(asked["at"] - told["at"] < AT_ONCE_S or len(asked_with[second]) == 3,
               f"{second} asked at once: {told} {asked}")
        return
    may_ask = max(asked_with[first][-1]["at"] + QUESTION_PAUSE_MAX_S, told["at"])
    looks = [event for event in asked_with[second]
             if event["event"] == "hub_connect_failed" and event["at"] > may_ask]
    expect(len(looks) <= 1, f"{second} asked with its first look after {may_ask}: {looks}")
    expect(asked["at"] - may_ask < 2 * STEP_S + SLACK_S, f"{second} has its turn: {asked}")


def an_unreachable_hub_is_reported_to_dps_once_with_the_third_failure():
    with site_of_presses(2) as site:
        start(site)
        stays, moves = site.devices
        before = {device: received_so_far(site, device) for device in site.devices}
        began = time.time()
        fault = site.cloud.fault(kind="down", target="hub-1")
        site.cloud.post(f"/devices/{moves}/failover", {"to": "hub-2"})
        heard = first_after(site, moves, began, "hub-2", before[moves])
        away = moment(heard["received_at"]) - began
        expect(site.cloud.conversations(moves) == 2, f"{moves} asked once, and moved")
        # Nine more failures of the one whose hub stays dead: asked once, until "every tenth".
        wait_for(lambda: len(failures(events(site, stays, began), "unreachable")) >= 12,
                 12 * (STEP_S + 1), "twelve failures in a row")
        log = events(site, stays, began)
        twelfth = failures(log, "unreachable")[11]["at"]
        expect(len([asked for asked in conversations_in(log) if asked["at"] < twelfth]) == 1,
               "one conversation in twelve failures")
        asked_with = {}
        for device in site.devices:
            log = events(site, device, began)
            asked_with[device] = [event for event in expect_asked_at_once(log)
                                  if event["reason"] == "unreachable"]
            expect(len(asked_with[device]) >= 3, f"{device} asked after the third failure")
            expect_one_conversation_a_step(log)
        expect_second_question_in_its_time(site, began, asked_with)
        site.cloud.end_fault(fault)
        up = time.time()
        first_after(site, stays, up, "hub-1", before[stays])
        back = time.time() - up
        expect(back < STEP_S + RETRY_AFTER_S + SLACK_S, f"back within one step: {back:.1f} s")
        asked = site.cloud.conversations(stays)
        expect(asked == len(conversations_in(events(site, stays))), "log and cloud agree")
        return (f"{end(site)}; moved after {away:.1f} s; "
                f"12 failures: 1 conversation; back {back:.1f} s after the hub")


def a_refused_token_and_a_disabled_device_are_provisioned_at_once():
    with site_of_presses(2) as site:
        start(site)
        refused, disabled = site.devices
        before = {device: received_so_far(site, device) for device in site.devices}
        began = time.time()
        site.cloud.fault(kind="connack", target="hub-1", device=refused, code=5, times=1)
        dropped = {refused: moment(site.cloud.post(f"/devices/{refused}/drop")["at"]),
                   disabled: moment(site.cloud.post(f"/devices/{disabled}/disable",
                                                    {"until_registered": True})["at"])}
        away = {}
        for device in site.devices:
            heard = first_after(site, device, dropped[device], "hub-1", before[device])
            away[device] = moment(heard["received_at"]) - dropped[device]
            expect(away[device] < AWAY_MAX_S, f"{device} is back: {away[device]:.1f} s")
            expect(site.cloud.conversations(device) == 2, f"{device} asked DPS once")
            expect(expect_asked_at_once(events(site, device, began))[-1]["reason"] == "hub_refused",
                   f"{device} asked because it was refused")

        # A hub that refuses for longer, though DPS says it is the right one.
        asked = site.cloud.conversations(refused)
        began = time.time()
        fault = site.cloud.fault(kind="connack", target="hub-1", device=refused, code=5)
        site.cloud.post(f"/devices/{refused}/drop")
        wait_for(lambda: site.cloud.conversations(refused) - asked >= 3,
                 4 * (STEP_S + RETRY_AFTER_S + SLACK_S), "three conversations")
        site.cloud.end_fault(fault)
        ended, count = time.time(), received_so_far(site, refused)
        heard = first_after(site, refused, ended, "hub-1", count)
        back = moment(heard["received_at"]) - ended
        steps = expect_one_conversation_a_step(events(site, refused, began))
        asked = site.cloud.conversations(refused) - asked
        expect(asked <= steps, f"{asked} conversations in {steps} steps")
        expect(back < STEP_S + RETRY_AFTER_S + SLACK_S, f"back within one step: {back:.1f} s")
        return (f"{end(site)}; refused token: back after {away[refused]:.1f} s, 1 conversation; "
                f"disabled: {away[disabled]:.1f} s, 1 conversation; refused on and on: {asked} "
                f"conversations in {steps} steps, back after {back:.1f} s")


def a_blocked_device_keeps_its_assignment_and_is_back_within_one_step():
    with site_of_presses(2) as site:
        start(site)
        blocked, other = site.devices
        assignment = wait_for(lambda: cached_assignment(site, blocked), 5, "the cached assignment")
        before = received_so_far(site, blocked)
        began = time.time()
        site.cloud.post(f"/devices/{blocked}/block")

        def refused():
            return [event for event in events(site, blocked, began)
                    if event["event"] == "provisioning_failed"]

        wait_for(lambda: len(refused()) >= 3, 4 * (STEP_S + RETRY_AFTER_S + SLACK_S),
                 "DPS says three times that the device is blocked")
        expect({event["reason"] for event in refused()} == {"dps_blocked"}, f"why: {refused()}")
        expect(cached_assignment(site, blocked) == assignment, "the assignment is kept")
        asked = site.cloud.conversations(blocked) - 1
        steps = expect_one_conversation_a_step(events(site, blocked, began))
        expect(asked <= steps, f"{asked} conversations in {steps} steps")
        unblocked = moment(site.cloud.post(f"/devices/{blocked}/unblock")["at"])
        heard = first_after(site, blocked, unblocked, "hub-1", before)
        back = moment(heard["received_at"]) - unblocked
        expect(back < STEP_S + SLACK_S, f"back within one step of {STEP_S} s: {back:.1f} s")
        expect(cached_assignment(site, blocked) == assignment, "and it is the same hub")
        expect_one_conversation_a_step(events(site, blocked, began))
        expect(site.cloud.conversations(other) == 1, "the other device has nothing to do with it")
        return (f"{end(site)}; {asked} conversations in {steps} steps, back {back:.1f} s after the "
                f"unblocking")


def a_hub_with_an_internal_error_is_not_reported_in_the_first_ten_failures():
    with site_of_presses(1) as site:
        start(site)
        device = site.devices[0]
        began = time.time()
        fault = site.cloud.fault(kind="connack", target="hub-1", device=device, code=3)
        site.cloud.post(f"/devices/{device}/drop")
        wait_for(lambda: site.cloud.conversations(device) > 1, 14 * (STEP_S + 1),
                 "the eleventh failure is reported")
        log = events(site, device, began)
        first = failures([event for event in log if event["at"] <= conversations_in(log)[0]["at"]])
        expect(len(first) > 10, f"no conversation in the first ten failures: {len(first)}")
        expect(failures(log, "hub_busy"), "the hub's answer is named")
        site.cloud.end_fault(fault)
        ended, count = time.time(), received_so_far(site, device)
        heard = first_after(site, device, ended, "hub-1", count)
        back = moment(heard["received_at"]) - ended
        expect(back < STEP_S + RETRY_AFTER_S + SLACK_S, f"back within one step: {back:.1f} s")
        return (f"{end(site)}; {len(first)} failures before the first conversation, "
                f"back after {back:.1f} s")


class Doors:
    """Stand where a service is down, count who knocks, and refuse."""

    def __init__(self, addresses):
        self.knocks = {address: [] for address in addresses}
        self.listeners = []
        for address in addresses:
            host, port = address.rsplit(":", 1)
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, int(port)))
            listener.listen(100)
            self.listeners.append(listener)
            threading.Thread(target=self._count, args=(listener, address), daemon=True).start()

    def _count(self, listener, address):
        while True:
            try:
                caller, _ = listener.accept()
            except OSError:
                return
            self.knocks[address].append(time.time())
            # With a reset, as a machine without a listener does.
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            caller.close()

    def close(self):
        for listener in self.listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


def most_within(times, seconds):
    return max((sum(1 for other in times if at <= other < at + seconds) for at in times), default=0)


def nobody_floods_the_network_when_neither_hub_nor_dps_is_reachable():
    devices, seconds, step = 12, 40, 10
    with site_of_presses(devices, step) as site:
        start(site)
        site.cloud.fault(kind="down")
        hub, dps = site.cloud.ports["hubs"][0]["listens_on"], site.cloud.ports["dps"]
        doors = Doors([hub, dps])
        time.sleep(seconds)  # the scenario itself: how often somebody tries in this time
        doors.close()
        tries, probes = doors.knocks[hub], doors.knocks[dps]
        # After the first failures one device looks for all, with pauses up to 10 s drawn by lot.
        expect(3 <= len(tries) <= 2 * devices, f"{len(tries)} attempts at the hub")
        expect(most_within(tries, 1) <= devices, f"no rush: {most_within(tries, 1)}")
        # One device looks whether DPS is back, whoever else would like to ask.
        expect(len(probes) <= devices, f"{len(probes)} attempts at DPS")
        for fault in site.cloud.get("/faults")["faults"]:
            site.cloud.end_fault(fault["id"])
        up = time.time()
        site.wait_all_online()
        back = time.time() - up
        asked = sum(site.cloud.conversations(device) - 1 for device in site.devices)
        expect(back < step + RETRY_AFTER_S + 2 * SLACK_S, f"all are back: {back:.1f} s")
        return (f"{end(site)}; {devices} devices in {seconds} s: {len(tries)} attempts at the hub, at "
                f"most {most_within(tries, 1)} in a second, {len(probes)} at DPS; all back "
                f"{back:.1f} s later with {asked} conversations")


if __name__ == "__main__":
    sys.exit(run_scenarios([
        an_unreachable_hub_is_reported_to_dps_once_with_the_third_failure,
        a_refused_token_and_a_disabled_device_are_provisioned_at_once,
        a_blocked_device_keeps_its_assignment_and_is_back_within_one_step,
        a_hub_with_an_internal_error_is_not_reported_in_the_first_ten_failures,
        nobody_floods_the_network_when_neither_hub_nor_dps_is_reachable], together=True))
