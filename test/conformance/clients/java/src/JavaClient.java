// The Java producer, consumer and admin client through the scenarios.
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.File;
import java.io.PrintWriter;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

public class JavaClient extends Support {
  public static void main(String[] arguments) throws Exception {
    open(arguments, "java");
    Map<String, Harness.Scenario> scenarios = new LinkedHashMap<>();
    scenarios.put("cluster", JavaAdmin::cluster);
    scenarios.put("topics", JavaAdmin::topics);
    scenarios.put("configs", JavaAdmin::configs);
    scenarios.put("roundtrip", JavaClient::roundtrip);
    scenarios.put("seek", JavaClient::seek);
    scenarios.put("offsets", JavaAdmin::offsets);
    scenarios.put("group", () -> bulk("group", Map.of()));
    scenarios.put("static", JavaClient::staticMember);
    scenarios.put("cooperative", JavaClient::cooperative);
    scenarios.put("consumerProtocol", () -> bulk("consumerProtocol", Map.of("group.protocol", "consumer")));
    scenarios.put("groups", JavaAdmin::groups);
    scenarios.put("idempotent", JavaClient::idempotent);
    scenarios.put("transactions", JavaClient::transactions);
    scenarios.put("transactionOffsets", JavaClient::transactionOffsets);
    scenarios.put("fencing", JavaClient::fencing);
    scenarios.put("transactionAdmin", JavaAdmin::transactionAdmin);
    scenarios.put("hanging", JavaAdmin::hanging);
    scenarios.put("large", JavaClient::large);
    scenarios.put("compacted", JavaClient::compacted);
    scenarios.put("crossWrite", JavaClient::crossWrite);
    scenarios.put("crossRead", JavaClient::crossRead);
    Harness.run(arguments, scenarios);
  }

  static Object roundtrip() throws Exception {
    for (String codec : CODECS) {
      String topic = create(name("roundtrip") + codec, 3, Map.of());
      try (Producer<byte[], byte[]> producer = producer(Map.of("compression.type", codec, "linger.ms", 20))) {
        for (int i = 0; i < 300; i++) producer.send(sample(topic, i % 3, i));
      }
      checkRoundtrip(read(topic, 3, Map.of(), 300), 300, codec);
    }
    for (String acks : List.of("0", "1", "all")) {
      String topic = create(name("roundtrip") + "acks" + acks, 3, Map.of());
      // Without acknowledgement, records to a partition whose leader isn't known everywhere yet may be lost.
      try (Producer<byte[], byte[]> producer = producer(Map.of())) {
        for (int i = 0; i < 3; i++) producer.send(sample(topic, i, i)).get();
      }
      try (Producer<byte[], byte[]> producer = producer(Map.of("acks", acks, "enable.idempotence", false))) {
        for (int i = 3; i < 30; i++) producer.send(sample(topic, i % 3, i)).get();
      }
      checkRoundtrip(read(topic, 3, Map.of(), 30), 30, "acks " + acks);
    }
    return String.join(" ", CODECS);
  }

  static void checkRoundtrip(List<ConsumerRecord<byte[], byte[]>> records, int count, String what) {
    Harness.equal(records.size(), count, what + ": records");
    for (ConsumerRecord<byte[], byte[]> r : records) {
      Harness.Sent s = Harness.sample((int) r.offset() * 3 + r.partition());
      String where = what + ": record " + r.offset() + " of partition " + r.partition();
      Harness.equal(r.timestamp(), s.timestampMs(), where + " timestamp");
      Harness.check(Arrays.equals(r.key(), s.key()) && Arrays.equals(r.value(), s.value()), where + " bytes");
      List<String> headers = new ArrayList<>();
      for (Header h : r.headers()) headers.add(h.key() + new String(h.value()));
      Harness.equal(headers, s.headers().stream().map(h -> h.getKey() + new String(h.getValue())).toList(), where + " headers");
    }
  }

