#!/usr/bin/env python3
"""The configuration that deploy/mosquitto writes, held by a real Mosquitto: who gets in, over what, and
that no device can speak or listen for another. What the broker lets through is read by hubward's own
user; what it does not is followed by a message that gets through, so that nothing is waited for in vain.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

from plant_and_cloud import ROOT, Skipped, expect, free_port, run_scenarios, wait_for

RENDER = str(ROOT / "deploy/mosquitto/render")
USER = str(ROOT / "deploy/mosquitto/user")
USERS = {"hubward": "h-secret", "press-1": "p-secret", "press-2": "q-secret"}


class Broker:
    def __init__(self, *options):
        for program in ("mosquitto_pub", "mosquitto_sub", "mosquitto_passwd"):
            if not shutil.which(program):
                raise Skipped(program + " is not installed")
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.folder.chmod(0o755)  # the broker runs as another user
        self.port = free_port()
        users = self.folder / "users"
        users.write_text("".join(f"{name}:{password}\n" for name, password in USERS.items()))
        conf = subprocess.run([RENDER, "--state", str(self.folder / "broker"), "--port", str(self.port),
                               "--users", str(users), *options],
                              check=True, capture_output=True, text=True).stdout.strip()
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen([program, "-c", conf], stderr=subprocess.DEVNULL)

    def __enter__(self):
        wait_for(lambda: self.publish("hubward", "plant/x/command/up", "1").returncode == 0, 20,
                 "the broker lets hubward in")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _login(self, user, more):
        login = [] if user is None else ["-u", user, "-P", USERS.get(user, "guessed")]
        return ["-h", "127.0.0.1", "-p", str(self.port), *login, "-q", "1", *more]

    def publish(self, user, topic, text, *more, client=None):
        name = [] if client is None else ["-i", client]
        return subprocess.run(["mosquitto_pub", *self._login(user, more), *name, "-t", topic, "-m", text],
                              capture_output=True, text=True, timeout=20)

    def listen(self, user, *topics):
        """Subscribes at QoS 1 and returns once the broker has taken the subscriptions."""
        filters = [part for topic in topics for part in ("-t", topic)]
        listener = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", *self._login(user, ["-v", "-d"]),
                                     *filters], stdout=subprocess.PIPE, text=True)
        for line in listener.stdout:
            if line.startswith("Subscribed"):
                return listener
        raise AssertionError(f"{user} cannot subscribe")


def heard_until(listener, last):
    """The messages up to `last`, as "topic text"."""
    heard = []
    for line in listener.stdout:
        line = line.strip()
        if not line.startswith("plant/") and not line.startswith("other/"):
            continue  # what the tool says of itself
        heard.append(line)
        if line == last:
            break
    listener.kill()
    listener.wait()
    return heard


def no_device_speaks_for_another():
    with Broker() as broker:
        hubward = broker.listen("hubward", "plant/#")
        broker.publish("press-1", "plant/press-2/telemetry", "forged")
        broker.publish("press-1", "plant/press-2/telemetry", "forged", client="press-2")
        broker.publish("press-1", "plant/press-1/../press-2/telemetry", "odd")
        broker.publish("press-1", "plant/press-10/telemetry", "forged")
        broker.publish("press-1", "plant/telemetry", "forged")
        broker.publish("press-2", "plant/press-1/command/open", "forged")
        broker.publish("press-1", "plant/press-1/telemetry", "true")
        heard = heard_until(hubward, "plant/press-1/telemetry true")
        expect(heard == ["plant/press-1/../press-2/telemetry odd", "plant/press-1/telemetry true"],
               f"only what lies below its own name gets through: {heard}")


def no_device_hears_another():
    with Broker() as broker:
        device = broker.listen("press-1", "plant/#", "plant/+/command/#", "plant/press-2/command/#",
                               "plant/press-1/command/#", "#")
        broker.publish("hubward", "plant/press-2/command/open", "for the other")
        broker.publish("press-2", "plant/press-2/telemetry", "of the other")
        broker.publish("hubward", "plant/press-1/command/open", "for it")
        heard = heard_until(device, "plant/press-1/command/open for it")
        expect(heard[0] == "plant/press-1/command/open for it",
               f"only its own commands reach it: {heard}")


def nobody_gets_in_without_a_password():
    with Broker() as broker:
        for user in (None, "stranger", "press-1"):
            if user == "press-1":
                refused = subprocess.run(
                    ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-u", user, "-P",
                     "wrong", "-t", "plant/press-1/t", "-m", "1"], capture_output=True, timeout=20)
            else:
                refused = broker.publish(user, "plant/press-1/t", "1")
            expect(refused.returncode != 0, f"{user} is let in")
        kept = (broker.folder / "broker" / "passwords").read_text()
        expect(not any(password in kept for password in USERS.values()), "only hashes are kept")


def devices_speak_tls_and_hubward_may_stay_local():
    folder = pathlib.Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    try:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(folder / "key.pem"),
                        "-out", str(folder / "cert.pem")], check=True, capture_output=True)
        for name in ("key.pem", "cert.pem"):
            (folder / name).chmod(0o644)  # the broker runs as another user
        local = free_port()
        broker = Broker("--tls", f"{folder}/cert.pem,{folder}/key.pem", "--local-port", str(local))
        try:
            secured = ["--cafile", str(folder / "cert.pem")]
            wait_for(lambda: broker.publish("press-1", "plant/press-1/t", "1", *secured).returncode == 0,
                     20, "a device gets in by TLS")
            plain = broker.publish("press-1", "plant/press-1/t", "1")
            expect(plain.returncode != 0, "the devices' listener takes nothing in clear")
            broker.port = local
            hubward = broker.listen("hubward", "plant/#")
            broker.port = int(conf_port(broker))
            broker.publish("press-1", "plant/press-1/t", "over TLS", *secured)
            heard = heard_until(hubward, "plant/press-1/t over TLS")
            expect(heard == ["plant/press-1/t over TLS"], f"hubward hears it locally: {heard}")
        finally:
            broker.__exit__()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def conf_port(broker):
    """The devices' listener is the last one in the configuration."""
    conf = (broker.folder / "broker" / "mosquitto.conf").read_text()
    return [line.split()[1] for line in conf.splitlines() if line.startswith("listener ")][-1]


