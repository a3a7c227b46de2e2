"""confluent-kafka (librdkafka) through the scenarios."""

import threading
import time

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

import harness as h

BASE = {"bootstrap.servers": h.bootstrap, "log_level": 0}
admin = AdminClient(BASE)


def name(scenario):
    return f"{h.run_id}-confluent-{scenario}"


def result(futures):
    """The only answer of an admin call."""
    (future,) = futures.values()
    return future.result(20)


def code(error):
    return error.args[0].name()


def create(topic, partitions, config=None):
    result(admin.create_topics([NewTopic(topic, partitions, 1, config=config or {})]))
    return topic


def write(records, **config):
    producer = Producer({**BASE, "linger.ms": 5, **{k.replace("_", "."): v for k, v in config.items()}})
    send(producer, records)
    return producer


def send(producer, records):
    errors = []
    for r in records:
        while True:
            try:
                producer.produce(
                    r.topic,
                    r.value,
                    r.key,
                    partition=r.partition,
                    on_delivery=lambda e, _: errors.append(e) if e else None,
                    timestamp=r.timestamp_ms,
                    headers=r.headers,
                )
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    h.equal(producer.flush(30), 0, "records not sent")
    if errors:
        raise KafkaException(errors[0])


def record(message):
    return h.Record(
        message.topic(), message.partition(), message.timestamp()[1], message.key(), message.value(), message.headers() or [], message.offset()
    )


def consumer(**config):
    given = {k.replace("_", "."): v for k, v in config.items()}
    return Consumer(
        {**BASE, "group.id": "unused", "auto.offset.reset": "earliest", "enable.auto.commit": False, "fetch.wait.max.ms": 200,
         "isolation.level": "read_uncommitted", **given}
    )


def read(places, count, seconds_quiet=1.0, **config):
    """From the offsets given: that many records, or with -1 until nothing comes for a while."""
    reader = consumer(**config)
    reader.assign([TopicPartition(*place) for place in places])
    records, last = [], time.monotonic()
    while (count < 0 or len(records) < count) and time.monotonic() - last < (seconds_quiet if count < 0 else 15):
        for message in reader.consume(1000, 0.1):
            if message.error():
                raise KafkaException(message.error())
            records.append(record(message))
            last = time.monotonic()
    reader.close()
    return records


def whole(topic, partitions=1):
    return [(topic, p, 0) for p in range(partitions)]


class Member:
    """A member of a group in a thread of its own, committing what it has seen as it goes."""

    def __init__(self, topic, group, seen, **config):
        self.owned, self.revoked, self.assignments, self.count, self.error = set(), 0, 0, 0, None
        self.closing = False
        classic = {} if config.get("group_protocol") == "consumer" else {"heartbeat_interval_ms": 300}
        self.consumer = consumer(group_id=group, client_id="conformance", **classic, **config)
        self.cooperative = config.get("partition_assignment_strategy") == "cooperative-sticky" or not classic
        self.thread = threading.Thread(target=self._run, args=(topic, seen), daemon=True)
        self.thread.start()

    def _assigned(self, consumer, partitions):
        self.assignments += 1
        self.owned |= {p.partition for p in partitions}
        (consumer.incremental_assign if self.cooperative else consumer.assign)(partitions)

    def _revoked(self, consumer, partitions):
        if not self.closing:
            self.revoked += len(partitions)
        self.owned -= {p.partition for p in partitions}
        if self.cooperative:
            consumer.incremental_unassign(partitions)
        else:
            consumer.unassign()

    def _run(self, topic, seen):
        try:
            self.consumer.subscribe([topic], on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)
            while not self.closing:
                messages = self.consumer.consume(1000, 0.1)
                for message in messages:
                    if message.error():
                        self.error = message.error()
                        continue
                    seen.add((message.partition(), message.offset()))
                    self.count += 1
                if messages:
                    self._commit()
        except KafkaException as error:
            self.error = error.args[0]
        self.consumer.close()

    def _commit(self):
        try:
            self.consumer.commit(asynchronous=False)
        except KafkaException as error:
            # What isn't committed is read again by whoever has the partition next.
            if code(error) not in ("_NO_OFFSET", "REBALANCE_IN_PROGRESS", "ILLEGAL_GENERATION", "STALE_MEMBER_EPOCH", "UNKNOWN_MEMBER_ID"):
                raise

    def close(self):
        self.closing = True
        self.thread.join(20)


