// Producers, consumers, members of groups and the admin client as the scenarios in Java use them.
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.*;

class Support {
  static final String[] CODECS = {"none", "gzip", "snappy", "lz4", "zstd"};
  static final Map<String, Object> COMMITTED = Map.of("isolation.level", "read_committed");
  static Admin admin;
  private static String client;

  static void open(String[] arguments, String clientName) {
    Harness.bootstrap = arguments[0];
    Harness.runId = arguments[1];
    Harness.dataFolder = arguments[2];
    Harness.recordCount = Integer.parseInt(arguments[3]);
    client = clientName;
    admin = Admin.create(config(Map.of()));
  }

  static String name(String scenario) {
    return Harness.runId + "-" + client + "-" + scenario;
  }

  static Map<String, Object> config(Map<String, Object> more) {
    Map<String, Object> config = new HashMap<>(Map.of("bootstrap.servers", Harness.bootstrap));
    config.putAll(more);
    return config;
  }

  static Producer<byte[], byte[]> producer(Map<String, Object> more) {
    return new KafkaProducer<>(config(more), new ByteArraySerializer(), new ByteArraySerializer());
  }

  static Consumer<byte[], byte[]> consumer(Map<String, Object> more) {
    Map<String, Object> config = config(Map.of("auto.offset.reset", "earliest", "enable.auto.commit", false));
    config.putAll(more);
    return new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  static <T> T await(KafkaFuture<T> future) {
    try {
      return future.get();
    } catch (InterruptedException | ExecutionException error) {
      throw new IllegalStateException(error);
    }
  }

  static void expect(Class<?> wanted, Callable<?> work) {
    Throwable error = Harness.failure(work, wanted.getSimpleName());
    Harness.check(wanted.isInstance(error), error + ", not " + wanted.getSimpleName());
  }

  static String create(String topic, int partitions, Map<String, String> configs) throws Exception {
    admin.createTopics(List.of(new NewTopic(topic, partitions, (short) 1).configs(configs))).all().get();
    return topic;
  }

  /** A topic of one partition with a hundred records, a second apart. */
  static String filled(String scenario) throws Exception {
    String topic = create(name(scenario), 1, Map.of());
    try (Producer<byte[], byte[]> producer = producer(Map.of())) {
      for (int i = 0; i < 100; i++) producer.send(plain(topic, i));
    }
    return topic;
  }

  static TopicDescription describe(String topic) throws Exception {
    return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
  }

  static Void alter(ConfigResource resource, String name, String value, AlterConfigOp.OpType type) throws Exception {
    AlterConfigOp change = new AlterConfigOp(new ConfigEntry(name, value), type);
    return admin.incrementalAlterConfigs(Map.of(resource, List.of(change))).all().get();
  }

  static long offset(TopicPartition partition, OffsetSpec spec) throws Exception {
    return admin.listOffsets(Map.of(partition, spec)).partitionResult(partition).get().offset();
  }

  static Long committed(String group, TopicPartition partition) throws Exception {
    OffsetAndMetadata found = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(partition);
    return found == null ? null : found.offset();
  }

  static ProducerRecord<byte[], byte[]> sample(String topic, int partition, int i) {
    Harness.Sent s = Harness.sample(i);
    List<Header> headers = new ArrayList<>();
    for (var h : s.headers()) headers.add(new RecordHeader(h.getKey(), h.getValue()));
    return new ProducerRecord<>(topic, partition, s.timestampMs(), s.key(), s.value(), headers);
  }

  static ProducerRecord<byte[], byte[]> plain(String topic, int i) {
    return new ProducerRecord<>(topic, 0, Harness.START_MS + i * 1_000L, Harness.bytes("k" + i), Harness.bytes("v" + i));
  }

  static List<String> texts(int from, int count) {
    return IntStream.range(from, from + count).mapToObj(i -> "v" + i).toList();
  }

  static List<String> values(List<ConsumerRecord<byte[], byte[]>> records) {
    return records.stream().map(r -> new String(r.value())).toList();
  }

  static ConsumerRecord<byte[], byte[]> first(Consumer<byte[], byte[]> consumer) {
    long endMs = System.currentTimeMillis() + 10_000;
    while (System.currentTimeMillis() < endMs) for (var r : consumer.poll(Duration.ofMillis(5_000))) return r;
    throw new IllegalStateException("no record");
  }

  static List<ConsumerRecord<byte[], byte[]>> read(String topic, int partitions, Map<String, Object> more, int count) {
    return read(topic, partitions, more, count, 1_000);
  }

  static List<ConsumerRecord<byte[], byte[]>> read(String topic, int partitions, Map<String, Object> more, int count, long quietMs) {
    return read(IntStream.range(0, partitions).mapToObj(p -> new TopicPartition(topic, p)).toList(), more, count, quietMs);
  }

  /** From the beginning: that many records, or with -1 until nothing comes for a while. */
  static List<ConsumerRecord<byte[], byte[]>> read(List<TopicPartition> partitions, Map<String, Object> more, int count, long quietMs) {
    List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
    try (Consumer<byte[], byte[]> consumer = consumer(more)) {
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      long lastMs = System.currentTimeMillis();
      long patienceMs = count < 0 ? quietMs : 15_000;
      while ((count < 0 || records.size() < count) && System.currentTimeMillis() - lastMs < patienceMs)
        for (var r : consumer.poll(Duration.ofMillis(100))) {
          records.add(r);
          lastMs = System.currentTimeMillis();
        }
    }
    return records;
  }

  /** A member of a group in a thread of its own, committing what it has seen as it goes. */
  static final class Member implements ConsumerRebalanceListener {
    final Set<TopicPartition> assigned = ConcurrentHashMap.newKeySet();
    final AtomicInteger assignments = new AtomicInteger();
    final AtomicInteger revoked = new AtomicInteger();
    final AtomicInteger count = new AtomicInteger();
    volatile Throwable error;
    private final Consumer<byte[], byte[]> consumer;
    private final Thread thread;
    private volatile boolean closing;

    Member(String topic, String group, Map<String, Object> more, Set<Long> seen) {
      Map<String, Object> config = new HashMap<>(Map.of("group.id", group));
      if (!more.containsKey("group.protocol")) config.put("heartbeat.interval.ms", 300);
      config.putAll(more);
      consumer = consumer(config);
      thread = new Thread(() -> {
        try {
          consumer.subscribe(List.of(topic), this);
          while (!closing) {
            var records = consumer.poll(Duration.ofMillis(100));
            for (var r : records) {
              seen.add(r.partition() * 1_000_000_000L + r.offset());
              count.incrementAndGet();
            }
            if (!records.isEmpty()) commit();
          }
        } catch (Throwable thrown) {
          error = thrown;
        } finally {
          consumer.close();
        }
      });
      thread.start();
    }

    private void commit() {
      try {
        consumer.commitSync();
      } catch (RebalanceInProgressException | CommitFailedException again) {
        // What isn't committed is read again by whoever has the partition next.
      }
    }

    @Override
    public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
      assignments.incrementAndGet();
      assigned.addAll(partitions);
    }

    @Override
    public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
      if (!closing) revoked.addAndGet(partitions.size());
      assigned.removeAll(partitions);
    }

    void close() throws InterruptedException {
      closing = true;
      thread.join();
    }
  }
}
