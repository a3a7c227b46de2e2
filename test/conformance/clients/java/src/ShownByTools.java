// What Apache Kafka's command-line tools print, read into values: for ClusterTools, which judges it.
import java.nio.file.*;
import java.util.*;
import java.util.regex.*;
import java.util.stream.*;
import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.admin.NewPartitionReassignment;

class ShownByTools extends JavaTools {
  static final String TOPICS = "TopicCommand", MOVES = "reassign.ReassignPartitionsCommand", ELECTIONS = "LeaderElectionCommand",
      QUORUM = "MetadataQuorumCommand", CONFIGS = "ConfigCommand";
  static final Set<Integer> IDS = Set.of(1, 2, 3);

  /** A line of kafka-topics --describe. No leader is -1. */
  record Row(int partition, int leader, List<Integer> replicas, List<Integer> inSync) {
    Set<Integer> inSyncSet() {
      return Set.copyOf(inSync);
    }
  }

  static final Pattern ROW = Pattern.compile("Topic: (\\S+)\\s+Partition: (\\d+)\\s+Leader: (\\S+)\\s+Replicas: (\\S+)\\s+Isr: ?([\\d,]*)");

  static List<Row> rows(String text, String topic) {
    return ROW.matcher(text).results().filter(found -> found.group(1).equals(topic)).map(found -> new Row(
        Integer.parseInt(found.group(2)), found.group(3).equals("none") ? -1 : Integer.parseInt(found.group(3)),
        ids(found.group(4)), ids(found.group(5)))).toList();
  }

  static List<Integer> ids(String text) {
    return text.isEmpty() ? List.of() : Stream.of(text.split(",")).map(Integer::valueOf).toList();
  }

  static List<Row> described(String topic, String... more) throws Exception {
    return rows(tool(TOPICS, concat(server("--describe", "--topic", topic), more)), topic);
  }

  /** Until every partition has all its copies in sync. */
  static List<Row> whole(String topic, int partitions) throws Exception {
    Harness.until(() -> {
      // Another node than made it may not know it yet.
      List<Row> rows = tool(TOPICS, server("--list")).lines().anyMatch(topic::equals) ? described(topic) : List.of();
      return rows.size() == partitions && rows.stream().allMatch(row -> row.leader() > 0 && row.inSyncSet().equals(Set.copyOf(row.replicas())));
    }, "all copies of " + topic + " are in sync");
    return described(topic);
  }

  static String refused(String name, String... arguments) {
    return Harness.failure(() -> tool(name, arguments), name + " " + String.join(" ", arguments)).getMessage();
  }

  static void assigned(String topic, String assignment) throws Exception {
    tool(TOPICS, server("--create", "--topic", topic, "--replica-assignment", assignment));
  }

  static List<List<Integer>> replicasOf(List<Row> rows) {
    return rows.stream().map(Row::replicas).toList();
  }

  /** Replicas in another order: who leads stays, and another is preferred. */
  static void reorder(String topic, List<List<Integer>> replicas) throws Exception {
    tool(MOVES, server("--execute", "--reassignment-json-file", moveFile(topic, replicas)));
    Harness.until(() -> replicasOf(described(topic)).equals(replicas), "the replicas of " + topic + " are " + replicas);
  }

  static String file(String content) throws Exception {
    Path file = Files.createTempFile(Path.of(Harness.dataFolder), "tools", ".json");
    return Files.writeString(file, content).toString();
  }

  static String moveFile(String topic, List<List<Integer>> replicas) throws Exception {
    List<String> partitions = new ArrayList<>();
    for (int i = 0; i < replicas.size(); i++)
      partitions.add("{\"topic\":\"" + topic + "\",\"partition\":" + i + ",\"replicas\":" + replicas.get(i) + "}");
    return file("{\"version\":1,\"partitions\":[" + String.join(",", partitions) + "]}");
  }

  static List<Integer> leaders(String topic) throws Exception {
    return described(topic).stream().map(Row::leader).toList();
  }

  static JsonNode partAfter(String text, String heading) throws Exception {
    return Harness.JSON.readTree(text.substring(text.indexOf(heading) + heading.length()).trim().lines().findFirst().orElseThrow());
  }

  static String verified(String file, String topic, int partitions) throws Exception {
    String[] last = {""};
    Harness.until(() -> {
      last[0] = tool(MOVES, server("--verify", "--reassignment-json-file", file));
      return IntStream.range(0, partitions).allMatch(i -> last[0].contains("Reassignment of partition " + topic + "-" + i + " is completed."));
    }, "the move of " + topic + " is completed");
    return last[0];
  }

  static String topicConfig(String topic) throws Exception {
    return tool(CONFIGS, server("--describe", "--entity-type", "topics", "--entity-name", topic));
  }

  static String nodeConfig(int id, String... more) throws Exception {
    return tool(CONFIGS, concat(server("--describe", "--entity-type", "brokers", "--entity-name", String.valueOf(id)), more));
  }

  static Map<String, String> status() throws Exception {
    Map<String, String> all = new HashMap<>();
    tool(QUORUM, "--bootstrap-server", Harness.bootstrap, "describe", "--status").lines().filter(line -> line.contains(":"))
        .forEach(line -> all.put(line.substring(0, line.indexOf(':')), line.substring(line.indexOf(':') + 1).trim()));
    return all;
  }

  /** NodeId, DirectoryId, LogEndOffset, Lag, LastFetchTimestamp, LastCaughtUpTimestamp, Status; by node. */
  static Map<Integer, String[]> replication(String... more) throws Exception {
    return tool(QUORUM, concat(new String[] {"--bootstrap-server", Harness.bootstrap, "describe", "--replication"}, more)).lines()
        .map(line -> line.trim().split("\\s*\t\\s*")).filter(row -> row[0].matches("\\d+"))
        .collect(Collectors.toMap(row -> Integer.valueOf(row[0]), row -> row));
  }

  static JsonNode jsonLine(String text) throws Exception {
    return Harness.JSON.readTree(text.lines().filter(line -> line.startsWith("{")).findFirst().orElseThrow());
  }

  static Optional<NewPartitionReassignment> move(Integer... replicas) {
    return Optional.of(new NewPartitionReassignment(List.of(replicas)));
  }
}