def bulk(scenario, **config):
    topic, group = create(name(scenario), 4), name(scenario) + "-g"
    seen = set()
    first, second = Member(topic, group, seen, **config), None
    each = h.record_count // len(h.CODECS)
    for c, codec in enumerate(h.CODECS):
        write((h.sample(topic, i, 4) for i in range(each)), compression_type=codec)
        if c == 2:
            second = Member(topic, group, seen, **config)
    total = each * len(h.CODECS)
    h.until(lambda: len(seen) == total, f"all records: {len(seen)}")
    h.until(lambda: len(first.owned) == 2 and len(second.owned) == 2, f"two partitions each: {first.error} {second.error}")
    h.equal(first.owned | second.owned, {0, 1, 2, 3}, "each partition once")
    first.close()
    second.close()
    write(h.samples(topic, 100, 4))
    third = Member(topic, group, set(), **config)
    h.until(lambda: third.count >= 100, "records after the restart")
    time.sleep(0.3)
    third.close()
    h.equal(third.count, 100, "records after the restart")


def cluster():
    described = admin.describe_cluster().result(20)
    h.check(any(h.bootstrap.endswith(f":{n.port}") for n in described.nodes), "nodes")
    h.check(described.controller.id in [n.id for n in described.nodes], "controller")
    h.check(described.cluster_id, "a cluster id")


def config_of(topic, wanted):
    return result(admin.describe_configs([ConfigResource(ResourceType.TOPIC, topic)]))[wanted]


def topics():
    topic = create(name("topics"), 3, {"retention.ms": "3600000", "max.message.bytes": "200000"})
    listed = admin.list_topics(timeout=10).topics
    h.equal(len(listed[topic].partitions), 3, "listed")
    described = result(admin.describe_topics(TopicCollection([topic])))
    h.check(len(described.partitions) == 3 and described.partitions[0].leader is not None, "described")
    h.equal(config_of(topic, "retention.ms").value, "3600000", "retention.ms")
    h.equal(config_of(topic, "max.message.bytes").value, "200000", "max.message.bytes")
    h.equal(code(h.failure(lambda: create(topic, 1), "a second create")), "TOPIC_ALREADY_EXISTS", "a second create")
    result(admin.create_partitions([NewPartitions(topic, 5)]))
    h.until(lambda: len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 5, "five partitions")
    error = h.failure(lambda: result(admin.create_partitions([NewPartitions(topic, 2)])), "fewer partitions")
    h.equal(code(error), "INVALID_PARTITIONS", "fewer partitions")
    result(admin.delete_topics([topic]))
    h.until(lambda: topic not in admin.list_topics(timeout=10).topics, "it is gone")


def configs():
    topic = create(name("configs"), 1)

    def alter(operation, value):
        entry = ConfigEntry("retention.ms", value, incremental_operation=operation)
        result(admin.incremental_alter_configs([ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])]))

    alter(AlterConfigOpType.SET, "1000000")
    h.until(lambda: config_of(topic, "retention.ms").value == "1000000", "the config is set")
    alter(AlterConfigOpType.DELETE, None)
    h.until(lambda: config_of(topic, "retention.ms").value == "604800000", "the config is the default")
    h.equal(code(h.failure(lambda: alter(AlterConfigOpType.SET, "x"), "a bad config")), "INVALID_CONFIG", "a bad config")


def roundtrip():
    for codec in h.CODECS:
        topic = create(name("roundtrip") + codec, 3)
        write(h.samples(topic, 300, 3), compression_type=codec)
        h.check_roundtrip(read(whole(topic, 3), 300), 300, codec)
    for acks in ("0", "1", "all"):
        topic = create(name("roundtrip") + "acks" + acks, 3)
        records = h.samples(topic, 30, 3)
        write(records[:3])
        write(records[3:], acks=acks)
        h.check_roundtrip(read(whole(topic, 3), 30), 30, f"acks {acks}")
    return " ".join(h.CODECS)


def filled(scenario):
    topic = create(name(scenario), 1)
    write(h.plains(topic, 0, 100))
    return topic


def seek():
    topic = filled("seek")
    h.equal(read([(topic, 0, 40)], 1)[0].offset, 40, "from an offset")
    reader = consumer()
    (place,) = reader.offsets_for_times([TopicPartition(topic, 0, h.START_MS + 60_500)], timeout=10)
    h.equal(place.offset, 61, "from a time")
    h.equal(reader.get_watermark_offsets(TopicPartition(topic, 0), timeout=10), (0, 100), "watermarks")
    reader.assign([TopicPartition(topic, 0, 10)])
    reader.poll(10)
    reader.seek(TopicPartition(topic, 0, 90))
    h.equal(reader.poll(10).offset(), 90, "a seek")
    reader.assign([TopicPartition(topic, 0, -1)])
    h.equal(reader.poll(1), None, "at the end")
    since = time.monotonic()
    write(h.plains(topic, 100, 1))
    h.equal(reader.poll(10).offset(), 100, "from the end")
    h.check(time.monotonic() - since < 2, "a waiting fetch is answered at once")
    reader.close()