  static Object seek() throws Exception {
    String topic = filled("seek");
    TopicPartition partition = new TopicPartition(topic, 0);
    try (Consumer<byte[], byte[]> consumer = consumer(Map.of()); Producer<byte[], byte[]> producer = producer(Map.of())) {
      consumer.assign(List.of(partition));
      consumer.seek(partition, 40);
      Harness.equal(first(consumer).offset(), 40L, "from an offset");
      long offset = consumer.offsetsForTimes(Map.of(partition, Harness.START_MS + 60_500)).get(partition).offset();
      consumer.seek(partition, offset);
      Harness.equal(first(consumer).offset(), 61L, "from a time");
      consumer.seekToEnd(List.of(partition));
      Harness.equal(consumer.position(partition), 100L, "the end");
      Harness.check(consumer.poll(Duration.ofMillis(300)).isEmpty(), "nothing at the end");
      long sinceMs = System.currentTimeMillis();
      producer.send(plain(topic, 100)).get();
      Harness.equal(first(consumer).offset(), 100L, "from the end");
      Harness.check(System.currentTimeMillis() - sinceMs < 1_000, "a waiting fetch is answered at once");
      consumer.seekToBeginning(List.of(partition));
      Harness.equal(first(consumer).offset(), 0L, "from the beginning");
    }
    try (Consumer<byte[], byte[]> consumer = consumer(Map.of("auto.offset.reset", "none"))) {
      consumer.assign(List.of(partition));
      consumer.seek(partition, 5_000);
      Throwable error = Harness.failure(() -> consumer.poll(Duration.ofSeconds(10)), "an offset that isn't there");
      Harness.check(error instanceof org.apache.kafka.clients.consumer.OffsetOutOfRangeException, String.valueOf(error));
    }
    return null;
  }

  static Object bulk(String scenario, Map<String, Object> config) throws Exception {
    String topic = create(name(scenario), 4, Map.of());
    String group = name(scenario) + "-g";
    Set<Long> seen = ConcurrentHashMap.newKeySet();
    Member first = new Member(topic, group, config, seen);
    Member second = null;
    for (int c = 0; c < CODECS.length; c++) {
      try (Producer<byte[], byte[]> producer = producer(Map.of("compression.type", CODECS[c], "linger.ms", 5))) {
        int count = Harness.recordCount / CODECS.length;
        for (int i = 0; i < count; i++) producer.send(sample(topic, i % 4, c * count + i));
      }
      if (c == 2) second = new Member(topic, group, config, seen);
    }
    int total = Harness.recordCount / CODECS.length * CODECS.length;
    Member other = second;
    Harness.until(() -> seen.size() == total, "all records");
    Harness.until(() -> first.assigned.size() == 2 && other.assigned.size() == 2, "two partitions each");
    Set<TopicPartition> all = new HashSet<>(first.assigned);
    all.addAll(other.assigned);
    Harness.equal(all.size(), 4, "each partition once");
    first.close();
    other.close();
    try (Producer<byte[], byte[]> producer = producer(Map.of())) {
      for (int i = 0; i < 100; i++) producer.send(sample(topic, i % 4, i));
    }
    Set<Long> resumed = ConcurrentHashMap.newKeySet();
    Member third = new Member(topic, group, config, resumed);
    Harness.until(() -> third.count.get() >= 100, "records after the restart");
    Thread.sleep(300);
    third.close();
    Harness.equal(third.count.get(), 100, "records after the restart");
    return null;
  }

