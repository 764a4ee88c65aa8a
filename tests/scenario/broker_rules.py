#!/usr/bin/env python3
"""The configuration that deploy/mosquitto writes, held by a real Mosquitto: who gets in, over what, and
that no device can speak or listen for another. What the broker lets through is read by hubward's own
user; what it does not is followed by a message that gets through, so that nothing is waited for in vain.
"""
import base64
import contextlib
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import types

from plant_and_cloud import ROOT, Skipped, expect, free_port, run_scenarios, wait_for

RENDER = str(ROOT / "deploy/mosquitto/render")
USER = str(ROOT / "deploy/mosquitto/user")
USERS = {"hubward": "h-secret", "press-1": "p-secret", "press-2": "q:sec:ret"}


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
                          ("press-1:p\npress-1:q\n", "twice"), ("pre ss:p\n", "line 1"),
                          ("a:p\n\nb: p\n", "line 3: blanks"), ("a:p \r\n", "line 1: blanks")):
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

            changed = user(broker, "add", "press-3", "--password", "-", text="its:own\n")
            expect(changed.returncode == 0 and changed.stdout == "", f"another: {changed.stderr}")
            USERS["press-3"] = "its:own"
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


@contextlib.contextmanager
def rendered(users):
    """What render makes of the text `users`; no broker runs from it."""
    if not shutil.which("mosquitto_passwd"):
        raise Skipped("mosquitto_passwd is not installed")
    folder = pathlib.Path(tempfile.mkdtemp())
    try:
        (folder / "users").write_text(users)
        render(folder)
        yield types.SimpleNamespace(folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def render(folder):
    done = subprocess.run([RENDER, "--state", str(folder / "broker"), "--users", str(folder / "users")],
                          capture_output=True, text=True, timeout=60)
    expect(done.returncode == 0, f"render: {done.stderr}")


def hashes(broker):
    lines = (broker.folder / "broker" / "passwords").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


def lets_in(hashed, password):
    """Whether it is the hash of that password, as Mosquitto 2 makes it."""
    _, kind, rounds, salt, wanted = hashed.split("$")
    expect(kind == "7", f"PBKDF2 with SHA-512: {hashed}")
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(rounds))
    return base64.b64encode(made).decode() == wanted


def names_that_are_equal_as_numbers_are_different_users():
    with rendered("007:a\n1.0:b\n1e3:c\npress:d\n0x10:e\n") as broker:
        for name in ("7", "1", "1000", "16"):
            added = user(broker, "add", name)
            expect(added.returncode == 0, f"{name} is added: {added.stderr}")
        expect(list(hashes(broker)) == ["007", "1.0", "1e3", "press", "0x10", "7", "1", "1000", "16"],
               f"nobody has gone: {list(hashes(broker))}")
        expect(user(broker, "remove", "7").returncode == 0, "7 is removed")
        expect("007" in hashes(broker) and "7" not in hashes(broker), "and 007 is not")
        (broker.folder / "users").write_text("7:a\n007:b\n1:c\n1.0:d\n")
        render(broker.folder)
        expect(list(hashes(broker)) == ["7", "007", "1", "1.0"], "render has them apart as well")


def passwords_are_kept_as_they_were_said():
    with rendered("a:b:c\r\n\ng:-b\nh:$7$x") as broker:
        for name, password in (("a", "b:c"), ("g", "-b"), ("h", "$7$x")):
            expect(lets_in(hashes(broker)[name], password), f"{name}: not the hash of {password!r}")
        for password in ("b:c", ":", " b ", "ends:", "-c", "a\\tb", "schlüssel", "x" * 300):
            added = user(broker, "add", "x", "--password", "-", text=password + "\n")
            expect(added.returncode == 0, f"{password!r}: {added.stderr}")
            expect(lets_in(hashes(broker)["x"], password), f"not the hash of {password!r}")