def offsets():
    topic = filled("offsets")
    place = TopicPartition(topic, 0)

    def at(spec):
        return result(admin.list_offsets({place: spec}, isolation_level=IsolationLevel.READ_UNCOMMITTED)).offset

    h.equal(at(OffsetSpec.earliest()), 0, "earliest")
    h.equal(at(OffsetSpec.latest()), 100, "latest")
    h.equal(at(OffsetSpec.for_timestamp(h.START_MS + 60_500)), 61, "by time")
    h.equal(at(OffsetSpec.max_timestamp()), 99, "largest timestamp")
    h.equal(result(admin.delete_records([TopicPartition(topic, 0, 30)])).low_watermark, 30, "low watermark")
    h.equal(at(OffsetSpec.earliest()), 30, "earliest then")
    h.equal(read([(topic, 0, -2)], 70)[0].offset, 30, "the first record")


def static():
    topic, group = create(name("static"), 4), name("static") + "-g"
    one = {"group_instance_id": "one", "session_timeout_ms": 20_000}
    first = Member(topic, group, set(), **one)
    second = Member(topic, group, set(), group_instance_id="two", session_timeout_ms=20_000)
    h.until(lambda: len(first.owned) == 2 and len(second.owned) == 2, "two partitions each")
    before, assignments = set(first.owned), second.assignments
    first.close()
    again = Member(topic, group, set(), **one)
    h.until(lambda: len(again.owned) == 2, "the member is back")
    h.equal(again.owned, before, "its partitions")
    h.equal(second.assignments, assignments, "rebalances of the other")
    twin = Member(topic, group, set(), **one)
    h.until(lambda: again.error is not None and again.error.code() in (KafkaError.FENCED_INSTANCE_ID, KafkaError._FATAL), "a twin fences the elder")
    twin.close()
    second.close()


def cooperative():
    topic, group = create(name("cooperative"), 4), name("cooperative") + "-g"
    config = {"partition_assignment_strategy": "cooperative-sticky"}
    first = Member(topic, group, set(), **config)
    h.until(lambda: len(first.owned) == 4, "four partitions")
    second = Member(topic, group, set(), **config)
    h.until(lambda: len(first.owned) == 2 and len(second.owned) == 2, "two partitions each")
    h.equal(first.revoked, 2, "revoked from the first")
    first.close()
    second.close()


def groups():
    topic, group = create(name("groups"), 2), name("groups") + "-g"
    write(h.samples(topic, 10, 2))
    member = Member(topic, group, set())
    h.until(lambda: member.count == 10 and len(member.owned) == 2, "ten records")
    h.check(group in [g.group_id for g in admin.list_consumer_groups().result(20).valid], "it is listed")

    def described():
        return result(admin.describe_consumer_groups([group]))

    h.equal([described().state.name, described().members[0].client_id], ["STABLE", "conformance"], "described")
    h.equal(len(described().members[0].assignment.topic_partitions), 2, "assignment")
    error = h.failure(lambda: result(admin.delete_consumer_groups([group])), "deleting a group with a member")
    h.equal(code(error), "NON_EMPTY_GROUP", "deleting a group with a member")
    member.close()
    h.equal(described().state.name, "EMPTY", "state without members")

    def committed():
        asked = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
        return result(admin.list_consumer_group_offsets([asked])).topic_partitions[0].offset

    h.equal(committed(), 5, "committed")
    result(admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, 2)])]))
    h.equal(committed(), 2, "set by admin")
    result(admin.delete_consumer_groups([group]))
    h.check(group not in [g.group_id for g in admin.list_consumer_groups().result(20).valid], "it is gone")


def idempotent():
    topic = create(name("idempotent"), 1)
    write(h.plains(topic, 0, 2_000), enable_idempotence=True, batch_num_messages=7, linger_ms=0)
    h.equal(h.values(read(whole(topic), 2_000)), h.texts(0, 2_000), "all once, in order")


