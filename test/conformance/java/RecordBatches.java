// Apache Kafka's own record batch code, for test/conformance/record-batches.ts. Run as a single source file with the
// jars of kafka-clients 4.4.0 on the class path (earlier ones have these classes in other packages). `read` prints the
// records of batches given as hex, a batch a line; `write` prints batches of the records given, a line
// `codec|timestamp|key|value|header=value,...` each, an empty line ending a batch.
import java.io.*;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;
import org.apache.kafka.common.record.internal.Record;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.common.utils.internals.*;

public class RecordBatches {
  static final HexFormat HEX = HexFormat.of();

  public static void main(String[] arguments) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, "UTF-8"));
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 16), false, "UTF-8");
    if (arguments[0].equals("read")) read(in, out);
    else write(in, out);
    out.flush();
  }

  static void read(BufferedReader in, PrintStream out) throws Exception {
    for (String line; (line = in.readLine()) != null; out.println()) {
      MemoryRecords records = MemoryRecords.readableRecords(ByteBuffer.wrap(HEX.parseHex(line)));
      for (MutableRecordBatch batch : records.batches()) {
        batch.ensureValid();
        out.println("batch|" + batch.compressionType().name + "|" + batch.baseOffset() + "|" + batch.lastOffset()
            + "|" + batch.maxTimestamp() + "|" + batch.producerId() + "|" + batch.producerEpoch() + "|" + batch.baseSequence()
            + "|" + batch.isTransactional() + "|" + batch.isControlBatch() + "|" + batch.partitionLeaderEpoch());
        try (CloseableIterator<Record> each = batch.streamingIterator(BufferSupplier.create())) {
          while (each.hasNext()) {
            Record record = each.next();
            record.ensureValid();
            StringJoiner headers = new StringJoiner(",");
            for (Header header : record.headers()) headers.add(HEX.formatHex(header.key().getBytes("UTF-8")) + "=" + hex(header.value()));
            out.println(record.offset() + "|" + record.timestamp() + "|" + hex(Utils.toNullableArray(record.key())) + "|"
                + hex(Utils.toNullableArray(record.value())) + "|" + headers);
          }
        }
      }
    }
  }

  static void write(BufferedReader in, PrintStream out) throws Exception {
    MemoryRecordsBuilder builder = null;
    for (String line; (line = in.readLine()) != null; ) {
      if (line.isEmpty()) {
        ByteBuffer bytes = builder.build().buffer();
        byte[] copy = new byte[bytes.remaining()];
        bytes.get(copy);
        out.println(HEX.formatHex(copy));
        builder = null;
        continue;
      }
      String[] fields = line.split("\\|", -1);
      if (builder == null) {
        Compression codec = Compression.of(CompressionType.forName(fields[0])).build();
        builder = MemoryRecords.builder(ByteBuffer.allocate(1024), codec, TimestampType.CREATE_TIME, 0L);
      }
      List<Header> headers = new ArrayList<>();
      for (String header : fields[4].split(",")) {
        if (header.isEmpty()) continue;
        String[] sides = header.split("=", -1);
        headers.add(new RecordHeader(new String(HEX.parseHex(sides[0]), "UTF-8"), bytes(sides[1])));
      }
      builder.append(Long.parseLong(fields[1]), bytes(fields[2]), bytes(fields[3]), headers.toArray(new Header[0]));
    }
  }

  static String hex(byte[] bytes) {
    return bytes == null ? "null" : HEX.formatHex(bytes);
  }

  static byte[] bytes(String hex) {
    return hex.equals("null") ? null : HEX.parseHex(hex);
  }
}
