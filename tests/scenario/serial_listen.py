#!/usr/bin/env python3
"""`hubward serial listen` at a line and behind a converter: bytes and frames are shown as they come."""
import os
import pathlib
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import tty

from plant_and_cloud import ROOT, Failure, expect, run_scenarios, wait_for

HUBWARD = str(pathlib.Path(os.environ.get("HUBWARD_BUILD") or ROOT / "build/release") / "gateway/hubward")


class Listening:
    def __init__(self, *words):
        self.process = subprocess.Popen([HUBWARD, "serial", "listen", *words],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.shown = ""

    def until(self, text, what):
        """What is shown so far, which comes without anything else being sent."""
        def there():
            while select.select([self.process.stdout], [], [], 0)[0]:
                piece = os.read(self.process.stdout.fileno(), 4096).decode()
                if not piece:
                    raise Failure(f"it ended: {self.shown}")
                self.shown += piece
            return text in self.shown
        wait_for(there, 20, f"{what}: {text!r} in {self.shown!r}")
        return self.shown

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(20)


def with_bcc(data):
    check = 0
    for byte in data:
        check ^= byte
    return b"\x02" + data + bytes([check])


def a_line_shows_its_bytes_and_frames_as_they_come():
    line, port = pty.openpty()
    tty.setraw(port)
    path = os.ttyname(port)
    listening = Listening(path, "--start", "\\x02", "--end", "\\x03", "--bytes-after-end", "1",
                          "--check", "xor,skip_first=1")
    try:
        listening.until(path + " is open", "it says what it hears")
        os.write(line, with_bcc(b"W 12.5\x03"))
        shown = listening.until("frame of 9 bytes: \\x02W 12.5\\x03l", "a frame as text")
        expect(re.search(r"\d\d:\d\d:\d\d\.\d{3} +02 57 20 31 32 2E 35 03 6C +\.W 12\.5\.l", shown),
               f"its bytes with their time: {shown}")
        os.write(line, b"\x02W 13\x03\x00")
        listening.until("no frame (Damaged data on the line) of 7 bytes: \\x02W 13\\x03\\x00",
                        "what is none is said to be none")
        os.write(line, b"\x02half")
        shown = listening.until("68 61 6C 66", "bytes before their frame is whole")
        expect("frame of 5" not in shown, f"which is none yet: {shown}")
        expect(listening.interrupt() == 0, "Ctrl-C ends it")
    finally:
        listening.process.kill()
        os.close(line)
        os.close(port)


def a_converter_is_listened_to_by_its_address():
    with socket.create_server(("127.0.0.1", 0)) as converter:
        host, port = converter.getsockname()
        listening = Listening(f"{host}:{port}", "--length", "offset=1,width=2,byte_order=low_first")
        try:
            converter.settimeout(20)
            line, _ = converter.accept()
            with line:
                listening.until("is open", "it is connected")
                # At once: without a mark at its beginning 50 ms of silence would end the frame.
                line.sendall(b"\xAA\x03\x00ab")
                line.sendall(b"c")
                listening.until("frame of 6 bytes: \\xAA\\x03\\x00abc", "the frame")
                expect("AA 03 00 61 62" in listening.shown, f"and its bytes: {listening.shown}")
        finally:
            listening.process.kill()


def a_device_that_speaks_only_when_asked_is_asked_once():
    line, port = pty.openpty()
    tty.setraw(port)
    path = os.ttyname(port)
    listening = Listening(path, "--send", "SI\\r\\n")
    try:
        listening.until("sent a request of 4 bytes: SI\\r\\n", "it says what it asks")
        wait_for(lambda: select.select([line], [], [], 0)[0], 20, "the request")
        expect(os.read(line, 64) == b"SI\r\n", "as it was given")
        listening.until("Nothing has come yet", "a silent line is said to be one")
        os.write(line, b"S S 12.5 g\r\n")
        listening.until("frame of 12 bytes: S S 12.5 g\\r\\n", "the answer")
    finally:
        listening.process.kill()
        os.close(line)
        os.close(port)


def what_cannot_be_opened_is_said():
    refused = subprocess.run([HUBWARD, "serial", "listen", "/dev/hubward-is-not-here"],
                             capture_output=True, text=True, timeout=20)
    expect(refused.returncode != 0 and "/dev/hubward-is-not-here" in refused.stdout + refused.stderr,
           f"which port: {refused.stdout}{refused.stderr}")


if __name__ == "__main__":
    sys.exit(run_scenarios([a_line_shows_its_bytes_and_frames_as_they_come,
                            a_converter_is_listened_to_by_its_address,
                            a_device_that_speaks_only_when_asked_is_asked_once,
                            what_cannot_be_opened_is_said]))