def names_that_reach_into_others_topics_are_refused():
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        for text, why in (("press-1/x:p\n", "line 1"), ("+:p\n", "line 1"), ("a:p\n#:p\n", "line 2"),
                          ("press-1\n", "line 1"), ("press-1:\n", "line 1"),
                          ("press-1:p\npress-1:q\n", "twice"), ("pre ss:p\n", "line 1")):
            (folder / "users").write_text(text)
            refused = subprocess.run([RENDER, "--state", str(folder / "broker"), "--users",
                                      str(folder / "users")], capture_output=True, text=True)
            expect(refused.returncode == 2 and why in refused.stderr, f"{text!r}: {refused.stderr}")
            expect(not (folder / "broker").exists(), "and nothing is written")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def user(broker, *arguments, text=None):
    return subprocess.run([USER, "--state", str(broker.folder / "broker"), *arguments],
                          capture_output=True, text=True, input=text, timeout=20)


def users_come_and_go_while_the_broker_runs():
    with Broker() as broker:
        hubward = broker.listen("hubward", "plant/#")
        other = broker.listen("press-2", "plant/press-2/command/#")
        refused = broker.publish("press-3", "plant/press-3/t", "early")
        expect(refused.returncode != 0, "who has no user is not let in")
        added = user(broker, "add", "press-3")
        expect(added.returncode == 0 and "has been told" in added.stderr, f"added: {added.stderr}")
        password = added.stdout.strip()
        expect(len(password) == 24, f"with a password of its own: {password}")
        try:
            USERS["press-3"] = password
            wait_for(lambda: broker.publish("press-3", "plant/press-3/t", "1").returncode == 0, 10,
                     "it gets in, without a restart of the broker")
            broker.publish("press-3", "plant/press-1/t", "forged")
            broker.publish("press-3", "plant/press-3/t", "2")
            heard = heard_until(hubward, "plant/press-3/t 2")
            expect(heard == ["plant/press-3/t 1", "plant/press-3/t 2"],
                   f"and speaks for itself only; hubward stayed connected: {heard}")
            kept = (broker.folder / "broker" / "passwords").read_text()
            expect(password not in kept, "only a hash is kept")

            changed = user(broker, "add", "press-3", "--password", "-", text="its own\n")
            expect(changed.returncode == 0 and changed.stdout == "", f"another: {changed.stderr}")
            USERS["press-3"] = "its own"
            wait_for(lambda: broker.publish("press-3", "plant/press-3/t", "3").returncode == 0, 10,
                     "another password counts")
            listener = broker.listen("press-3", "plant/press-3/command/#")
            expect(user(broker, "list").stdout.split() == ["hubward", "press-1", "press-2", "press-3"],
                   "all are listed")
            expect(user(broker, "remove", "press-3").returncode == 0, "it is removed")
            listener.communicate(timeout=20)  # its connection ends
            refused = broker.publish("press-3", "plant/press-3/t", "4")
            expect(refused.returncode != 0, "and does not come back")
        finally:
            USERS.pop("press-3", None)
        broker.publish("hubward", "plant/press-2/command/open", "1")
        heard = heard_until(other, "plant/press-2/command/open 1")
        expect(heard == ["plant/press-2/command/open 1"], f"nobody else noticed: {heard}")
        before = (broker.folder / "broker" / "passwords").read_text()
        for arguments in (("add", "press-1/x"), ("add", "+"), ("add", "a:b"), ("add", "a\nb"), ("add",),
                          ("remove", "press-3"), ("remove", "press.1"), ("add", "x", "--password", "y"),
                          ("drop", "press-1")):
            wrong = user(broker, *arguments, text="")
            expect(wrong.returncode == 2 and wrong.stderr.startswith("user: "),
                   f"{arguments}: {wrong.stderr}")
        expect((broker.folder / "broker" / "passwords").read_text() == before, "nothing has changed")


if __name__ == "__main__":
    sys.exit(run_scenarios([
        no_device_speaks_for_another,
        no_device_hears_another,
        nobody_gets_in_without_a_password,
        devices_speak_tls_and_hubward_may_stay_local,
        names_that_reach_into_others_topics_are_refused,
        users_come_and_go_while_the_broker_runs,
    ]))
