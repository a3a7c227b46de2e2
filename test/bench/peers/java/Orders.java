// Orders of six fields, some 200 bytes, in JSON by Jackson's data binding and in Avro's binary encoding, and their totals: serdes
// as a careful user writes them, with what can be used again used again.
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import com.fasterxml.jackson.databind.ObjectWriter;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.avro.Schema;
import org.apache.avro.SchemaBuilder;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

final class Orders {
  public static final class Order {
    public long id;
    public String customer;
    public String item;
    public double amount;
    public int pieces;
    public String note;
  }

  public static final class Total {
    public long orders;
    public double amount;
  }

  static final Schema ORDER = SchemaBuilder.record("Order").fields()
    .requiredLong("id").requiredString("customer").requiredString("item").requiredDouble("amount").requiredInt("pieces")
    .requiredString("note").endRecord();
  static final Schema TOTAL = SchemaBuilder.record("Total").fields()
    .requiredLong("orders").requiredDouble("amount").endRecord();

  static <T> Serde<T> json(Class<T> type) {
    ObjectMapper mapper = new ObjectMapper();
    ObjectReader reader = mapper.readerFor(type);
    ObjectWriter writer = mapper.writerFor(type);
    return Serdes.serdeFrom(
      (topic, value) -> {
        try {
          return value == null ? null : writer.writeValueAsBytes(value);
        } catch (IOException error) {
          throw new UncheckedIOException(error);
        }
      },
      (topic, bytes) -> {
        try {
          return bytes == null ? null : reader.readValue(bytes);
        } catch (IOException error) {
          throw new UncheckedIOException(error);
        }
      });
  }

  /** For one thread, as its job has. */
  static Serde<GenericRecord> avro(Schema schema) {
    var reader = new GenericDatumReader<GenericRecord>(schema);
    var writer = new GenericDatumWriter<GenericRecord>(schema);
    var out = new ByteArrayOutputStream(256);
    var coders = new Object() {
      BinaryDecoder decoder;
      BinaryEncoder encoder;
    };
    return Serdes.serdeFrom(
      (topic, value) -> {
        if (value == null) return null;
        try {
          out.reset();
          coders.encoder = EncoderFactory.get().directBinaryEncoder(out, coders.encoder);
          writer.write(value, coders.encoder);
          return out.toByteArray();
        } catch (IOException error) {
          throw new UncheckedIOException(error);
        }
      },
      (topic, bytes) -> {
        if (bytes == null) return null;
        try {
          coders.decoder = DecoderFactory.get().binaryDecoder(bytes, coders.decoder);
          return reader.read(null, coders.decoder);
        } catch (IOException error) {
          throw new UncheckedIOException(error);
        }
      });
  }
}