  static Object staticMember() throws Exception {
    String topic = create(name("static"), 4, Map.of());
    String group = name("static") + "-g";
    Map<String, Object> one = Map.of("group.instance.id", "one", "session.timeout.ms", 20_000);
    Map<String, Object> two = Map.of("group.instance.id", "two", "session.timeout.ms", 20_000);
    Set<Long> seen = ConcurrentHashMap.newKeySet();
    Member first = new Member(topic, group, one, seen);
    Member second = new Member(topic, group, two, seen);
    Harness.until(() -> first.assigned.size() == 2 && second.assigned.size() == 2, "two partitions each");
    Set<TopicPartition> before = Set.copyOf(first.assigned);
    int assignments = second.assignments.get();
    first.close();
    Member again = new Member(topic, group, one, seen);
    Harness.until(() -> again.assigned.size() == 2, "the member is back");
    Harness.equal(Set.copyOf(again.assigned), before, "its partitions");
    Harness.equal(second.assignments.get(), assignments, "rebalances of the other");
    ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    Harness.check(described.members().stream().anyMatch(m -> m.groupInstanceId().equals(Optional.of("one"))), "described");
    Member twin = new Member(topic, group, one, seen);
    Harness.until(() -> again.error instanceof FencedInstanceIdException, "a twin fences the elder");
    twin.close();
    second.close();
    admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions(
        List.of(new MemberToRemove("one"), new MemberToRemove("two")))).all().get();
    Harness.until(() -> admin.describeConsumerGroups(List.of(group)).all().get().get(group).members().isEmpty(), "removed");
    return null;
  }

  static Object cooperative() throws Exception {
    String topic = create(name("cooperative"), 4, Map.of());
    Map<String, Object> config = Map.of("partition.assignment.strategy", CooperativeStickyAssignor.class.getName());
    Set<Long> seen = ConcurrentHashMap.newKeySet();
    Member first = new Member(topic, name("cooperative") + "-g", config, seen);
    Harness.until(() -> first.assigned.size() == 4, "four partitions");
    Member second = new Member(topic, name("cooperative") + "-g", config, seen);
    Harness.until(() -> first.assigned.size() == 2 && second.assigned.size() == 2, "two partitions each");
    Harness.equal(first.revoked.get(), 2, "revoked from the first");
    first.close();
    second.close();
    return null;
  }

  static Object idempotent() throws Exception {
    String topic = create(name("idempotent"), 1, Map.of());
    try (Producer<byte[], byte[]> producer = producer(Map.of("enable.idempotence", true, "batch.size", 300, "linger.ms", 0))) {
      for (int i = 0; i < 2_000; i++) producer.send(plain(topic, i));
    }
    Harness.equal(values(read(topic, 1, Map.of(), 2_000)), texts(0, 2_000), "all once, in order");
    return null;
  }

  static Object transactions() throws Exception {
    String topic = create(name("transactions"), 1, Map.of());
    try (Producer<byte[], byte[]> producer = producer(Map.of("transactional.id", topic))) {
      producer.initTransactions();
      for (int from = 0; from <= 20; from += 10) {
        producer.beginTransaction();
        for (int i = from; i < from + 10; i++) producer.send(plain(topic, i)).get();
        if (from == 0) producer.commitTransaction();
        if (from == 10) producer.abortTransaction();
      }
      Harness.equal(values(read(topic, 1, COMMITTED, -1)), texts(0, 10), "committed, one being open");
      Harness.equal(values(read(topic, 1, Map.of(), 30)), texts(0, 30), "uncommitted");
      producer.commitTransaction();
    }
    List<String> wanted = new ArrayList<>(texts(0, 10));
    wanted.addAll(texts(20, 10));
    Harness.equal(values(read(topic, 1, COMMITTED, 20)), wanted, "committed");
    return null;
  }

  static Object transactionOffsets() throws Exception {
    String input = filled("transactionOffsets");
    String output = create(input + "-out", 1, Map.of());
    String group = input + "-g";
    TopicPartition partition = new TopicPartition(input, 0);
    for (String end : List.of("abort", "commit")) {
      try (Consumer<byte[], byte[]> consumer = consumer(Map.of("group.id", group, "max.poll.records", 10));
          Producer<byte[], byte[]> producer = producer(Map.of("transactional.id", input))) {
        producer.initTransactions();
        consumer.subscribe(List.of(input));
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        while (records.isEmpty()) for (var r : consumer.poll(Duration.ofSeconds(1))) records.add(r);
        Harness.equal(records.get(0).offset(), 0L, "the first offset");
        producer.beginTransaction();
        for (var r : records) producer.send(new ProducerRecord<>(output, r.key(), r.value()));
        producer.sendOffsetsToTransaction(Map.of(partition, new OffsetAndMetadata(10)), consumer.groupMetadata());
        if (end.equals("abort")) producer.abortTransaction();
        else producer.commitTransaction();
        Long wanted = end.equals("abort") ? null : Long.valueOf(10);
        // A commit is answered before its offsets are there for whoever doesn't insist on stable ones.
        Harness.until(() -> Objects.equals(committed(group, partition), wanted), "the offset after the " + end);
      }
    }
    Harness.equal(read(output, 1, COMMITTED, -1).size(), 10, "records that count");
    return null;
  }

  static Object fencing() throws Exception {
    String topic = create(name("fencing"), 1, Map.of());
    Map<String, Object> config = Map.of("transactional.id", topic);
    try (Producer<byte[], byte[]> first = producer(config); Producer<byte[], byte[]> second = producer(config)) {
      first.initTransactions();
      first.beginTransaction();
      first.send(plain(topic, 0)).get();
      second.initTransactions();
      second.beginTransaction();
      Throwable error = Harness.failure(() -> {
        first.send(plain(topic, 1)).get();
        first.commitTransaction();
        return null;
      }, "the first producer goes on");
      Harness.check(error instanceof ProducerFencedException || error instanceof InvalidProducerEpochException, error.toString());
      second.send(plain(topic, 2)).get();
      second.commitTransaction();
    }
    Harness.equal(values(read(topic, 1, COMMITTED, -1)), texts(2, 1), "committed");
    return null;
  }

  static Object large() throws Exception {
    String topic = create(name("large"), 1, Map.of("max.message.bytes", "100000"));
    try (Producer<byte[], byte[]> producer = producer(Map.of("max.request.size", 5_000_000))) {
      producer.send(new ProducerRecord<>(topic, new byte[99_000])).get();
      expect(RecordTooLargeException.class, () -> producer.send(new ProducerRecord<>(topic, new byte[101_000])).get());
      producer.send(new ProducerRecord<>(topic, new byte[10])).get();
    }
    Harness.equal(read(topic, 1, Map.of("max.partition.fetch.bytes", 1_000), 2).stream().map(r -> r.value().length).toList(),
        List.of(99_000, 10), "sizes");
    return null;
  }

  static Object compacted() throws Exception {
    String topic = create(name("compacted"), 1, Map.of("cleanup.policy", "compact", "segment.ms", "100",
        "min.cleanable.dirty.ratio", "0.01", "delete.retention.ms", "100"));
    try (Producer<byte[], byte[]> producer = producer(Map.of())) {
      for (int i = 0; i < 200; i++) producer.send(new ProducerRecord<>(topic, Harness.bytes("k" + i % 10), Harness.bytes("v" + i))).get();
      Harness.until(() -> {
        Thread.sleep(300);
        // The newest part of a log isn't compacted: a further record makes it older.
        producer.send(new ProducerRecord<>(topic, Harness.bytes("other"), Harness.bytes("x"))).get();
        List<ConsumerRecord<byte[], byte[]>> records = read(topic, 1, Map.of(), -1, 300);
        Map<String, String> newest = new HashMap<>();
        for (var r : records) newest.put(new String(r.key()), new String(r.value()));
        for (int k = 0; k < 10; k++) Harness.equal(newest.get("k" + k), "v" + (190 + k), "newest of k" + k);
        return records.stream().filter(r -> !new String(r.key()).equals("other")).count() == 10;
      }, "one record a key");
    }
    return null;
  }

  static Object crossWrite() throws Exception {
    String topic = create(name("crossWrite"), CODECS.length, Map.of());
    JsonNode records = Harness.readJson("cross-records.json");
    ObjectNode left = Harness.JSON.createObjectNode().put("topic", topic);
    for (int partition = 0; partition < CODECS.length; partition++) {
      ObjectNode part = left.withArray("partitions").addObject().put("partition", partition).put("codec", CODECS[partition]);
      try (Producer<byte[], byte[]> producer = producer(Map.of("compression.type", CODECS[partition], "linger.ms", 20))) {
        for (int i = 0; i < records.size(); i++) {
          JsonNode r = records.get(i);
          List<Header> headers = new ArrayList<>();
          for (JsonNode h : r.get("headers")) headers.add(new RecordHeader(h.get(0).asText(), Harness.fromBase64(h.get(1))));
          producer.send(new ProducerRecord<>(topic, partition, r.get("timestampMs").asLong(), Harness.fromBase64(r.get("key")),
              Harness.fromBase64(r.get("value")), headers));
          part.withArray("indexes").add(i);
        }
      }
    }
    Harness.JSON.writeValue(new File(Harness.dataFolder, "written-java.json"), left);
    return null;
  }

  static Object crossRead() throws Exception {
    List<TopicPartition> partitions = new ArrayList<>();
    int count = 0;
    for (JsonNode topic : Harness.readJson("cross-topics.json"))
      for (JsonNode partition : topic.get("partitions")) {
        partitions.add(new TopicPartition(topic.get("topic").asText(), partition.get("partition").asInt()));
        count += partition.get("count").asInt();
      }
    try (PrintWriter out = new PrintWriter(new File(Harness.dataFolder, "read-java.jsonl"), "UTF-8")) {
      for (var r : read(partitions, Map.of(), count, 3_000)) {
        ObjectNode line = Harness.JSON.createObjectNode().put("topic", r.topic()).put("partition", r.partition())
            .put("offset", r.offset()).put("timestampMs", r.timestamp()).put("key", Harness.base64(r.key()))
            .put("value", Harness.base64(r.value()));
        var headers = line.putArray("headers");
        for (Header h : r.headers()) headers.addArray().add(h.key()).add(Harness.base64(h.value()));
        out.println(line);
      }
    }
    return null;
  }
}
