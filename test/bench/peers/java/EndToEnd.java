// One record at a time: sent with acks=all, read by a consumer that waits for it; from before the send to after the poll that
// brings it. Prints one line of JSON, in microseconds, without the first fifth, in which both sides are still being compiled.
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

final class EndToEnd {
  public static void main(String[] args) throws Exception {
    String bootstrap = args[0], topic = args[1];
    int records = Integer.parseInt(args[2]), warm = records / 4;
    Map<String, Object> writes = Map.of("bootstrap.servers", bootstrap, "acks", "all", "linger.ms", 0);
    Map<String, Object> reads = Map.of("bootstrap.servers", bootstrap);
    try (var producer = new KafkaProducer<>(writes, new ByteArraySerializer(), new ByteArraySerializer());
         var consumer = new KafkaConsumer<>(reads, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      TopicPartition partition = new TopicPartition(topic, 0);
      consumer.assign(List.of(partition));
      consumer.seekToBeginning(List.of(partition));
      consumer.position(partition);
      byte[] value = new byte[100];
      long[] took = new long[records];
      for (int i = -warm; i < records; i++) {
        long since = System.nanoTime();
        producer.send(new ProducerRecord<>(topic, value)).get();
        int seen = 0;
        while (seen == 0) seen = consumer.poll(Duration.ofSeconds(10)).count();
        if (seen != 1) throw new IllegalStateException(seen + " records at once");
        if (i >= 0) took[i] = System.nanoTime() - since;
      }
      Arrays.sort(took);
      System.out.printf(Locale.ROOT, "{\"p50\":%.0f,\"p99\":%.0f}%n", took[records / 2] / 1e3, took[records * 99 / 100] / 1e3);
    }
  }
}
