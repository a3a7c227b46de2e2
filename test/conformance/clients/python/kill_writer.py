"""confluent-kafka (librdkafka) under load while nodes are killed: writes, reads in a group, checks all.

Talks with the driver (parts/kill.mjs, parts/cluster.mjs) in lines: it says {"event": "loaded"} when records and commits
are acknowledged after a start, with the longest time that a partition was without an acknowledgement since the last one,
and hears "killed" before a restart, "restarted" after it, "end" at last. Where the node comes back, a new reader goes on;
"go on" has it wait for the next load with the reader that there is. Its last line is {"event": "checked"} with what was
found, by check.
"""

import json
import sys
import threading
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

bootstrap, run_id = sys.argv[1:3]
REPLICAS = int(sys.argv[3]) if len(sys.argv) > 3 else 1
PARTITIONS = 4
TOPIC, GROUP = f"{run_id}-kill", f"{run_id}-kill-group"
BASE = {
    "bootstrap.servers": bootstrap,
    "log_level": 0,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 200,
    "socket.timeout.ms": 5_000,
}
CHUNK = 100
PADDING = "x" * 100


def say(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.02)


class Writer:
    """Numbers the records of each partition from 0, and keeps what was acknowledged: number and offset."""

    def __init__(self):
        self.producer = Producer(
            {
                **BASE,
                "acks": "all",
                "enable.idempotence": True,
                "linger.ms": 2,
                "message.timeout.ms": 120_000,
                "queue.buffering.max.messages": 20_000,
            }
        )
        self.next = [0] * PARTITIONS
        self.acknowledged = [[] for _ in range(PARTITIONS)]
        self.refused = []
        self.heard = [time.monotonic()] * PARTITIONS
        self.longest = 0.0
        self.ending = False
        self.failure = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def count(self):
        return sum(map(len, self.acknowledged))

    def gap(self):
        """Seconds, the longest since it was asked for last."""
        longest, self.longest = self.longest, 0.0
        return round(longest, 2)

    def run(self):
        try:
            while not self.ending:
                for partition in range(PARTITIONS):
                    self.chunk(partition)
                self.producer.poll(0.01)
            if self.producer.flush(60) > 0:
                raise AssertionError("records were not acknowledged in 60 s")
        except Exception as error:  # noqa: BLE001
            self.failure = error

    def chunk(self, partition):
        for _ in range(CHUNK):
            number = self.next[partition]
            try:
                self.producer.produce(
                    TOPIC, f"{number} {PADDING}", partition=partition, on_delivery=self.delivered(partition, number)
                )
            except BufferError:
                self.producer.poll(0.05)
                return
            self.next[partition] += 1

    def delivered(self, partition, number):
        def on_delivery(error, message):
            now = time.monotonic()
            self.longest = max(self.longest, now - self.heard[partition])
            self.heard[partition] = now
            if error is None:
                self.acknowledged[partition].append((number, message.offset()))
            else:
                self.refused.append(f"record {number} of partition {partition}: {error}")

        return on_delivery

    def end(self):
        self.ending = True
        self.thread.join(90)
        if self.thread.is_alive():
            raise AssertionError("the producer does not come to its end")
        if self.failure is not None:
            raise self.failure


class Reader:
    """A static member, a new one after each kill: the first record of each partition shows where the group goes on."""

    def __init__(self):
        # What was tried may be committed though the answer was lost; what was acknowledged must be.
        self.tried = [0] * PARTITIONS
        self.committed = [0] * PARTITIONS
        self.read = [set() for _ in range(PARTITIONS)]
        self.resumed = 0
        self.wrong = []
        self.failure = None
        self.said = "none refused"

    def start(self):
        self.ending = False
        self.commits = 0
        self.first = {}
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        consumer = Consumer(
            {
                **BASE,
                "group.id": GROUP,
                "group.instance.id": "reader",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 50,
            }
        )
        try:
            consumer.subscribe([TOPIC])
            positions = list(self.committed)
            while not self.ending:
                for message in consumer.consume(2_000, 0.1):
                    if message.error() is None:
                        self.take(message, positions)
                if self.first:
                    self.commit(consumer, positions)
        except Exception as error:  # noqa: BLE001
            self.failure = error
        finally:
            consumer.close()

    def take(self, message, positions):
        partition, offset = message.partition(), message.offset()
        if partition not in self.first:
            self.first[partition] = offset
            lowest, highest = self.committed[partition], self.tried[partition]
            if not lowest <= offset <= highest:
                self.wrong.append(f"partition {partition} went on at {offset}, committed {lowest} to {highest}")
            self.resumed += 1
        elif offset != positions[partition]:
            self.wrong.append(f"partition {partition} jumped from {positions[partition]} to {offset}")
        positions[partition] = offset + 1
        self.read[partition].add(offset)

    def commit(self, consumer, positions):
        wanted = {partition: positions[partition] for partition in self.first}
        for partition, offset in wanted.items():
            self.tried[partition] = max(self.tried[partition], offset)
        try:
            answers = consumer.commit(
                offsets=[TopicPartition(TOPIC, partition, offset) for partition, offset in wanted.items()],
                asynchronous=False,
            )
        except KafkaException as error:
            self.said = f"last refused {error}"
            return  # the node is gone: whether it was committed is not known
        for answer in answers:
            if answer.error is None:
                self.committed[answer.partition] = wanted[answer.partition]
        self.commits += 1

    def stop(self):
        self.ending = True
        self.thread.join(60)
        if self.thread.is_alive():
            raise AssertionError("the consumer does not come to its end")
        if self.failure is not None:
            raise self.failure

    def ready(self):
        if self.failure is not None:
            raise self.failure
        return len(self.first) == PARTITIONS and self.commits >= 2


