"""kafka-python through the scenarios."""

import logging
import threading
import time

import harness as h
from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, MemberToRemove, OffsetSpec
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.errors import KafkaError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

logging.disable(logging.ERROR)
admin = KafkaAdminClient(bootstrap_servers=h.bootstrap)


def name(scenario):
    return f"{h.run_id}-kafka-python-{scenario}"


def create(topic, partitions, configs=None):
    wanted = {"num_partitions": partitions, "replication_factor": 1, "configs": configs or {}}
    admin.create_topics({topic: wanted}, wait_for_metadata=True)
    return topic


def producer(**config):
    return KafkaProducer(bootstrap_servers=h.bootstrap, **{"acks": "all", "linger_ms": 2, **config})


def send(client, records):
    futures = [client.send(r.topic, r.value, r.key, r.headers, r.partition, r.timestamp_ms) for r in records]
    client.flush()
    return [future.get(20) for future in futures]


def write(records, **config):
    client = producer(**config)
    send(client, records)
    client.close()


def record(m):
    return h.Record(m.topic, m.partition, m.timestamp, m.key, m.value, m.headers, m.offset)


def consumer(**config):
    given = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 200, **config}
    return KafkaConsumer(bootstrap_servers=h.bootstrap, **given)


def polled(client, milliseconds=100, count=None):
    return [record(m) for batch in client.poll(milliseconds, count).values() for m in batch]


def read(places, count, quiet=1.0, **config):
    """From the offsets given: that many records, or with -1 until nothing comes for a while."""
    client = consumer(**config)
    client.assign([TopicPartition(topic, partition) for topic, partition, _ in places])
    for topic, partition, offset in places:
        client.seek(TopicPartition(topic, partition), offset)
    records, last = [], time.monotonic()
    while (count < 0 or len(records) < count) and time.monotonic() - last < (quiet if count < 0 else 15):
        more = polled(client)
        if more:
            records += more
            last = time.monotonic()
    client.close()
    return records


def whole(topic, partitions=1):
    return [(topic, p, 0) for p in range(partitions)]


def filled(scenario):
    topic = create(name(scenario), 1)
    write(h.plains(topic, 0, 100))
    return topic


class Member(ConsumerRebalanceListener):
    """A member of a group in a thread of its own, committing what it has seen as it goes."""

    def __init__(self, topic, group, seen, assignor=RangePartitionAssignor, **config):
        self.owned, self.revoked, self.assignments, self.count, self.closing = set(), 0, 0, 0, False
        self.cooperative = assignor is CooperativeStickyAssignor
        self.client = consumer(
            group_id=group,
            client_id="conformance",
            heartbeat_interval_ms=300,
            partition_assignment_strategy=[assignor],
            **config,
        )
        self.thread = threading.Thread(target=self._run, args=(topic, seen), daemon=True)
        self.thread.start()

    def on_partitions_revoked(self, revoked):
        if not self.closing:
            self.revoked += len(revoked)
        self.owned -= {p.partition for p in revoked}

    def on_partitions_assigned(self, assigned):
        self.assignments += 1
        self.owned |= {p.partition for p in assigned}

    def _run(self, topic, seen):
        # A rejoin that kafka-python 3.0.12 begins because metadata came after the first join is forgotten where the end of
        # a poll falls between its JoinGroup and its SyncGroup (`need_rejoin` is false by then). So metadata comes first.
        self.client.partitions_for_topic(topic)
        self.client.subscribe([topic], listener=self)
        while not self.closing:
            records = polled(self.client)
            seen.update((r.partition, r.offset) for r in records)
            self.count += len(records)
            if records:
                try:
                    self.client.commit()
                except KafkaError:
                    pass  # What isn't committed is read again by whoever has the partition next.
        self.client.close()

    def close(self):
        self.closing = True
        self.thread.join(20)


def cluster():
    described = admin.describe_cluster()
    h.check(any(h.bootstrap.endswith(f":{b['port']}") for b in described["brokers"]), f"brokers {described}")
    h.check(described["cluster_id"], "a cluster id")


def config_of(topic, wanted):
    answer = admin.describe_configs([ConfigResource("TOPIC", topic)], config_filter="all")
    (by_name,) = [one for one in answer.values()]
    return by_name[topic][wanted]["value"]


