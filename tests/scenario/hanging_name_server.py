#!/usr/bin/env python3
"""A name server that hangs for one device's hub delays nobody else.

Runs itself again in a network and mount namespace of its own: there /etc/resolv.conf names a server
of ours, which answers for fast.test at once and for slow.test only when told. Nothing outside of the
namespace is touched."""
import calendar
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

from plant_and_cloud import SKIPPED, Site, expect, run_scenarios, summary, wait_for

INSIDE = "HUBWARD_OWN_NAMESPACE"
HANG_S = 30
VICTIM = "press-02"
# A loop that waited for the name server would show up as seconds, up to the whole hang.
DELAY_MAX_S = 2.0


class NameServer:
    """Answers A queries; what is in `hanging` gets no answer at all."""

    def __init__(self, addresses, hanging):
        self.addresses = addresses
        self.hanging = set(hanging)
        self.first_asked = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            name, end = self.question(query)
            self.first_asked.setdefault(name, time.monotonic())
            if name not in self.hanging:
                self.socket.sendto(self.answer(query, name, end), client)

    @staticmethod
    def question(query):
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += query[at] + 1
        return ".".join(labels), at + 5

    def answer(self, query, name, end):
        """RFC 1035, section 4.1. A name without such a record gets an empty answer."""
        kind = struct.unpack(">H", query[end - 4:end - 2])[0]
        records = b""
        if kind == 1 and name in self.addresses:
            records = struct.pack(">HHHIH", 0xC00C, 1, 1, 5, 4)
            records += socket.inet_aton(self.addresses[name])
        code = 0 if name in self.addresses else 3
        flags = 0x8180 | code
        header = query[:2] + struct.pack(">HHHHH", flags, 1, 1 if records else 0, 0, 0)
        return header + query[12:end] + records


def milliseconds(iso):
    """Of 2026-01-31T12:00:00.123Z."""
    whole, _, fraction = iso.rstrip("Z").partition(".")
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1000 + float("0." + (fraction or "0")) * 1000


def delays(site, devices, since):
    """Seconds from a message's making to its arrival, of those that arrived after message number
    `since[device]`."""
    found = []
    for device in devices:
        after = since[device]
        while True:
            page = site.cloud.get(f"/devices/{device}/messages?after={after}&limit=1000")["messages"]
            if not page:
                break
            after = page[-1]["n"]
            found += [(milliseconds(message["received_at"])
                       - milliseconds(message["properties"]["$.ctime"])) / 1000
                      for message in page]
    return sorted(found)


def totals(site, devices):
    return {device: site.cloud.device(device)["telemetry"]["total"] for device in devices}


def p99(sorted_values):
    return sorted_values[len(sorted_values) * 99 // 100]


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
        before = delays(site, others, start)

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
        hung = delays(site, others, start)
        expect(VICTIM not in site.connected(), f"{VICTIM} cannot have got through")

        names.hanging.clear()
        wait_for(lambda: VICTIM in site.connected(), 60, f"{VICTIM} connects when its name is known")
        score = site.settle()
        expect(site.order_violations() == 0, "order is kept")
        expect(len(hung) > 300, f"enough messages in the hang: {len(hung)}")
        figures = (f"p99 {p99(before) * 1000:.0f} ms -> {p99(hung) * 1000:.0f} ms, max "
                   f"{before[-1] * 1000:.0f} -> {hung[-1] * 1000:.0f} ms over {len(hung)} messages; "
                   f"another device dropped in the hang is back after {back:.1f} s; "
                   f"{VICTIM} meanwhile: {state}; {summary(score)}")
        expect(p99(hung) < max(DELAY_MAX_S, 3 * p99(before)), "the others are not delayed: " + figures)
        return figures


def loopback_up():
    """`ip link set lo up` without the program."""
    siocgifflags, siocsifflags, iff_up = 0x8913, 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, siocgifflags, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(control, siocsifflags, struct.pack("16sh14x", b"lo", flags | iff_up))


def own_resolver_settings():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="hubward-names-"))
    for target, text in (("/etc/resolv.conf", "nameserver 127.0.0.1\n"),
                         ("/etc/nsswitch.conf", "hosts: files dns\n")):
        ours = folder / pathlib.Path(target).name
        ours.write_text(text)
        subprocess.run(["mount", "--bind", str(ours), os.path.realpath(target)], check=True)
    shutil.rmtree(folder, ignore_errors=True)


def in_own_namespace():
    """Runs this script again inside; its exit status, or None where that is not allowed."""
    unshare = ["unshare", "--net", "--mount"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    try:
        if subprocess.run(unshare + ["mount", "--bind", "/etc/hosts", "/etc/hosts"],
                          capture_output=True).returncode != 0:
            return None
    except FileNotFoundError:
        return None
    return subprocess.run(unshare + [sys.executable] + sys.argv, env={**os.environ, INSIDE: "1"}).returncode


if __name__ == "__main__":
    if INSIDE in os.environ:
        loopback_up()
        own_resolver_settings()
        sys.exit(run_scenarios([a_hanging_name_server_delays_only_the_device_that_needs_it]))
    status = in_own_namespace()
    if status is None:
        print("skipped: this machine allows no network and mount namespaces")
        status = SKIPPED
    sys.exit(status)
