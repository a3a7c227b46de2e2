"""aiokafka through the scenarios."""

import asyncio
import time

import harness as h
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, OffsetOutOfRangeError

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
admin = None


def name(scenario):
    return f"{h.run_id}-aiokafka-{scenario}"


async def admin_client():
    global admin
    if admin is None:
        client = AIOKafkaAdminClient(bootstrap_servers=h.bootstrap)
        await client.start()
        admin = client
    return admin


async def create(topic, partitions, configs=None):
    answer = await (await admin_client()).create_topics([NewTopic(topic, partitions, 1, topic_configs=configs or {})])
    h.equal([error[1] for error in answer.topic_errors], [0], f"creating {topic}")
    return topic


async def soon(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return
        h.check(time.monotonic() < end, f"never: {what}")
        await asyncio.sleep(0.05)


async def producer(**config):
    client = AIOKafkaProducer(bootstrap_servers=h.bootstrap, **{"acks": "all", **config})
    await client.start()
    return client


async def send(client, records):
    futures = [
        await client.send(r.topic, r.value, r.key, r.partition, timestamp_ms=r.timestamp_ms, headers=r.headers) for r in records
    ]
    await client.flush()
    for future in futures:
        await future


async def write(records, **config):
    client = await producer(**config)
    await send(client, records)
    await client.stop()


def record(m):
    return h.Record(m.topic, m.partition, m.timestamp, m.key, m.value, m.headers, m.offset)


async def consumer(*topics, **config):
    given = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "fetch_max_wait_ms": 200, **config}
    client = AIOKafkaConsumer(*topics, bootstrap_servers=h.bootstrap, **given)
    await client.start()
    return client


async def read(places, count, quiet=1.0, **config):
    """From the offsets given: that many records, or with -1 until nothing comes for a while."""
    client = await consumer(**config)
    client.assign([TopicPartition(topic, partition) for topic, partition, _ in places])
    for topic, partition, offset in places:
        client.seek(TopicPartition(topic, partition), offset)
    records, last = [], time.monotonic()
    while (count < 0 or len(records) < count) and time.monotonic() - last < (quiet if count < 0 else 15):
        for messages in (await client.getmany(timeout_ms=100)).values():
            records += [record(m) for m in messages]
            last = time.monotonic()
    await client.stop()
    return records


def whole(topic, partitions=1):
    return [(topic, p, 0) for p in range(partitions)]


async def filled(scenario):
    topic = await create(name(scenario), 1)
    await write(h.plains(topic, 0, 100))
    return topic


class Member(ConsumerRebalanceListener):
    """A member of a group in a task of its own, committing what it has seen as it goes."""

    def __init__(self, seen):
        self.seen, self.owned, self.count, self.assignments, self.closing = seen, set(), 0, 0, False

    async def start(self, topic, group, **config):
        self.client = await consumer(
            group_id=group,
            heartbeat_interval_ms=300,
            client_id="conformance",
            partition_assignment_strategy=(RangePartitionAssignor,),
            **config,
        )
        self.client.subscribe([topic], listener=self)
        self.task = asyncio.create_task(self._run())
        return self

    async def on_partitions_revoked(self, revoked):
        self.owned -= {p.partition for p in revoked}

    async def on_partitions_assigned(self, assigned):
        self.assignments += 1
        self.owned = {p.partition for p in assigned}

    async def _run(self):
        while not self.closing:
            batches = await self.client.getmany(timeout_ms=100)
            for place, messages in batches.items():
                self.seen.update((place.partition, m.offset) for m in messages)
                self.count += len(messages)
            if batches:
                try:
                    await self.client.commit()
                except KafkaError:
                    pass  # What isn't committed is read again by whoever has the partition next.

    async def close(self):
        self.closing = True
        await self.task
        await self.client.stop()


async def cluster():
    described = await (await admin_client()).describe_cluster()
    h.check(any(h.bootstrap.endswith(f":{b['port']}") for b in described["brokers"]), "brokers")
    h.check(described["controller_id"] in [b["node_id"] for b in described["brokers"]], "controller")


async def config_of(topic, wanted):
    (answer,) = await (await admin_client()).describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    return next(entry[1] for entry in answer.resources[0][4] if entry[0] == wanted)


async def topics():
    topic = await create(name("topics"), 3, {"retention.ms": "3600000"})
    client = await admin_client()
    h.check(topic in await client.list_topics(), "it is listed")

    async def partitions():
        return len((await client.describe_topics([topic]))[0]["partitions"])

    h.equal(await partitions(), 3, "described")
    h.equal(await config_of(topic, "retention.ms"), "3600000", "retention.ms")
    again = await client.create_topics([NewTopic(topic, 1, 1)])
    h.equal(again.topic_errors[0][1], 36, "a second create")
    await client.create_partitions({topic: NewPartitions(5)})

    async def five():
        return await partitions() == 5

    await soon(five, "five partitions")
    await client.delete_topics([topic])

    async def gone():
        return topic not in await client.list_topics()

    await soon(gone, "it is gone")