def transactions():
    topic = create(name("transactions"), 1)
    producer = Producer({**BASE, "transactional.id": topic})
    producer.init_transactions(20)
    for start in (0, 10, 20):
        producer.begin_transaction()
        send(producer, h.plains(topic, start, 10))
        if start == 0:
            producer.commit_transaction(20)
        if start == 10:
            producer.abort_transaction(20)
    h.equal(h.values(read(whole(topic), -1, isolation_level="read_committed")), h.texts(0, 10), "committed, one being open")
    h.equal(h.values(read(whole(topic), 30)), h.texts(0, 30), "uncommitted")
    producer.commit_transaction(20)
    committed = h.values(read(whole(topic), 20, isolation_level="read_committed"))
    h.equal(committed, h.texts(0, 10) + h.texts(20, 10), "committed")


def transaction_offsets():
    topic = filled("transactionOffsets")
    output, group = create(topic + "-out", 1), topic + "-g"
    producer = Producer({**BASE, "transactional.id": topic})
    producer.init_transactions(20)
    for end in ("abort", "commit"):
        reader = consumer(group_id=group)
        reader.subscribe([topic])
        messages = []
        while len(messages) < 10:
            messages += reader.consume(10 - len(messages), 1)
        h.equal(messages[0].offset(), 0, "the first offset")
        producer.begin_transaction()
        send(producer, [h.Record(output, 0, h.START_MS, None, m.value(), []) for m in messages])
        producer.send_offsets_to_transaction([TopicPartition(topic, 0, 10)], reader.consumer_group_metadata(), 20)
        if end == "abort":
            producer.abort_transaction(20)
        else:
            producer.commit_transaction(20)
        wanted = 10 if end == "commit" else -1001
        # A commit is answered before its offsets are there for whoever doesn't insist on stable ones.
        h.until(lambda: reader.committed([TopicPartition(topic, 0)], timeout=20)[0].offset == wanted, f"the offset after the {end}")
        reader.close()
    h.equal(len(read(whole(output), -1, isolation_level="read_committed")), 10, "records that count")


def fencing():
    topic = create(name("fencing"), 1)
    first, second = (Producer({**BASE, "transactional.id": topic}) for _ in range(2))
    first.init_transactions(20)
    first.begin_transaction()
    send(first, h.plains(topic, 0, 1))
    second.init_transactions(20)
    second.begin_transaction()

    def go_on():
        send(first, h.plains(topic, 1, 1))
        first.commit_transaction(20)

    error = h.failure(go_on, "the first producer goes on")
    h.check(code(error) in ("_FENCED", "PRODUCER_FENCED", "INVALID_PRODUCER_EPOCH", "_FATAL", "_STATE"), str(error))
    send(second, h.plains(topic, 2, 1))
    second.commit_transaction(20)
    h.equal(h.values(read(whole(topic), -1, isolation_level="read_committed")), h.texts(2, 1), "committed")


def large():
    topic = create(name("large"), 1, {"max.message.bytes": "100000"})
    producer = Producer({**BASE, "message.max.bytes": 5_000_000})

    def one(size):
        return [h.Record(topic, 0, h.START_MS, None, b"x" * size, [])]

    send(producer, one(99_000))
    h.equal(code(h.failure(lambda: send(producer, one(101_000)), "a large record")), "MSG_SIZE_TOO_LARGE", "a large record")
    send(producer, one(10))
    sizes = [len(r.value) for r in read(whole(topic), 2, fetch_message_max_bytes=1_000)]
    h.equal(sizes, [99_000, 10], "sizes")


def cross_write():
    topic = create(name("crossWrite"), len(h.CODECS))
    parts, left = h.cross_out(topic)
    for _, codec, records in parts:
        write(records, compression_type=codec)
    h.leave_written("confluent", left)


def cross_read():
    wanted = h.cross_in()
    places = [(topic, partition, 0) for topic, partition, _ in wanted]
    h.leave_read("confluent", read(places, sum(count for *_, count in wanted)))


h.run(
    {
        "cluster": cluster,
        "topics": topics,
        "configs": configs,
        "roundtrip": roundtrip,
        "seek": seek,
        "offsets": offsets,
        "group": lambda: bulk("group"),
        "static": static,
        "cooperative": cooperative,
        "consumerProtocol": lambda: bulk("consumerProtocol", group_protocol="consumer"),
        "groups": groups,
        "idempotent": idempotent,
        "transactions": transactions,
        "transactionOffsets": transaction_offsets,
        "fencing": fencing,
        "transactionAdmin": "confluent-kafka has no such API",
        "large": large,
        "crossWrite": cross_write,
        "crossRead": cross_read,
    }
)