def partitions_of(topic):
    return len(admin.describe_topics([topic])[0]["partitions"])


def topics():
    topic = create(name("topics"), 3, {"retention.ms": "3600000", "max.message.bytes": "200000"})
    h.check(topic in admin.list_topics(), "it is listed")
    h.equal(partitions_of(topic), 3, "described")
    h.equal(config_of(topic, "retention.ms"), "3600000", "retention.ms")
    h.equal(config_of(topic, "max.message.bytes"), "200000", "max.message.bytes")
    error = h.failure(lambda: create(topic, 1), "a second create")
    h.check(isinstance(error, TopicAlreadyExistsError), repr(error))
    admin.create_partitions({topic: 5})
    h.until(lambda: partitions_of(topic) == 5, "five partitions")
    h.failure(lambda: admin.create_partitions({topic: 2}), "fewer partitions")
    admin.delete_topics([topic])
    h.until(lambda: topic not in admin.list_topics(), "it is gone")


def configs():
    topic = create(name("configs"), 1)
    admin.alter_configs([ConfigResource("TOPIC", topic, {"retention.ms": "1000000"})])
    h.until(lambda: config_of(topic, "retention.ms") == "1000000", "the config is set")
    admin.reset_configs([ConfigResource("TOPIC", topic, ["retention.ms"])])
    h.until(lambda: config_of(topic, "retention.ms") == "604800000", "the config is the default")


def roundtrip():
    for codec in h.CODECS:
        topic = create(name("roundtrip") + codec, 3)
        write(h.samples(topic, 300, 3), compression_type=None if codec == "none" else codec)
        h.check_roundtrip(read(whole(topic, 3), 300), 300, codec)
    for acks in (0, 1, "all"):
        topic = create(f"{name('roundtrip')}acks{acks}", 3)
        records = h.samples(topic, 30, 3)
        write(records[:3])
        write(records[3:], acks=acks, enable_idempotence=False)
        h.check_roundtrip(read(whole(topic, 3), 30), 30, f"acks {acks}")
    return " ".join(h.CODECS)


def seek():
    topic = filled("seek")
    place = TopicPartition(topic, 0)
    client = consumer(fetch_max_wait_ms=5_000)
    client.assign([place])
    client.seek(place, 40)
    h.equal(polled(client, 10_000, 1)[0].offset, 40, "from an offset")
    client.seek(place, client.offsets_for_times({place: h.START_MS + 60_500})[place].offset)
    h.equal(polled(client, 10_000, 1)[0].offset, 61, "from a time")
    client.seek_to_end(place)
    h.equal(client.position(place), 100, "the end")
    h.equal(polled(client, 300), [], "records at the end")
    since = time.monotonic()
    write(h.plains(topic, 100, 1))
    h.equal(polled(client, 10_000, 1)[0].offset, 100, "from the end")
    h.check(time.monotonic() - since < 2, "a waiting fetch is answered at once")
    client.close()


def offsets():
    topic = filled("offsets")
    place = TopicPartition(topic, 0)

    def at(spec):
        return admin.list_partition_offsets({place: spec})[place].offset

    h.equal(at(OffsetSpec.EARLIEST), 0, "earliest")
    h.equal(at(OffsetSpec.LATEST), 100, "latest")
    h.equal(at(h.START_MS + 60_500), 61, "by time")
    h.equal(at(OffsetSpec.MAX_TIMESTAMP), 99, "largest timestamp")
    admin.delete_records({place: 30})
    h.equal(at(OffsetSpec.EARLIEST), 30, "earliest then")
    h.equal(read([(topic, 0, 30)], 70)[0].offset, 30, "the first record")


def group():
    topic, group_id = create(name("group"), 4), name("group") + "-g"
    seen = set()
    first, second = Member(topic, group_id, seen), None
    each = h.record_count // len(h.CODECS)
    for c, codec in enumerate(h.CODECS):
        write(h.samples(topic, each, 4), compression_type=None if codec == "none" else codec)
        if c == 2:
            second = Member(topic, group_id, seen)
    h.until(lambda: len(seen) == each * len(h.CODECS), f"all records: {len(seen)}", 45)
    h.until(lambda: len(first.owned) == 2 and len(second.owned) == 2, "two partitions each")
    h.equal(first.owned | second.owned, {0, 1, 2, 3}, "each partition once")
    first.close()
    second.close()
    write(h.samples(topic, 100, 4))
    third = Member(topic, group_id, set())
    h.until(lambda: third.count >= 100, "records after the restart")
    time.sleep(0.3)
    third.close()
    h.equal(third.count, 100, "records after the restart")