async def configs():
    topic = await create(name("configs"), 1)
    client = await admin_client()
    (answer,) = await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "1000000"})])
    h.equal(answer.resources[0][0], 0, "altered")

    async def changed():
        return await config_of(topic, "retention.ms") == "1000000"

    await soon(changed, "the config is set")
    (answer,) = await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, {"retention.ms": "x"})])
    h.equal(answer.resources[0][0], 40, "a bad config")


async def roundtrip():
    for codec in h.CODECS:
        topic = await create(name("roundtrip") + codec, 3)
        await write(h.samples(topic, 300, 3), compression_type=None if codec == "none" else codec)
        h.check_roundtrip(await read(whole(topic, 3), 300), 300, codec)
    for acks in (0, 1, "all"):
        topic = await create(f"{name('roundtrip')}acks{acks}", 3)
        records = h.samples(topic, 30, 3)
        await write(records[:3])
        client = await producer(acks=acks)
        for r in records[3:]:
            await client.send(r.topic, r.value, r.key, r.partition, timestamp_ms=r.timestamp_ms, headers=r.headers)
        await client.stop()
        h.check_roundtrip(await read(whole(topic, 3), 30), 30, f"acks {acks}")
    return " ".join(h.CODECS)


async def seek():
    topic = await filled("seek")
    place = TopicPartition(topic, 0)
    client = await consumer(fetch_max_wait_ms=5_000)
    client.assign([place])
    client.seek(place, 40)
    h.equal((await client.getone()).offset, 40, "from an offset")
    found = await client.offsets_for_times({place: h.START_MS + 60_500})
    client.seek(place, found[place].offset)
    h.equal((await client.getone()).offset, 61, "from a time")
    await client.seek_to_end(place)
    h.equal(await client.position(place), 100, "the end")
    waiting = asyncio.create_task(client.getone())
    await asyncio.sleep(0.3)
    await write(h.plains(topic, 100, 1))
    since = time.monotonic()
    h.equal((await waiting).offset, 100, "from the end")
    h.check(time.monotonic() - since < 1, "a waiting fetch is answered at once")
    await client.stop()
    strict = await consumer(auto_offset_reset="none")
    strict.assign([place])
    strict.seek(place, 5_000)
    try:
        await strict.getone()
        h.check(False, "an offset that isn't there")
    except OffsetOutOfRangeError:
        pass
    await strict.stop()


async def offsets():
    topic = await filled("offsets")
    place = TopicPartition(topic, 0)
    client = await consumer()
    h.equal((await client.beginning_offsets([place]))[place], 0, "earliest")
    h.equal((await client.end_offsets([place]))[place], 100, "latest")
    h.equal((await client.offsets_for_times({place: h.START_MS + 60_500}))[place].offset, 61, "by time")
    h.equal((await client.offsets_for_times({place: h.START_MS + 999_999}))[place], None, "after the last")
    deleted = await (await admin_client()).delete_records({place: RecordsToDelete(before_offset=30)})
    h.equal(deleted[place], 30, "low watermark")
    h.equal((await client.beginning_offsets([place]))[place], 30, "earliest then")
    await client.stop()
    h.equal((await read([(topic, 0, 30)], 70))[0].offset, 30, "the first record")


async def group():
    topic, group_id = await create(name("group"), 4), name("group") + "-g"
    seen = set()
    first, second = await Member(seen).start(topic, group_id), None
    each = h.record_count // len(h.CODECS)
    for c, codec in enumerate(h.CODECS):
        await write(h.samples(topic, each, 4), compression_type=None if codec == "none" else codec, linger_ms=5)
        if c == 2:
            second = await Member(seen).start(topic, group_id)
    await soon(lambda: len(seen) == each * len(h.CODECS), "all records")
    await soon(lambda: len(first.owned) == 2 and len(second.owned) == 2, "two partitions each")
    h.equal(first.owned | second.owned, {0, 1, 2, 3}, "each partition once")
    await first.close()
    await second.close()
    await write(h.samples(topic, 100, 4))
    third = await Member(set()).start(topic, group_id)
    await soon(lambda: third.count >= 100, "records after the restart")
    await asyncio.sleep(0.3)
    await third.close()
    h.equal(third.count, 100, "records after the restart")


async def static():
    topic, group_id = await create(name("static"), 4), name("static") + "-g"
    first = await Member(set()).start(topic, group_id, group_instance_id="one")
    second = await Member(set()).start(topic, group_id, group_instance_id="two")
    await soon(lambda: len(first.owned) == 2 and len(second.owned) == 2, "two partitions each")
    before, assignments = set(first.owned), second.assignments
    await first.close()
    again = await Member(set()).start(topic, group_id, group_instance_id="one")
    await soon(lambda: len(again.owned) == 2, "the member is back")
    h.equal(again.owned, before, "its partitions")
    h.equal(second.assignments, assignments, "rebalances of the other")
    await again.close()
    await second.close()


