// What the programs in Java share: the run of scenarios, and the records that all languages make alike.
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

final class Harness {
  static final ObjectMapper JSON = new ObjectMapper();
  static final long START_MS = Long.parseLong(System.getenv("START_MS"));
  static String bootstrap, runId, dataFolder;
  static int recordCount;

  interface Scenario {
    Object run() throws Exception;
  }

  record Sent(long timestampMs, byte[] key, byte[] value, List<Map.Entry<String, byte[]>> headers) {}

  /** Record i as every language makes it, in partition i % 3 of the roundtrip. */
  static Sent sample(int i) {
    byte[] key = i % 7 == 0 ? null : bytes("key-" + i % 50);
    byte[] value = i % 11 == 0 && key != null ? null : bytes("value-" + i + "-" + "x".repeat(i % 100));
    List<Map.Entry<String, byte[]>> headers = i % 3 == 0 ? List.of(Map.entry("trace", bytes("t" + i))) : List.of();
    return new Sent(START_MS + i, key, value, headers);
  }

  static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static String base64(byte[] bytes) {
    return bytes == null ? null : Base64.getEncoder().encodeToString(bytes);
  }

  static byte[] fromBase64(JsonNode node) {
    return node.isNull() ? null : Base64.getDecoder().decode(node.asText());
  }

  static void check(boolean holds, String what) {
    if (!holds) throw new IllegalStateException(what);
  }

  static void equal(Object actual, Object expected, String what) {
    if (!Objects.equals(actual, expected)) throw new IllegalStateException(what + ": " + actual + ", not " + expected);
  }

  /** The error that the work ends in, without the wrapper of a future. */
  static Throwable failure(Callable<?> work, String what) {
    try {
      work.call();
    } catch (Throwable error) {
      return error instanceof java.util.concurrent.ExecutionException ? error.getCause() : error;
    }
    throw new IllegalStateException("no error: " + what);
  }

  static void until(Callable<Boolean> condition, String what) throws Exception {
    long endMs = System.currentTimeMillis() + 30_000;
    while (!condition.call()) {
      if (System.currentTimeMillis() > endMs) throw new IllegalStateException("never: " + what);
      Thread.sleep(50);
    }
  }

  static JsonNode readJson(String name) throws IOException {
    return JSON.readTree(new File(dataFolder, name));
  }

  static void say(String scenario, String event, long ms, String note) throws IOException {
    Map<String, Object> line = new LinkedHashMap<>();
    line.put("scenario", scenario);
    line.put("event", event);
    line.put("ms", ms);
    line.put("note", note);
    System.out.println(JSON.writeValueAsString(line));
    System.out.flush();
  }

  /** Arguments: bootstrap, run id, data folder, records, scenarios. What isn't in the map the client cannot do. */
  static void run(String[] arguments, Map<String, Scenario> scenarios) throws Exception {
    for (String name : arguments[4].split(",")) {
      Scenario scenario = scenarios.get(name);
      if (scenario == null) {
        say(name, "absent", 0, "");
        continue;
      }
      say(name, "begin", 0, "");
      long sinceMs = System.currentTimeMillis();
      try {
        Object note = scenario.run();
        say(name, "passed", System.currentTimeMillis() - sinceMs, note == null ? "" : note.toString());
      } catch (Throwable error) {
        StringWriter text = new StringWriter();
        error.printStackTrace(new PrintWriter(text));
        String note = String.join("\n", text.toString().lines().limit(7).toList());
        say(name, "failed", System.currentTimeMillis() - sinceMs, note);
      }
    }
    System.exit(0);
  }
}
