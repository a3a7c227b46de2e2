// A count by key in Kafka Streams under exactly_once_v2, run until it is killed: what restart.mjs starts again and again.
// Only markers go out, so that the cost of building the state is that of the state.
import java.nio.file.Path;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Produced;

final class StreamsCount {
  public static void main(String[] args) throws Exception {
    String bootstrap = args[0], input = args[1], output = args[2];
    Properties config = new Properties();
    config.put("application.id", "restart-streams");
    config.put("bootstrap.servers", bootstrap);
    config.put("state.dir", Path.of(args[3]).toString());
    config.put("processing.guarantee", "exactly_once_v2");
    config.put("default.key.serde", Serdes.StringSerde.class.getName());
    config.put("default.value.serde", Serdes.StringSerde.class.getName());
    config.put("consumer.auto.offset.reset", "earliest");
    // As ours: a member that was killed is missed for as long in both.
    config.put("consumer.session.timeout.ms", 6_000);
    config.put("consumer.heartbeat.interval.ms", 2_000);
    config.put("replication.factor", 1);
    StreamsBuilder builder = new StreamsBuilder();
    builder.<String, String>stream(input)
      .groupByKey()
      .count(Materialized.as("counts"))
      .toStream()
      .filter((key, count) -> key.startsWith("marker"))
      .to(output, Produced.with(Serdes.String(), Serdes.Long()));
    new KafkaStreams(builder.build(), config).start();
    Thread.currentThread().join();
  }
}