async def groups():
    topic, group_id = await create(name("groups"), 2), name("groups") + "-g"
    await write(h.samples(topic, 10, 2))
    member = await Member(set()).start(topic, group_id)
    await soon(lambda: member.count == 10, "ten records")
    client = await admin_client()
    h.check((group_id, "consumer") in [tuple(g[:2]) for g in await client.list_consumer_groups()], "it is listed")
    (answer,) = await client.describe_consumer_groups([group_id])
    h.equal([answer.groups[0][2], len(answer.groups[0][5])], ["Stable", 1], "described")
    await member.close()
    committed = await client.list_consumer_group_offsets(group_id)
    h.equal(committed[TopicPartition(topic, 0)].offset, 5, "committed")


async def idempotent():
    topic = await create(name("idempotent"), 1)
    await write(h.plains(topic, 0, 2_000), enable_idempotence=True, max_batch_size=400)
    h.equal(h.values(await read(whole(topic), 2_000)), h.texts(0, 2_000), "all once, in order")


async def transactions():
    topic = await create(name("transactions"), 1)
    client = await producer(transactional_id=topic)
    for start in (0, 10, 20):
        await client.begin_transaction()
        await send(client, h.plains(topic, start, 10))
        if start == 0:
            await client.commit_transaction()
        if start == 10:
            await client.abort_transaction()
    committed = {"isolation_level": "read_committed"}
    h.equal(h.values(await read(whole(topic), -1, **committed)), h.texts(0, 10), "committed, one being open")
    h.equal(h.values(await read(whole(topic), 30)), h.texts(0, 30), "uncommitted")
    await client.commit_transaction()
    await client.stop()
    h.equal(h.values(await read(whole(topic), 20, **committed)), h.texts(0, 10) + h.texts(20, 10), "committed")


async def transaction_offsets():
    topic = await filled("transactionOffsets")
    output, group_id = await create(topic + "-out", 1), topic + "-g"
    place = TopicPartition(topic, 0)
    client = await producer(transactional_id=topic)
    for end in ("abort", "commit"):
        reader = await consumer(topic, group_id=group_id, max_poll_records=10)
        messages = [await reader.getone() for _ in range(10)]
        h.equal(messages[0].offset, 0, "the first offset")
        await client.begin_transaction()
        await send(client, [h.Record(output, 0, h.START_MS, None, m.value, []) for m in messages])
        await client.send_offsets_to_transaction({place: 10}, group_id)
        await (client.abort_transaction if end == "abort" else client.commit_transaction)()
        wanted = None if end == "abort" else 10

        async def reached():
            return await reader.committed(place) == wanted

        await soon(reached, f"the offset after the {end}")
        await reader.stop()
    await client.stop()
    h.equal(len(await read(whole(output), -1, isolation_level="read_committed")), 10, "records that count")


async def fencing():
    topic = await create(name("fencing"), 1)
    first = await producer(transactional_id=topic)
    await first.begin_transaction()
    await send(first, h.plains(topic, 0, 1))
    second = await producer(transactional_id=topic)
    await second.begin_transaction()
    try:
        await send(first, h.plains(topic, 1, 1))
        await first.commit_transaction()
        h.check(False, "the first producer goes on")
    except KafkaError as error:
        h.check("Fenced" in type(error).__name__ or "Epoch" in type(error).__name__, repr(error))
    await send(second, h.plains(topic, 2, 1))
    await second.commit_transaction()
    await second.stop()
    h.equal(h.values(await read(whole(topic), -1, isolation_level="read_committed")), h.texts(2, 1), "committed")


async def large():
    topic = await create(name("large"), 1, {"max.message.bytes": "100000"})
    client = await producer(max_request_size=5_000_000, max_batch_size=5_000_000)
    await client.send_and_wait(topic, b"x" * 99_000)
    try:
        await client.send_and_wait(topic, b"x" * 101_000)
        h.check(False, "a large record is taken")
    except MessageSizeTooLargeError:
        pass
    await client.send_and_wait(topic, b"x" * 10)
    await client.stop()
    sizes = [len(r.value) for r in await read(whole(topic), 2, max_partition_fetch_bytes=1_000)]
    h.equal(sizes, [99_000, 10], "sizes")


async def cross_write():
    topic = await create(name("crossWrite"), len(h.CODECS))
    parts, left = h.cross_out(topic)
    for _, codec, records in parts:
        await write(records, compression_type=None if codec == "none" else codec)
    h.leave_written("aiokafka", left)


async def cross_read():
    wanted = h.cross_in()
    places = [(topic, partition, 0) for topic, partition, _ in wanted]
    h.leave_read("aiokafka", await read(places, sum(count for *_, count in wanted)))


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
        "cooperative": "aiokafka has eager rebalancing only",
        "consumerProtocol": "aiokafka has the classic protocol only",
        "groups": groups,
        "idempotent": idempotent,
        "transactions": transactions,
        "transactionOffsets": transaction_offsets,
        "fencing": fencing,
        "transactionAdmin": "aiokafka has no such API",
        "large": large,
        "crossWrite": cross_write,
        "crossRead": cross_read,
    },
    loop.run_until_complete,
)
