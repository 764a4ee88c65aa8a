"""A network and mount namespace of a scenario's own, in which it may have a name server, break routes and mount
disks: nothing outside is touched, and all of it vanishes with the processes."""
import ctypes
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import uuid

from plant_and_cloud import SKIPPED, Failure

INSIDE = "HUBWARD_OWN_NAMESPACE"
CLONE_NEWNET = 0x40000000


def enter(own_resolver=False):
    """Runs this script again inside and ends with its status; returns only inside. Where the machine
    does not allow it the script is skipped. `own_resolver`: names are asked for at 127.0.0.1 only."""
    if INSIDE in os.environ:
        loopback_up()
        if own_resolver:
            own_resolver_settings()
        return
    unshare = ["unshare", "--net", "--mount"]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-root-user"]
    if not allowed(unshare):
        print("skipped: this machine allows no network and mount namespaces")
        sys.exit(SKIPPED)
    again = subprocess.run(unshare + [sys.executable] + sys.argv, env={**os.environ, INSIDE: "1"})
    sys.exit(again.returncode)


def allowed(unshare):
    try:
        return subprocess.run(unshare + ["mount", "--bind", "/etc/hosts", "/etc/hosts"],
                              capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


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


def machine_starts_anew():
    """For whoever asks for the machine's boot id, from now on."""
    fresh = pathlib.Path(tempfile.mkdtemp(prefix="hubward-boot-")) / "boot_id"
    fresh.write_text(f"{uuid.uuid4()}\n")
    subprocess.run(["mount", "--bind", str(fresh), "/proc/sys/kernel/random/boot_id"], check=True)
    shutil.rmtree(fresh.parent, ignore_errors=True)


class FarNetwork:
    """A second network, joined to ours by one cable. What runs there is started through `command`."""

    def __init__(self, number, their_count):
        """Ours is 10.77.`number`.100, theirs begin at 10.77.`number`.1."""
        net = f"10.77.{number}"
        self.our_address = f"{net}.100"
        self.their_addresses = [f"{net}.{host + 1}" for host in range(their_count)]
        self.our_end, self.their_end = f"near{number}", f"far{number}"
        # Keeps the namespace alive.
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        while self._namespace(self.holder.pid) == self._namespace("self"):
            if self.holder.poll() is not None:
                raise Failure("a second network namespace is refused")
        self.file = open(f"/proc/{self.holder.pid}/ns/net")
        self.ours = open("/proc/self/ns/net")
        self._run(["ip", "link", "add", self.our_end, "type", "veth", "peer", "name",
                   self.their_end, "netns", str(self.holder.pid)])
        self._run(["ip", "addr", "add", f"{self.our_address}/24", "dev", self.our_end])
        self._run(["ip", "link", "set", self.our_end, "up"])
        self.ip("link", "set", "lo", "up")
        for address in self.their_addresses:
            self.ip("addr", "add", f"{address}/24", "dev", self.their_end)
        self.ip("link", "set", self.their_end, "up")

    @staticmethod
    def _namespace(process):
        return os.readlink(f"/proc/{process}/ns/net")

    @staticmethod
    def _run(command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{' '.join(command)}: {done.stderr.strip()}")

    def command(self, *command):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", *command]

    def ip(self, *arguments):
        """`ip` over there."""
        self._run(self.command("ip", *arguments))

    def swallow(self, on=True):
        """A black hole: packets get there, and answers to us vanish without a word."""
        self.ip("route", "add" if on else "del", "blackhole", f"{self.our_address}/32")

    def unplug(self, out=True):
        """The cable is pulled on the far side: ours says that nothing is connected."""
        self.ip("link", "set", self.their_end, "down" if out else "up")

    def inside(self):
        """`with far.inside():` lets this thread open connections over there."""
        return _Inside(self)

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.file.close()
        self.ours.close()


class _Inside:
    def __init__(self, far):
        self.far = far

    def __enter__(self):
        self._enter(self.far.file)

    def __exit__(self, *_):
        self._enter(self.far.ours)

    @staticmethod
    def _enter(namespace):
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise Failure("setns: " + os.strerror(ctypes.get_errno()))