def users_that_are_added_at_once_are_all_there():
    with rendered("hubward:h\n") as broker:
        names = [f"press-{n}" for n in range(6)]
        adding = {name: subprocess.Popen([USER, "--state", str(broker.folder / "broker"), "add", name],
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                  for name in names}
        passwords = {name: process.communicate(timeout=60)[0].strip() for name, process in adding.items()}
        expect(sorted(hashes(broker)) == ["hubward"] + names, f"all are there: {list(hashes(broker))}")
        for name in names:
            expect(lets_in(hashes(broker)[name], passwords[name]), f"{name} has the password that was told")


def links_in_the_brokers_folder_are_not_followed():
    """The folder belongs to the broker's user, and root works in it."""
    with rendered("hubward:h\npress:p\n") as broker:
        other, state = broker.folder / "of-another", broker.folder / "broker"
        other.write_text("root:$6$hash\n")

        def lay(name):
            (state / name).unlink()
            (state / name).symlink_to(other)

        lay("passwords")
        for arguments in (("add", "x"), ("remove", "root"), ("list",)):
            refused = user(broker, *arguments)
            expect(refused.returncode == 2 and "is a link" in refused.stderr and refused.stdout == "",
                   f"{arguments}: {refused.stdout}{refused.stderr}")
        for name in ("mosquitto.conf", "acl"):
            lay(name)
        render(broker.folder)
        expect(other.read_text() == "root:$6$hash\n", "what the links named is as it was")
        expect(other.stat().st_uid == os.geteuid(), "and whose it was")
        expect(not any((state / name).is_symlink() for name in ("passwords", "mosquitto.conf", "acl")),
               "render has laid files of its own there")
        expect(list(hashes(broker)) == ["hubward", "press"], "with the users")


def who_stops_it_finds_nothing_left_behind():
    for program, arguments in ((USER, ["add", "x", "--password", "-"]), (RENDER, ["--users", "{users}"])):
        for said in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with rendered("hubward:very-secret\n") as broker:
                stop_while_it_hashes(broker, program, arguments, said)


def stop_while_it_hashes(broker, program, arguments, said):
    state, slow = broker.folder / "broker", broker.folder / "slow"
    slow.mkdir()
    (slow / "mosquitto_passwd").write_text(
        f"#!/bin/sh\n: > {slow}/began\nwhile [ ! -e {slow}/go-on ]; do sleep 0.02; done\n"
        f"exec {shutil.which('mosquitto_passwd')} \"$@\"\n")
    (slow / "mosquitto_passwd").chmod(0o755)
    before = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
    process = subprocess.Popen(
        [program, "--state", str(state), *(text.format(users=broker.folder / "users") for text in arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "PATH": f"{slow}:{os.environ['PATH']}"})
    process.stdin.write(b"very-secret\n")
    process.stdin.close()
    what = f"{program} and {said.name}: "
    try:
        wait_for(lambda: (slow / "began").exists(), 20, what + "it hashes")
        clear = [path for path in state.rglob("*") if path.is_file() and b"very-secret" in path.read_bytes()]
        expect(not clear, f"{what}the password lies on disk in clear: {clear}")
        process.send_signal(said)
    finally:
        (slow / "go-on").touch()
        ended = process.wait(timeout=20)
    expect(ended == 128 + said, f"{what}it ends with {ended}")
    left = {path: path.read_bytes() for path in state.rglob("*") if path.is_file()}
    expect(left == before, f"{what}left behind: {sorted(set(left) - set(before))}")


def a_name_may_begin_with_a_dash():
    with rendered("-dev:p\n") as broker:
        mistaken = user(broker, "remove", "-dev")
        expect(mistaken.returncode == 2 and "after --" in mistaken.stderr, f"told how: {mistaken.stderr}")
        for arguments, names in ((("add", "--", "--state"), ["-dev", "--state"]),
                                 (("remove", "--", "-dev"), ["--state"]),
                                 (("--", "add", "-dev"), ["--state", "-dev"])):
            done = user(broker, *arguments)
            expect(done.returncode == 0 and user(broker, "list").stdout.split() == names,
                   f"{arguments}: {done.stderr}")


if __name__ == "__main__":
    sys.exit(run_scenarios([
        no_device_speaks_for_another,
        no_device_hears_another,
        nobody_gets_in_without_a_password,
        devices_speak_tls_and_hubward_may_stay_local,
        names_that_reach_into_others_topics_are_refused,
        users_come_and_go_while_the_broker_runs,
        names_that_are_equal_as_numbers_are_different_users,
        passwords_are_kept_as_they_were_said,
        users_that_are_added_at_once_are_all_there,
        links_in_the_brokers_folder_are_not_followed,
        who_stops_it_finds_nothing_left_behind,
        a_name_may_begin_with_a_dash,
    ]))
