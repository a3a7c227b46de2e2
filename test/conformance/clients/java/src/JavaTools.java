// Apache Kafka's command-line tools through the scenarios, by their own main methods with their own arguments and output;
// all in one virtual machine, because to start one for each would take most of the suite's time.
import java.io.*;
import java.lang.reflect.InvocationTargetException;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.utils.internals.Exit;

public class JavaTools extends Support {
  static final String TOOLS = "org.apache.kafka.tools.";
  static final PrintStream OUT = System.out;
  static final InputStream IN = System.in;
  static final AtomicReference<Integer> ended = new AtomicReference<>();
  static final List<Runnable> hooks = new ArrayList<>();

  /** What a tool ends with instead of ending the process. */
  static final class Ended extends RuntimeException {
    final int status;

    Ended(int status) {
      super("exit " + status, null, false, false);
      this.status = status;
    }
  }

  public static void main(String[] arguments) throws Exception {
    open(arguments, "tools");
    catchExits();
    Map<String, Harness.Scenario> scenarios = new LinkedHashMap<>();
    scenarios.put("cluster", JavaTools::cluster);
    scenarios.put("topics", JavaTools::topics);
    scenarios.put("configs", JavaTools::configs);
    scenarios.put("roundtrip", JavaTools::roundtrip);
    scenarios.put("offsets", JavaTools::offsets);
    scenarios.put("groups", JavaTools::groups);
    scenarios.put("idempotent", JavaTools::idempotent);
    scenarios.put("transactionOffsets", JavaTools::transactionOffsets);
    scenarios.put("transactionAdmin", JavaTools::transactionAdmin);
    scenarios.put("performance", JavaTools::performance);
    Harness.run(arguments, scenarios);
  }

  /** Tools end the process; here they end a call. */
  static void catchExits() {
    Exit.setExitProcedure((status, message) -> end(status));
    Exit.setHaltProcedure((status, message) -> end(status));
    Exit.setShutdownHookAdder((name, hook) -> hooks.add(hook));
  }

  /** The first status counts: some tools catch what this throws, and end again. */
  static void end(int status) {
    ended.compareAndSet(null, status);
    throw new Ended(status);
  }

  /** Runs a tool and gives what it printed. It must end well. */
  static String tool(String name, String... arguments) throws Exception {
    return toolFed("", name, arguments);
  }

  static String toolFed(String input, String name, String... arguments) throws Exception {
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    PrintStream stream = new PrintStream(printed, true, StandardCharsets.UTF_8);
    PrintStream errors = System.err;
    Throwable thrown = null;
    Set<Thread> before = Thread.getAllStackTraces().keySet();
    ended.set(null);
    hooks.clear();
    System.setOut(stream);
    System.setErr(stream);
    System.setIn(new ByteArrayInputStream(Harness.bytes(input)));
    try {
      Class.forName(name.contains(".tools.") || name.startsWith("kafka.") ? name : TOOLS + name)
          .getMethod("main", String[].class).invoke(null, (Object) arguments);
    } catch (InvocationTargetException error) {
      thrown = error.getCause();
      if (!(thrown instanceof Ended)) ended.compareAndSet(null, 1);
    } finally {
      // Some work in a thread of their own, which the process would wait for.
      for (Thread thread : Thread.getAllStackTraces().keySet())
        if (!before.contains(thread) && !thread.isDaemon()) thread.join(30_000);
      for (Runnable hook : hooks) {
        Thread thread = new Thread(hook);
        thread.setDaemon(true);
        thread.start();
        thread.join(5_000);
      }
      System.setOut(OUT);
      System.setErr(errors);
      System.setIn(IN);
    }
    String text = printed.toString(StandardCharsets.UTF_8);
    Integer status = ended.get();
    Harness.check(status == null || status == 0, name + " " + String.join(" ", arguments) + " ended with " + status + " " + thrown + "\n" + text);
    return text;
  }

  static void contains(String text, String... wanted) {
    for (String one : wanted) Harness.check(text.contains(one), "no '" + one + "' in:\n" + text);
  }

  static String[] server(String... more) {
    List<String> all = new ArrayList<>(List.of("--bootstrap-server", Harness.bootstrap));
    all.addAll(List.of(more));
    return all.toArray(new String[0]);
  }