def static():
    topic, group_id = create(name("static"), 4), name("static") + "-g"
    first = Member(topic, group_id, set(), group_instance_id="one")
    second = Member(topic, group_id, set(), group_instance_id="two")
    h.until(lambda: len(first.owned) == 2 and len(second.owned) == 2, "two partitions each")
    before, assignments = set(first.owned), second.assignments
    first.close()
    again = Member(topic, group_id, set(), group_instance_id="one")
    h.until(lambda: len(again.owned) == 2, "the member is back")
    h.equal(again.owned, before, "its partitions")
    h.equal(second.assignments, assignments, "rebalances of the other")
    again.close()
    second.close()
    admin.remove_group_members(group_id, [MemberToRemove(group_instance_id=one) for one in ("one", "two")])
    h.equal(len(admin.describe_groups([group_id])[group_id]["members"]), 0, "members left")


def cooperative():
    topic, group_id = create(name("cooperative"), 4), name("cooperative") + "-g"
    first = Member(topic, group_id, set(), CooperativeStickyAssignor)
    h.until(lambda: len(first.owned) == 4, "four partitions")
    second = Member(topic, group_id, set(), CooperativeStickyAssignor)
    h.until(lambda: len(first.owned) == 2 and len(second.owned) == 2, "two partitions each")
    h.equal(first.revoked, 2, "revoked from the first")
    first.close()
    second.close()


def groups():
    topic, group_id = create(name("groups"), 2), name("groups") + "-g"
    write(h.samples(topic, 10, 2))
    member = Member(topic, group_id, set())
    h.until(lambda: member.count == 10, "ten records")

    def listed():
        return group_id in [g["group_id"] for g in admin.list_groups()]

    def described():
        return admin.describe_groups([group_id])[group_id]

    def committed():
        place = TopicPartition(topic, 0)
        return admin.list_group_offsets({group_id: [place]})[group_id][place].offset

    def remove():
        return str(admin.delete_groups([group_id]))

    h.check(listed(), "it is listed")
    h.equal([str(described()["group_state"]), len(described()["members"])], ["Stable", 1], "described")
    h.check("NonEmptyGroup" in remove(), "deleting a group with a member")
    member.close()
    h.equal(str(described()["group_state"]), "Empty", "state without members")
    h.equal(committed(), 5, "committed")
    admin.alter_group_offsets(group_id, {TopicPartition(topic, 0): OffsetAndMetadata(2, "a note", -1)})
    h.equal(committed(), 2, "set by admin")
    admin.delete_group_offsets(group_id, [TopicPartition(topic, 0)])
    h.equal(committed(), -1, "offset deleted")
    answer = remove()
    h.check("Error" not in answer.replace("NoError", ""), f"deleting the group: {answer}")
    h.check(not listed(), "it is gone")


def idempotent():
    topic = create(name("idempotent"), 1)
    write(h.plains(topic, 0, 2_000), enable_idempotence=True, batch_size=400, linger_ms=0)
    h.equal(h.values(read(whole(topic), 2_000)), h.texts(0, 2_000), "all once, in order")


def transactions():
    topic = create(name("transactions"), 1)
    client = producer(transactional_id=topic)
    client.init_transactions()
    for start in (0, 10, 20):
        client.begin_transaction()
        send(client, h.plains(topic, start, 10))
        if start == 0:
            client.commit_transaction()
        if start == 10:
            client.abort_transaction()
    committed = {"isolation_level": "read_committed"}
    h.equal(h.values(read(whole(topic), -1, **committed)), h.texts(0, 10), "committed, one being open")
    h.equal(h.values(read(whole(topic), 30)), h.texts(0, 30), "uncommitted")
    client.commit_transaction()
    client.close()
    h.equal(h.values(read(whole(topic), 20, **committed)), h.texts(0, 10) + h.texts(20, 10), "committed")


