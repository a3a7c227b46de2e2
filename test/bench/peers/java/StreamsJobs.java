// The jobs of jobs.mjs in Kafka Streams: from the first record that a function of the job's sees to the end of close(), when all
// is committed. Prints one line of JSON.
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.*;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;

final class StreamsJobs {
  static final AtomicLong seen = new AtomicLong();
  static final CountDownLatch done = new CountDownLatch(1);
  static volatile long firstNanos;
  static long records;

  static void tick() {
    long count = seen.incrementAndGet();
    if (count == 1) firstNanos = System.nanoTime();
    if (count == records) done.countDown();
  }

  public static void main(String[] args) throws Exception {
    String bootstrap = args[0], mode = args[1], guarantee = args[2];
    int partitions = Integer.parseInt(args[3]);
    records = Long.parseLong(args[4]);
    String app = "streams-" + mode + "-" + System.nanoTime(), output = app + "-out";
    Path state = Files.createTempDirectory("millrace-streams");
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      admin.createTopics(List.of(new NewTopic(output, partitions, (short) 1))).all().get();
      Properties config = new Properties();
      config.put("application.id", app);
      config.put("bootstrap.servers", bootstrap);
      config.put("processing.guarantee", guarantee);
      config.put("num.stream.threads", 1);
      config.put("state.dir", state.toString());
      config.put("consumer.auto.offset.reset", "earliest");
      config.put("replication.factor", 1);
      config.put("default.key.serde", Serdes.StringSerde.class.getName());
      config.put("default.value.serde", Serdes.StringSerde.class.getName());
      KafkaStreams streams = new KafkaStreams(topology(mode, output), config);
      streams.setUncaughtExceptionHandler(error -> {
        error.printStackTrace();
        System.exit(3);
        return null;
      });
      streams.start();
      if (!done.await(300, TimeUnit.SECONDS)) throw new IllegalStateException("saw " + seen.get() + " of " + records);
      streams.close(Duration.ofSeconds(60));
      double seconds = (System.nanoTime() - firstNanos) / 1e9;
      System.out.printf(Locale.ROOT, "{\"seconds\":%.4f,\"records\":%d}%n", seconds, seen.get());
      streams.cleanUp();
      List<String> own = admin.listTopics().names().get().stream().filter(name -> name.startsWith(app)).toList();
      admin.deleteTopics(own).all().get();
    }
  }

  static Topology topology(String mode, String output) {
    StreamsBuilder builder = new StreamsBuilder();
    if (mode.equals("json")) return json(builder, output);
    if (mode.equals("avro")) return avro(builder, output);
    KStream<String, String> input = builder.stream(mode.equals("streamJoin") ? "bench-left" : "bench-in");
    switch (mode) {
      case "stateless" -> input
        .mapValues(value -> {
          tick();
          return value + "!";
        })
        .filter((key, value) -> (value.charAt(0) & 7) != 0)
        .to(output);
      case "count" -> input
        .peek((key, value) -> tick())
        .groupByKey()
        .count(Materialized.as("counts"))
        .toStream()
        .to(output, Produced.with(Serdes.String(), Serdes.Long()));
      case "windowed" -> input
        .peek((key, value) -> tick())
        .groupByKey()
        .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofSeconds(10)))
        .count(Materialized.as("counts"))
        .toStream((key, count) -> key.key() + "@" + key.window().start())
        .to(output, Produced.with(Serdes.String(), Serdes.Long()));
      case "tableJoin" -> input
        .peek((key, value) -> tick())
        .join(builder.table("bench-table"), (value, row) -> value + row)
        .to(output);
      case "streamJoin" -> input
        .peek((key, value) -> tick())
        .join(builder.<String, String>stream("bench-right").peek((key, value) -> tick()),
          (left, right) -> left + right, JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofMillis(500)))
        .to(output);
      default -> throw new IllegalArgumentException(mode);
    }
    return builder.build();
  }

  static Topology json(StreamsBuilder builder, String output) {
    Serde<Orders.Total> totals = Orders.json(Orders.Total.class);
    builder.stream("bench-json", Consumed.with(Serdes.String(), Orders.json(Orders.Order.class)))
      .peek((key, order) -> tick())
      .filter((key, order) -> order.amount >= 100)
      .groupByKey(Grouped.with(Serdes.String(), Orders.json(Orders.Order.class)))
      .aggregate(Orders.Total::new, (key, order, total) -> {
        Orders.Total next = new Orders.Total();
        next.orders = total.orders + 1;
        next.amount = total.amount + order.amount;
        return next;
      }, Materialized.<String, Orders.Total, KeyValueStore<Bytes, byte[]>>as("totals").withKeySerde(Serdes.String()).withValueSerde(totals))
      .toStream()
      .to(output, Produced.with(Serdes.String(), totals));
    return builder.build();
  }

  static Topology avro(StreamsBuilder builder, String output) {
    Serde<GenericRecord> orders = Orders.avro(Orders.ORDER), totals = Orders.avro(Orders.TOTAL);
    builder.stream("bench-avro", Consumed.with(Serdes.String(), orders))
      .peek((key, order) -> tick())
      .filter((key, order) -> (Double) order.get(3) >= 100)
      .groupByKey(Grouped.with(Serdes.String(), orders))
      .aggregate(() -> total(0, 0), (key, order, total) ->
        total((Long) total.get(0) + 1, (Double) total.get(1) + (Double) order.get(3)),
        Materialized.<String, GenericRecord, KeyValueStore<Bytes, byte[]>>as("totals").withKeySerde(Serdes.String()).withValueSerde(totals))
      .toStream()
      .to(output, Produced.with(Serdes.String(), totals));
    return builder.build();
  }

  static GenericRecord total(long orders, double amount) {
    GenericRecord total = new GenericData.Record(Orders.TOTAL);
    total.put(0, orders);
    total.put(1, amount);
    return total;
  }
}