  static Object cluster() throws Exception {
    contains(tool("BrokerApiVersionsCommand", server()), "(id: ", "Produce(0): 0 to", "Fetch(1): 4 to", "Metadata(3): 0 to");
    contains(tool("ClusterTool", "cluster-id", "--bootstrap-server", Harness.bootstrap), "Cluster ID: ");
    contains(tool("LogDirsCommand", server("--describe")), "\"logDirs\"");
    return null;
  }

  static Object topics() throws Exception {
    String topic = name("topics");
    tool("TopicCommand", server("--create", "--topic", topic, "--partitions", "3", "--config", "retention.ms=3600000"));
    contains(tool("TopicCommand", server("--list")), topic);
    contains(tool("TopicCommand", server("--describe", "--topic", topic)), "PartitionCount: 3", "ReplicationFactor: ",
        "retention.ms=3600000", "Leader: ", "Isr: ");
    tool("TopicCommand", server("--alter", "--topic", topic, "--partitions", "5"));
    Harness.until(() -> tool("TopicCommand", server("--describe", "--topic", topic)).contains("PartitionCount: 5"), "five partitions");
    tool("TopicCommand", server("--create", "--if-not-exists", "--topic", topic));
    Throwable error = Harness.failure(() -> tool("TopicCommand", server("--create", "--topic", topic)), "a second create");
    contains(error.getMessage(), "Error while executing topic command", topic);
    tool("TopicCommand", server("--delete", "--topic", topic));
    Harness.until(() -> !tool("TopicCommand", server("--list")).contains(topic), "it is gone");
    return null;
  }

  static Object configs() throws Exception {
    String topic = create(name("configs"), 1, Map.of());
    String[] entity = {"--entity-type", "topics", "--entity-name", topic};
    Config config = (more) -> tool("ConfigCommand", concat(server(entity), more));
    config.run("--alter", "--add-config", "retention.ms=1000000,max.message.bytes=50000");
    Harness.until(() -> config.run("--describe").contains("retention.ms=1000000"), "the config is set");
    config.run("--alter", "--delete-config", "retention.ms");
    Harness.until(() -> !config.run("--describe").contains("retention.ms=1000000"), "the config is reset");
    contains(config.run("--describe", "--all"), "retention.ms=604800000", "max.message.bytes=50000", "cleanup.policy=delete");
    contains(tool("ConfigCommand", server("--describe", "--all", "--entity-type", "brokers", "--entity-name",
        String.valueOf(await(admin.describeCluster().nodes()).iterator().next().id()))), "num.partitions=4");
    return null;
  }

  interface Config {
    String run(String... more) throws Exception;
  }

  static String[] concat(String[] some, String... more) {
    List<String> all = new ArrayList<>(List.of(some));
    all.addAll(List.of(more));
    return all.toArray(new String[0]);
  }

  static Object roundtrip() throws Exception {
    String topic = create(name("roundtrip"), 1, Map.of());
    for (String codec : CODECS)
      toolFed("h:" + codec + "\tk:v " + codec + "\n", "ConsoleProducer", server("--topic", topic, "--compression-codec", codec,
          "--reader-property", "parse.key=true", "--reader-property", "key.separator=:", "--reader-property", "parse.headers=true"));
    String read = tool("consumer.ConsoleConsumer", server("--topic", topic, "--from-beginning", "--max-messages", "5", "--timeout-ms", "15000",
        "--formatter-property", "print.key=true", "--formatter-property", "print.headers=true", "--formatter-property", "print.offset=true"));
    for (int i = 0; i < CODECS.length; i++) contains(read, "Offset:" + i + "\th:" + CODECS[i] + "\tk\tv " + CODECS[i]);
    return null;
  }

  static Object offsets() throws Exception {
    String topic = filled("offsets");
    contains(tool("GetOffsetShell", server("--topic", topic)), topic + ":0:100");
    contains(tool("GetOffsetShell", server("--topic", topic, "--time", "earliest")), topic + ":0:0");
    contains(tool("GetOffsetShell", server("--topic", topic, "--time", "" + (Harness.START_MS + 60_500))), topic + ":0:61");
    contains(tool("GetOffsetShell", server("--topic", topic, "--time", "max-timestamp")), topic + ":0:99");
    Path file = Files.createTempFile(Path.of(Harness.dataFolder), "delete", ".json");
    Files.writeString(file, "{\"partitions\":[{\"topic\":\"" + topic + "\",\"partition\":0,\"offset\":30}],\"version\":1}");
    contains(tool("DeleteRecordsCommand", server("--offset-json-file", file.toString())), "low_watermark: 30");
    contains(tool("GetOffsetShell", server("--topic", topic, "--time", "earliest")), topic + ":0:30");
    return null;
  }

