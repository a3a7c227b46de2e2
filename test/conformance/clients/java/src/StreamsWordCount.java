// A word count in Kafka Streams with exactly_once_v2, while the node it runs on is killed and comes back. It prints what it
// is at as a line of JSON and waits for a line at each kill; at the end it compares what a read-committed consumer sees
// with a plain count: each word counted 1, 2, 3 … to its number, each once, none left out.
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.*;

final class StreamsWordCount {
  static final int PARTITIONS = 4, WORDS = 500, WORDS_A_LINE = 8;
  static final Scanner in = new Scanner(System.in);

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0], id = args[1];
    Path state = Path.of(args[2]);
    int kills = Integer.parseInt(args[3]), linesAKill = Integer.parseInt(args[4]);
    String input = id + "-lines", output = id + "-counts";
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      List<NewTopic> topics = List.of(new NewTopic(input, PARTITIONS, (short) 1), new NewTopic(output, PARTITIONS, (short) 1));
      admin.createTopics(topics).all().get();
    }
    AtomicLong seen = new AtomicLong();
    KafkaStreams streams = streams(bootstrap, id, state, input, output, seen);
    streams.start();
    Map<String, Integer> expected = new TreeMap<>();
    Random random = new Random(1);
    long lines = 0;
    try (Producer<String, String> producer = producer(bootstrap)) {
      for (int kill = 0; kill <= kills; kill++) {
        for (int i = 0; i < linesAKill; i++) write(producer, input, random, expected);
        producer.flush();
        lines += linesAKill;
        // Somewhere in the middle of the counting, and of a transaction.
        long middle = kill == kills ? lines : lines - linesAKill / 2;
        await(() -> seen.get() >= middle, "lines read: " + middle);
        if (kill < kills) {
          say("counting", kill);
          in.nextLine();
        }
      }
    }
    Map<String, List<Long>> counts = readCommitted(bootstrap, output, expected);
    streams.close(Duration.ofSeconds(20));
    List<String> wrong = new ArrayList<>();
    expected.forEach((word, n) -> {
      List<Long> got = counts.getOrDefault(word, List.of());
      for (int i = 0; i < Math.max(n, got.size()); i++) {
        if (i < got.size() && got.get(i) == i + 1L) continue;
        wrong.add(word + " is to be counted to " + n + ", and count " + (i + 1) + " is " + (i < got.size() ? got.get(i) : "missing"));
        break;
      }
    });
    for (String word : counts.keySet()) if (!expected.containsKey(word)) wrong.add(word + " was never written");
    long records = counts.values().stream().mapToLong(List::size).sum();
    System.out.println(Harness.JSON.writeValueAsString(
      Map.of("event", "checked", "lines", lines, "counts", records, "threads", replaced.get(), "wrong", wrong)));
  }

  static final AtomicLong replaced = new AtomicLong();

  static KafkaStreams streams(String bootstrap, String id, Path state, String input, String output, AtomicLong seen) {
    StreamsBuilder builder = new StreamsBuilder();
    builder.<String, String>stream(input)
      .peek((key, line) -> seen.incrementAndGet())
      .flatMapValues(line -> List.of(line.split(" ")))
      .groupBy((key, word) -> word)
      .count(Materialized.as("counts"))
      .toStream()
      .to(output, Produced.with(Serdes.String(), Serdes.Long()));
    Properties config = new Properties();
    config.put("application.id", id);
    config.put("bootstrap.servers", bootstrap);
    config.put("state.dir", state.toString());
    config.put("processing.guarantee", "exactly_once_v2");
    config.put("commit.interval.ms", 100);
    config.put("statestore.cache.max.bytes", 0); // every count comes out, so that one too many is seen
    config.put("default.key.serde", Serdes.StringSerde.class.getName());
    config.put("default.value.serde", Serdes.StringSerde.class.getName());
    config.put("consumer.auto.offset.reset", "earliest");
    config.put("num.stream.threads", 2);
    config.put("replication.factor", 1);
    KafkaStreams streams = new KafkaStreams(builder.build(), config);
    streams.setUncaughtExceptionHandler(error -> {
      replaced.incrementAndGet();
      return StreamThreadExceptionResponse.REPLACE_THREAD;
    });
    return streams;
  }

  static Producer<String, String> producer(String bootstrap) {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", "all", "enable.idempotence", true);
    return new KafkaProducer<>(config, new StringSerializer(), new StringSerializer());
  }

  static void write(Producer<String, String> producer, String input, Random random, Map<String, Integer> expected) {
    StringBuilder line = new StringBuilder();
    for (int i = 0; i < WORDS_A_LINE; i++) {
      String word = "w" + (int) (Math.abs(random.nextGaussian()) * WORDS / 4);
      expected.merge(word, 1, Integer::sum);
      line.append(i == 0 ? "" : " ").append(word);
    }
    producer.send(new ProducerRecord<>(input, null, line.toString()), (metadata, error) -> {
      if (error != null) throw new IllegalStateException(error);
    });
  }

  static Map<String, List<Long>> readCommitted(String bootstrap, String output, Map<String, Integer> expected) throws Exception {
    Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "isolation.level", "read_committed",
      "auto.offset.reset", "earliest", "enable.auto.commit", false);
    long wanted = expected.values().stream().mapToLong(Integer::longValue).sum();
    Map<String, List<Long>> counts = new TreeMap<>();
    long read = 0;
    try (Consumer<String, Long> consumer = new KafkaConsumer<>(config, new StringDeserializer(), new LongDeserializer())) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (int p = 0; p < PARTITIONS; p++) partitions.add(new TopicPartition(output, p));
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      long quietSince = System.nanoTime(), deadline = quietSince + Duration.ofSeconds(90).toNanos();
      // One more second after what is expected: what comes too often comes then.
      while (System.nanoTime() < deadline && (read < wanted || System.nanoTime() - quietSince < 1_000_000_000L)) {
        for (ConsumerRecord<String, Long> record : consumer.poll(Duration.ofMillis(200))) {
          counts.computeIfAbsent(record.key(), word -> new ArrayList<>()).add(record.value());
          read++;
          quietSince = System.nanoTime();
        }
      }
    }
    return counts;
  }

  static void await(java.util.concurrent.Callable<Boolean> condition, String what) throws Exception {
    long deadline = System.nanoTime() + Duration.ofSeconds(90).toNanos();
    while (!condition.call()) {
      if (System.nanoTime() > deadline) throw new IllegalStateException("never: " + what);
      Thread.sleep(20);
    }
  }

  static void say(String event, int kill) throws Exception {
    System.out.println(Harness.JSON.writeValueAsString(Map.of("event", event, "kill", kill)));
  }
}
