#!/usr/bin/env python3
"""How many bounces of a set are told right: usage: score_bounces.py SET-FOLDER PROGRAM [ARG ...]

SET-FOLDER holds expected.jsonl whose cases may have `reports` (a list of {status, hard} per failed recipient)
and `failed_recipients`. The program reads a mail on standard input and prints a JSON object with `reports`
(a list of {recipient, status, kind, reason}) and `failed_recipients`. A status that the set's own program made
up ("5.0.910") can't be known: only its class is compared. With -v in front of the folder each miss is shown."""
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

verbose = sys.argv[1] == "-v"
folder, program = sys.argv[1 + verbose], sys.argv[2 + verbose:]


def run(case):
    with open(os.path.join(folder, case["mail"]), "rb") as mail:
        done = subprocess.run(program, stdin=mail, stdout=subprocess.PIPE, check=False)
    return json.loads(done.stdout)


def made_up(status):
    return re.fullmatch(r"[245]\.0\.9\d\d|", status) is not None


cases = [json.loads(line) for line in open(os.path.join(folder, "expected.jsonl"), encoding="utf-8")]
cases = [case for case in cases if case["expect"].get("reports") or case["expect"].get("failed_recipients")]
with ThreadPoolExecutor(2) as pool:
    answers = list(pool.map(run, cases))

right = {}


def count(name, good, case, wanted, got):
    counts = right.setdefault(name, [0, 0])
    counts[0] += bool(good)
    counts[1] += 1
    if verbose and not good:
        print(f"{name}: {case['mail']}: wanted {wanted}, got {got}")


for case, answer in zip(cases, answers):
    expect = case["expect"]
    got = [r for r in answer["reports"] if r["kind"] != "feedback"]
    count("class", answer["class"] == expect.get("class", "bounce"), case, expect.get("class"), answer["class"])
    if "failed_recipients" in expect:
        wanted = sorted(a.lower() for a in expect["failed_recipients"])
        count("failed recipients", wanted == sorted(a.lower() for a in answer["failed_recipients"]), case, wanted,
              answer["failed_recipients"])
    if expect.get("class") != "bounce" or not expect.get("reports"):
        continue
    wanted = expect["reports"]
    count("every recipient has an address", got and all(r["recipient"] for r in got), case, "", got)
    count("number of recipients", len(got) == len(wanted), case, len(wanted), [r["recipient"] for r in got])
    for want, have in zip(wanted, got):
        told = (want["status"], want.get("reason"), want.get("hard"))
        count("class of status", want["status"][:1] == have["status"][:1], case, told, have)
        if not made_up(want["status"]):
            count("status", want["status"] == have["status"], case, told, have)
        count("hard or soft", want.get("hard") == (have["kind"] == "hard"), case, told, have)
        count("a reason is told", have["reason"], case, told, have)

for name, (good, of) in right.items():
    print(f"{name:32} {good:5} of {of:5}  {good / of:.3f}")