def transaction_offsets():
    topic = filled("transactionOffsets")
    output, group_id = create(topic + "-out", 1), topic + "-g"
    place = TopicPartition(topic, 0)
    client = producer(transactional_id=topic)
    client.init_transactions()
    for end in ("abort", "commit"):
        reader = consumer(group_id=group_id)
        reader.subscribe([topic])
        records = []
        h.until(lambda: records.extend(polled(reader, 500, 10 - len(records))) or len(records) >= 10, "ten records")
        h.equal(records[0].offset, 0, "the first offset")
        client.begin_transaction()
        send(client, [h.Record(output, 0, h.START_MS, None, r.value, []) for r in records])
        client.send_offsets_to_transaction({place: OffsetAndMetadata(10, "", -1)}, reader.group_metadata())
        (client.abort_transaction if end == "abort" else client.commit_transaction)()
        wanted = None if end == "abort" else 10
        h.until(lambda: reader.committed(place) == wanted, f"the offset after the {end}")
        reader.close()
    client.close()
    h.equal(len(read(whole(output), -1, isolation_level="read_committed")), 10, "records that count")


def fencing():
    topic = create(name("fencing"), 1)
    first = producer(transactional_id=topic)
    first.init_transactions()
    first.begin_transaction()
    send(first, h.plains(topic, 0, 1))
    second = producer(transactional_id=topic)
    second.init_transactions()
    second.begin_transaction()

    def go_on():
        send(first, h.plains(topic, 1, 1))
        first.commit_transaction()

    error = h.failure(go_on, "the first producer goes on")
    h.check(isinstance(error, KafkaError), repr(error))
    send(second, h.plains(topic, 2, 1))
    second.commit_transaction()
    second.close()
    h.equal(h.values(read(whole(topic), -1, isolation_level="read_committed")), h.texts(2, 1), "committed")


def transaction_admin():
    topic = create(name("transactionAdmin"), 1)
    client = producer(transactional_id=topic)
    client.init_transactions()
    client.begin_transaction()
    send(client, h.plains(topic, 0, 1))
    listed = [t for found in admin.list_transactions().values() for t in found if t.transactional_id == topic]
    h.equal(len(listed), 1, "listed")
    h.check("ONGOING" in str(listed[0].state).upper(), f"state {listed[0].state}")
    described = admin.describe_transactions([topic])[topic]
    h.equal(described.producer_id, listed[0].producer_id, "described")
    place = TopicPartition(topic, 0)
    active = admin.describe_producers([place])[place].active_producers[0]
    h.equal([active.producer_id, active.current_transaction_start_offset], [listed[0].producer_id, 0], "producer")
    client.commit_transaction()
    client.close()


def large():
    topic = create(name("large"), 1, {"max.message.bytes": "100000"})
    client = producer(max_request_size=5_000_000, batch_size=5_000_000)

    def one(size):
        return send(client, [h.Record(topic, 0, h.START_MS, None, b"x" * size, [])])

    one(99_000)
    error = h.failure(lambda: one(101_000), "a large record")
    h.check("TooLarge" in type(error).__name__, repr(error))
    client.close()
    write([h.Record(topic, 0, h.START_MS, None, b"x" * 10, [])])
    sizes = [len(r.value) for r in read(whole(topic), 2, max_partition_fetch_bytes=1_000)]
    h.equal(sizes, [99_000, 10], "sizes")


def cross_write():
    topic = create(name("crossWrite"), len(h.CODECS))
    parts, left = h.cross_out(topic, ["nullHeader"])
    for _, codec, records in parts:
        write(records, compression_type=None if codec == "none" else codec)
    h.leave_written("kafka-python", left)


def cross_read():
    wanted = h.cross_in()
    places = [(topic, partition, 0) for topic, partition, _ in wanted]
    h.leave_read("kafka-python", read(places, sum(count for *_, count in wanted)))


h.run(
    {
        "cluster": cluster,
        "topics": topics,
        "configs": configs,
        "roundtrip": roundtrip,
        "seek": seek,
        "offsets": offsets,
        "group": group,
        "static": static,
        "cooperative": cooperative,
        "consumerProtocol": "kafka-python has the classic protocol only",
        "groups": groups,
        "idempotent": idempotent,
        "transactions": transactions,
        "transactionOffsets": transaction_offsets,
        "fencing": fencing,
        "transactionAdmin": transaction_admin,
        "large": large,
        "crossWrite": cross_write,
        "crossRead": cross_read,
    }
)