def read_all():
    """Numbers by offset, of each partition from its start to its end."""
    consumer = Consumer({**BASE, "group.id": f"{GROUP}-check", "enable.auto.commit": False})
    found = [{} for _ in range(PARTITIONS)]
    parts = [TopicPartition(TOPIC, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)]
    ends = [consumer.get_watermark_offsets(part, 20)[1] for part in parts]
    consumer.assign(parts)
    left = sum(ends)
    deadline = time.monotonic() + 60
    while left > 0:
        if time.monotonic() > deadline:
            raise AssertionError(f"for 60 s no more is read, and {left} records are to come")
        for message in consumer.consume(10_000, 1):
            if message.error() is not None:
                raise KafkaException(message.error())
            deadline = time.monotonic() + 60
            found[message.partition()][message.offset()] = int(message.value().split(b" ", 1)[0])
            left -= 1
    consumer.close()
    return found


def read_to_end(reader, total):
    """The group may be minutes behind a writer that nothing held up: what counts is that it goes on."""
    while (read := sum(map(len, reader.read))) < total and reader.failure is None:
        until(
            lambda: sum(map(len, reader.read)) > read or reader.failure, f"the group reads more than {read} of {total}"
        )


def check(found, acknowledged, refused, reader):
    """Lists of what is wrong, by what should hold."""
    wrong = {name: [] for name in ("every record is acknowledged", "none is lost", "none is twice", "order is kept")}
    wrong["offsets are as acknowledged"] = []
    wrong["every record is acknowledged"] += refused
    for partition in range(PARTITIONS):
        numbers = [number for _, number in sorted(found[partition].items())]
        there = set(numbers)
        where = f"of partition {partition}"
        lost = [number for number, _ in acknowledged[partition] if number not in there]
        if lost:
            wrong["none is lost"].append(f"{len(lost)} {where}, first {lost[:5]}")
        if len(there) != len(numbers):
            wrong["none is twice"].append(f"{len(numbers) - len(there)} {where}")
        back = [i for i in range(1, len(numbers)) if numbers[i] < numbers[i - 1]]
        if back:
            wrong["order is kept"].append(f"{len(back)} {where} are before their time, the first behind {back[0]}")
        # A duplicate that the node recognises has no offset in its answer where the batch is too old.
        moved = [n for n, offset in acknowledged[partition] if offset >= 0 and found[partition].get(offset) != n]
        if moved:
            wrong["offsets are as acknowledged"].append(f"{len(moved)} {where}, first {moved[:5]}")
    wrong["the group goes on where it committed"] = reader.wrong
    unread = sum(len(set(found[partition]) - reader.read[partition]) for partition in range(PARTITIONS))
    wrong["the group reads every record"] = [f"{unread} are not read"] if unread else []
    return wrong


def main():
    admin = AdminClient(BASE)
    config = {"min.insync.replicas": "2"} if REPLICAS > 1 else {}
    admin.create_topics([NewTopic(TOPIC, PARTITIONS, REPLICAS, config=config)])[TOPIC].result(20)
    writer, reader = Writer(), Reader()
    reader.start()
    while True:
        since = [len(numbers) for numbers in writer.acknowledged]
        reader.commits = 0

        def loaded(since=since):
            each = all(len(now) >= then + CHUNK for now, then in zip(writer.acknowledged, since, strict=True))
            return each and reader.ready()

        try:
            until(loaded, "records and commits are acknowledged", 60)
        except AssertionError as error:
            count = [len(now) - then for now, then in zip(writer.acknowledged, since, strict=True)]
            raise AssertionError(f"{error}: records {count}, {reader.commits} commits, {reader.said}") from error
        say("loaded", gap=writer.gap())
        order = sys.stdin.readline().strip()
        if order == "end":
            break
        if order == "go on":
            continue
        reader.ending = True
        sys.stdin.readline()
        # Only now: a commit that was under way waits for the node, and may count.
        reader.stop()
        reader.start()
    writer.end()
    found = read_all()
    total = sum(map(len, found))
    read_to_end(reader, total)
    reader.stop()
    wrong = check(found, writer.acknowledged, writer.refused, reader)
    say("checked", wrong=wrong, records=total, acknowledged=writer.count(), resumed=reader.resumed)


if __name__ == "__main__":
    main()
