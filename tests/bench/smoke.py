#!/usr/bin/env python3
"""Runs the bench with a few devices for seconds and holds what it prints against its contract: one JSON
object a line, with exactly these members. The values mean nothing at that size, except where nothing
may be lost.
"""
import json
import pathlib
import subprocess
import sys

MEMBERS = ["name", "value", "unit", "goal", "better"]
# Measurements of which a figure must have come.
EXPECTED = {"memory", "publish", "latency", "failover", "startup", "cold_start", "drain",
            "southbound"}
NUMBER = (int, float)
SKIPPED = 77


def problem(line):
    try:
        figure = json.loads(line)
    except ValueError:
        return "is no JSON"
    if not isinstance(figure, dict) or list(figure) != MEMBERS:
        return f"does not have the members {MEMBERS}"
    if not isinstance(figure["value"], NUMBER) or not isinstance(figure["unit"], str):
        return "has no value with a unit"
    if not (figure["goal"] is None or isinstance(figure["goal"], NUMBER)):
        return "has a goal that is no number"
    if figure["better"] not in ("lower", "higher"):
        return 'is neither better "lower" nor "higher"'
    if figure["name"].endswith(".lost") and figure["value"] != 0:
        return "lost something"
    return None


def main():
    run = pathlib.Path(__file__).with_name("run")
    done = subprocess.run([run, "--smoke"], capture_output=True, text=True)
    if ": skipped: " in done.stderr:
        print(done.stderr)
        return SKIPPED
    lines = done.stdout.splitlines()
    problems = [f"{line}: {why}" for line in lines if (why := problem(line))]
    missing = EXPECTED - {line.split('"')[3].split(".")[0] for line in lines if line.count('"') > 3}
    if missing:
        problems.append(f"no figure of {' '.join(sorted(missing))}")
    if done.returncode != 0:
        problems.append(f"status {done.returncode}: {done.stderr}")
    print("\n".join(problems) or f"{len(lines)} figures")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