  static Object groups() throws Exception {
    String topic = filled("groups");
    String group = topic + "-g";
    tool("consumer.ConsoleConsumer", server("--topic", topic, "--group", group, "--from-beginning", "--max-messages", "40", "--timeout-ms", "15000"));
    String command = "consumer.group.ConsumerGroupCommand";
    contains(tool(command, server("--list")), group);
    String described = tool(command, server("--describe", "--group", group));
    contains(described.replaceAll("\\s+", " "), group + " " + topic + " 0 40 100 60");
    contains(tool(command, server("--describe", "--group", group, "--state")), "Empty");
    contains(tool(command, server("--reset-offsets", "--group", group, "--topic", topic, "--to-offset", "10", "--execute")), "10");
    contains(tool(command, server("--describe", "--group", group)).replaceAll("\\s+", " "), topic + " 0 10 100 90");
    contains(tool(command, server("--reset-offsets", "--group", group, "--topic", topic, "--shift-by", "5", "--dry-run")), "15");
    contains(tool("GroupsCommand", server("--list")), group);
    contains(tool(command, server("--delete-offsets", "--group", group, "--topic", topic)), "Successful");
    contains(tool(command, server("--delete", "--group", group)), "successful");
    Harness.check(!tool(command, server("--list")).contains(group), "it is gone");
    return null;
  }

  static Object idempotent() throws Exception {
    String topic = create(name("idempotent"), 1, Map.of());
    // Its last words are a hook of the process's end; that all are there the consumer shows.
    contains(tool("VerifiableProducer", server("--topic", topic, "--max-messages", "500", "--acks", "-1")), "startup_complete");
    String read = tool("VerifiableConsumer", server("--topic", topic, "--group-id", topic + "-g", "--max-messages", "500", "--reset-policy", "earliest"));
    contains(read, "partitions_assigned", "offsets_committed", "\"offset\":500");
    return null;
  }

  static Object transactionOffsets() throws Exception {
    String input = create(name("transactionOffsets"), 1, Map.of());
    String output = create(input + "-out", 1, Map.of());
    try (Producer<byte[], byte[]> producer = producer(Map.of())) {
      for (int i = 0; i < 100; i++) producer.send(plain(input, i));
    }
    tool("TransactionalMessageCopier", "--broker-list", Harness.bootstrap, "--input-topic", input, "--input-partition", "0",
        "--output-topic", output, "--transactional-id", input, "--consumer-group", input + "-g", "--transaction-size", "10",
        "--max-messages", "100", "--transaction-timeout", "10000", "--enable-random-aborts");
    Harness.equal(values(read(output, 1, COMMITTED, 100)), texts(0, 100), "copied once, in order");
    return null;
  }

  static Object transactionAdmin() throws Exception {
    String topic = create(name("transactionAdmin"), 1, Map.of());
    try (Producer<byte[], byte[]> producer = producer(Map.of("transactional.id", topic))) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(plain(topic, 0)).get();
      contains(tool("TransactionsCommand", server("list")), topic, "Ongoing");
      contains(tool("TransactionsCommand", server("describe", "--transactional-id", topic)), topic + "-0", "Ongoing");
      contains(tool("TransactionsCommand", server("describe-producers", "--topic", topic, "--partition", "0")), "ProducerId");
      contains(tool("TransactionsCommand", server("find-hanging", "--broker-id", "1")), "Topic");
      producer.commitTransaction();
    }
    return null;
  }

  static Object performance() throws Exception {
    String topic = create(name("performance"), 2, Map.of());
    String produced = tool("ProducerPerformance", server("--topic", topic, "--num-records", "50000", "--record-size", "100", "--throughput", "-1"));
    contains(produced, "50000 records sent");
    String consumed = tool("ConsumerPerformance", server("--topic", topic, "--num-records", "50000", "--timeout", "15000"));
    Harness.check(consumed.lines().skip(1).anyMatch(line -> line.contains(", 5")), "consumed: " + consumed);
    return null;
  }
}
