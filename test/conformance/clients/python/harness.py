"""What the programs in Python share: the run of scenarios, and the records that all languages make alike."""

import base64
import inspect
import json
import os
import sys
import time
import traceback

bootstrap, run_id, data_folder = sys.argv[1:4]
record_count = int(sys.argv[4])
asked = sys.argv[5].split(",")
START_MS = int(os.environ["START_MS"])
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def equal(actual, expected, what):
    if actual != expected:
        raise AssertionError(f"{what}: {str(actual)[:300]}, not {str(expected)[:300]}")


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.05)


def failure(work, what):
    """The error that the work ends in."""
    try:
        work()
    except Exception as error:  # noqa: BLE001
        return error
    raise AssertionError(f"no error: {what}")


class Record:
    """One as written or read."""

    def __init__(self, topic, partition, timestamp_ms, key, value, headers, offset=None):
        self.topic, self.partition, self.offset = topic, partition, offset
        self.timestamp_ms, self.key, self.value = timestamp_ms, key, value
        self.headers = [(name, None if content is None else bytes(content)) for name, content in headers]

    def content(self):
        return (self.timestamp_ms, self.key, self.value, self.headers)


def sample(topic, i, partitions):
    """Record i as every language makes it, in partition i % partitions."""
    key = None if i % 7 == 0 else f"key-{i % 50}".encode()
    value = None if i % 11 == 0 and key is not None else f"value-{i}-{'x' * (i % 100)}".encode()
    headers = [("trace", f"t{i}".encode())] if i % 3 == 0 else []
    return Record(topic, i % partitions, START_MS + i, key, value, headers)


def samples(topic, count, partitions):
    return [sample(topic, i, partitions) for i in range(count)]


def plains(topic, start, count):
    """Records of the scenarios that read one partition: a second apart."""
    return [
        Record(topic, 0, START_MS + i * 1_000, f"k{i}".encode(), f"v{i}".encode(), []) for i in range(start, start + count)
    ]


def texts(start, count):
    return [f"v{i}" for i in range(start, start + count)]


def values(records):
    return [record.value.decode() for record in records]


def check_roundtrip(records, count, what):
    equal(len(records), count, f"{what}: records")
    for record in records:
        wanted = sample(record.topic, record.offset * 3 + record.partition, 3)
        equal(record.content(), wanted.content(), f"{what}: record {record.offset} of partition {record.partition}")


def _bytes(text):
    return None if text is None else base64.b64decode(text)


def _text(content):
    return None if content is None else base64.b64encode(content).decode()


def _read(name):
    with open(os.path.join(data_folder, name), encoding="utf-8") as file:
        return json.load(file)


def cross_out(topic, cannot=()):
    """The records for others: (partition, codec, records) each."""
    left = {"topic": topic, "partitions": []}
    parts = []
    for partition, codec in enumerate(CODECS):
        chosen = [(i, r) for i, r in enumerate(_read("cross-records.json")) if not set(r["needs"]) & set(cannot)]
        records = [
            Record(
                topic,
                partition,
                r["timestampMs"],
                _bytes(r["key"]),
                _bytes(r["value"]),
                [(name, _bytes(content)) for name, content in r["headers"]],
            )
            for _, r in chosen
        ]
        left["partitions"].append({"partition": partition, "codec": codec, "indexes": [i for i, _ in chosen]})
        parts.append((partition, codec, records))
    return parts, left


def leave_written(client, left):
    with open(os.path.join(data_folder, f"written-{client}.json"), "w", encoding="utf-8") as file:
        json.dump(left, file)


def cross_in():
    """(topic, partition, count) of what others wrote."""
    return [
        (topic["topic"], part["partition"], part["count"])
        for topic in _read("cross-topics.json")
        for part in topic["partitions"]
    ]


def leave_read(client, records):
    with open(os.path.join(data_folder, f"read-{client}.jsonl"), "w", encoding="utf-8") as file:
        for r in records:
            line = {
                "topic": r.topic,
                "partition": r.partition,
                "offset": r.offset,
                "timestampMs": r.timestamp_ms,
                "key": _text(r.key),
                "value": _text(r.value),
                "headers": [[name, _text(content)] for name, content in r.headers],
            }
            file.write(json.dumps(line) + "\n")


def _say(scenario, event, ms=0, note=""):
    print(json.dumps({"scenario": scenario, "event": event, "ms": ms, "note": note}, separators=(",", ":")), flush=True)


def _shown(trace):
    lines = [line for line in trace.splitlines() if line.strip().strip("^~")]
    return "\n".join(lines[-7:])


def run(scenarios, run_coroutine=None):
    """Runs what was asked for. What isn't in the table the client cannot do; a text says why."""
    for name in asked:
        scenario = scenarios.get(name)
        if not callable(scenario):
            _say(name, "absent", note=scenario or "")
            continue
        _say(name, "begin")
        since = time.monotonic()
        try:
            note = run_coroutine(scenario()) if inspect.iscoroutinefunction(scenario) else scenario()
            _say(name, "passed", int((time.monotonic() - since) * 1000), note or "")
        except BaseException:  # noqa: BLE001
            _say(name, "failed", int((time.monotonic() - since) * 1000), _shown(traceback.format_exc()))
    sys.stdout.flush()
    # What a failed scenario has left open must not hold the process.
    os._exit(0)
