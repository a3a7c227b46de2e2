// Apache Kafka's command-line tools on a cluster of three nodes, 1 to 3: what they print is compared with what was done.
// Run by parts/tools.mjs, which kills node 3 before the scenarios that say so.
import java.util.*;
import java.util.regex.*;
import java.util.stream.*;
import com.fasterxml.jackson.databind.JsonNode;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.common.TopicPartition;

public class ClusterTools extends ShownByTools {
  public static void main(String[] arguments) throws Exception {
    open(arguments, "cluster");
    catchExits();
    Map<String, Harness.Scenario> scenarios = new LinkedHashMap<>();
    scenarios.put("topics", ClusterTools::topicsOfThree);
    scenarios.put("elections", ClusterTools::elections);
    scenarios.put("moves", ClusterTools::moves);
    scenarios.put("throttledMoves", ClusterTools::throttledMoves);
    scenarios.put("quorum", ClusterTools::quorum);
    scenarios.put("topicConfigs", ClusterTools::topicConfigs);
    scenarios.put("nodeConfigs", ClusterTools::nodeConfigs);
    scenarios.put("logDirs", ClusterTools::logDirs);
    scenarios.put("versions", ClusterTools::versions);
    scenarios.put("prepareLoss", ClusterTools::prepareLoss);
    scenarios.put("copiesLost", ClusterTools::copiesLost);
    scenarios.put("voterLost", ClusterTools::voterLost);
    scenarios.put("movesThatWait", ClusterTools::movesThatWait);
    scenarios.put("copiesBack", ClusterTools::copiesBack);
    Harness.run(arguments, scenarios);
  }

  static Object topicsOfThree() throws Exception {
    String topic = name("topics");
    contains(tool(TOPICS, server("--create", "--topic", topic, "--partitions", "6", "--replication-factor", "3")), "Created topic " + topic);
    List<Row> rows = whole(topic, 6);
    Map<Integer, Long> led = rows.stream().collect(Collectors.groupingBy(Row::leader, Collectors.counting()));
    Harness.equal(led, Map.of(1, 2L, 2, 2L, 3, 2L), "partitions that each node leads");
    for (Row row : rows) {
      Harness.equal(row.leader(), row.replicas().get(0), "the leader is the first replica of " + row);
      Harness.equal(Set.copyOf(row.replicas()), IDS, "replicas of " + row);
    }
    contains(tool(TOPICS, server("--describe", "--topic", topic)), "PartitionCount: 6", "ReplicationFactor: 3");
    for (String none : List.of("--under-replicated-partitions", "--unavailable-partitions", "--under-min-isr-partitions", "--at-min-isr-partitions"))
      Harness.equal(described(topic, none), List.of(), "what has " + none);

    String placed = name("placed");
    assigned(placed, "1:2,2:3,3:1");
    Harness.equal(replicasOf(whole(placed, 3)), List.of(List.of(1, 2), List.of(2, 3), List.of(3, 1)), "replicas as they were given");
    Harness.equal(described(placed).stream().map(Row::leader).toList(), List.of(1, 2, 3), "leaders as they were given");
    tool(TOPICS, server("--alter", "--topic", placed, "--partitions", "5", "--replica-assignment", "1:2,2:3,3:1,2:1,3:2"));
    Harness.equal(replicasOf(whole(placed, 5)), List.of(List.of(1, 2), List.of(2, 3), List.of(3, 1), List.of(2, 1), List.of(3, 2)), "new partitions as they were given");
    tool(TOPICS, server("--alter", "--topic", topic, "--partitions", "8"));
    Harness.equal(whole(topic, 8).stream().map(row -> row.replicas().size()).toList(), Collections.nCopies(8, 3), "new partitions have as many copies");

    contains(refused(TOPICS, server("--alter", "--topic", topic, "--partitions", "7")), "Error while executing topic command");
    contains(refused(TOPICS, server("--create", "--topic", topic + "-4", "--partitions", "1", "--replication-factor", "4")), "Error while executing topic command");
    contains(refused(TOPICS, server("--create", "--topic", topic + "-9", "--replica-assignment", "1:9")), "Error while executing topic command");
    tool(TOPICS, server("--delete", "--topic", topic));
    Harness.until(() -> !tool(TOPICS, server("--list")).contains(topic), "it is gone");
    contains(refused(TOPICS, server("--describe", "--topic", topic)), "does not exist as expected");
    return null;
  }

  static Object elections() throws Exception {
    String topic = name("elections"), other = name("elections-other");
    for (String one : List.of(topic, other)) {
      assigned(one, "1:2:3,1:2:3");
      whole(one, 2);
      reorder(one, List.of(List.of(2, 3, 1), List.of(3, 1, 2)));
      Harness.equal(leaders(one), List.of(1, 1), "leaders after their replicas are in another order");
    }
    String[] first = server("--election-type", "preferred", "--topic", topic, "--partition", "0");
    contains(tool(ELECTIONS, first), "Successfully completed leader election (PREFERRED) for partitions " + topic + "-0");
    Harness.until(() -> leaders(topic).equals(List.of(2, 1)), "the first partition is led where it is preferred, and no other");
    contains(tool(ELECTIONS, first), "Valid replica already elected for partitions " + topic + "-0");
    String file = file("{\"partitions\":[{\"topic\":\"" + topic + "\",\"partition\":1}]}");
    contains(tool(ELECTIONS, server("--election-type", "preferred", "--path-to-json-file", file)), "Successfully completed leader election (PREFERRED) for partitions " + topic + "-1");
    Harness.until(() -> leaders(topic).equals(List.of(2, 3)), "the second partition too");
    String all = tool(ELECTIONS, server("--election-type", "preferred", "--all-topic-partitions"));
    contains(all, "Successfully completed leader election (PREFERRED) for partitions ", other + "-0", other + "-1");
    Harness.check(!all.contains(topic + "-0"), "those that need no election aren't told: " + all);
    Harness.until(() -> leaders(other).equals(List.of(2, 3)), "all are led where they are preferred");
    contains(tool(ELECTIONS, server("--election-type", "unclean", "--topic", topic, "--partition", "0")), "Valid replica already elected for partitions " + topic + "-0");
    contains(refused(ELECTIONS, server("--election-type", "preferred", "--topic", topic, "--partition", "7")), topic + "-7", "could not be");
    return null;
  }

  static Object moves() throws Exception {
    String topic = name("moves");
    assigned(topic, "1:2,2:3,3:1");
    whole(topic, 3);
    String generated = tool(MOVES, server("--generate", "--broker-list", "1,2",
        "--topics-to-move-json-file", file("{\"topics\":[{\"topic\":\"" + topic + "\"}],\"version\":1}")));
    List<List<Integer>> current = new ArrayList<>();
    for (JsonNode one : partAfter(generated, "Current partition replica assignment").get("partitions"))
      current.add(Harness.JSON.convertValue(one.get("replicas"), Harness.JSON.getTypeFactory().constructCollectionType(List.class, Integer.class)));
    Harness.equal(current, List.of(List.of(1, 2), List.of(2, 3), List.of(3, 1)), "replicas as --generate reads them");
    JsonNode proposed = partAfter(generated, "Proposed partition reassignment configuration");
    String file = file(proposed.toString());
    contains(tool(MOVES, server("--execute", "--reassignment-json-file", file)), "Successfully started partition reassignments for " + topic + "-0," + topic + "-1," + topic + "-2");
    verified(file, topic, 3);
    List<List<Integer>> wanted = new ArrayList<>();
    for (JsonNode one : proposed.get("partitions")) {
      List<Integer> replicas = new ArrayList<>();
      one.get("replicas").forEach(id -> replicas.add(id.asInt()));
      wanted.add(replicas);
      Harness.equal(Set.copyOf(replicas), Set.of(1, 2), "nodes that --generate chose");
    }
    Harness.equal(replicasOf(whole(topic, 3)), wanted, "replicas after the move");
    contains(tool(MOVES, server("--list")), "No partition reassignments found.");
    // Not where it was asked to be, and nothing under way.
    contains(tool(MOVES, server("--verify", "--reassignment-json-file", moveFile(topic, List.of(List.of(3))))),
        "There is no active reassignment of partition " + topic + "-0, but replica set is ");
    contains(refused(MOVES, server("--execute", "--reassignment-json-file", moveFile(topic, List.of(List.of(9))))), "9");
    return null;
  }

  static Object throttledMoves() throws Exception {
    String topic = name("slowed");
    assigned(topic, "1:2,2:1");
    whole(topic, 2);
    String file = moveFile(topic, List.of(List.of(3, 2), List.of(2, 3)));
    contains(tool(MOVES, server("--execute", "--throttle", "50000000", "--reassignment-json-file", file)),
        "The inter-broker throttle limit was set to 50000000 B/s", "Successfully started partition reassignments for " + topic + "-0," + topic + "-1");
    contains(topicConfig(topic), "leader.replication.throttled.replicas=0:1,0:2,1:1,1:2", "follower.replication.throttled.replicas=0:3,1:3");
    for (int id : IDS)
      contains(nodeConfig(id), "leader.replication.throttled.rate=50000000", "follower.replication.throttled.rate=50000000");
    String done = verified(file, topic, 2);
    contains(done, "Clearing broker-level throttles on brokers 1,2,3", "Clearing topic-level throttles on topic " + topic);
    Harness.until(() -> !topicConfig(topic).contains("throttled"), "the topic has no throttle any more");
    for (int id : IDS) Harness.until(() -> !nodeConfig(id).contains("throttled"), "node " + id + " has no throttle any more");
    Harness.equal(replicasOf(whole(topic, 2)), List.of(List.of(3, 2), List.of(2, 3)), "replicas after the move");
    return null;
  }

  static Object quorum() throws Exception {
    Map<String, String> status = status();
    String clusterId = tool("ClusterTool", "cluster-id", "--bootstrap-server", Harness.bootstrap).trim();
    Harness.equal(clusterId, "Cluster ID: " + status.get("ClusterId"), "the cluster's id");
    int leader = Integer.parseInt(status.get("LeaderId"));
    Harness.check(IDS.contains(leader), "leader " + leader);
    Harness.check(Integer.parseInt(status.get("LeaderEpoch")) > 0, "epoch " + status);
    Harness.check(Long.parseLong(status.get("HighWatermark")) > 0, "high watermark " + status);
    List<Integer> voters = new ArrayList<>();
    for (JsonNode voter : Harness.JSON.readTree(status.get("CurrentVoters"))) {
      voters.add(voter.get("id").asInt());
      Harness.check(voter.get("endpoints").get(0).asText().matches("CONTROLLER://127\\.0\\.0\\.1:\\d+"), "endpoint of " + voter);
    }
    Harness.equal(Set.copyOf(voters), IDS, "voters");
    Harness.equal(status.get("CurrentObservers"), "[]", "observers");
    Harness.until(() -> status().get("MaxFollowerLag").equals("0"), "no voter lags");
    Harness.until(() -> replication().values().stream().allMatch(row -> row[3].equals("0")), "no replica lags");
    Map<Integer, String[]> replicas = replication();
    Harness.equal(replicas.keySet(), IDS, "replicas");
    for (String[] row : replicas.values()) {
      Harness.equal(row[6], row[0].equals(String.valueOf(leader)) ? "Leader" : "Follower", "status of " + row[0]);
      for (int time : new int[] {4, 5}) {
        long ageMs = System.currentTimeMillis() - Long.parseLong(row[time]);
        Harness.check(ageMs >= 0 && ageMs < 5_000, "node " + row[0] + " was heard of " + ageMs + " ms ago");
      }
    }
    for (String[] row : replication("--human-readable").values()) Harness.check(row[4].matches("\\d+ ms ago"), row[4]);
    return null;
  }

  static Object topicConfigs() throws Exception {
    String topic = name("configs");
    tool(TOPICS, server("--create", "--topic", topic, "--partitions", "1", "--replication-factor", "3", "--config", "segment.bytes=2000000"));
    String[] entity = server("--entity-type", "topics", "--entity-name", topic);
    contains(topicConfig(topic), "Dynamic configs for topic " + topic + " are:",
        "segment.bytes=2000000 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:segment.bytes=2000000, DEFAULT_CONFIG:log.segment.bytes=1073741824}");
    tool(CONFIGS, concat(entity, "--alter", "--add-config", "retention.ms=1000000,cleanup.policy=[compact,delete],leader.replication.throttled.replicas=*"));
    Harness.until(() -> topicConfig(topic).contains("retention.ms=1000000"), "the settings of the topic");
    contains(topicConfig(topic), "retention.ms=1000000", "cleanup.policy=compact,delete", "leader.replication.throttled.replicas=*", "segment.bytes=2000000");
    contains(tool(TOPICS, server("--describe", "--topic", topic)), "retention.ms=1000000", "cleanup.policy=compact,delete");
    contains(tool(CONFIGS, concat(entity, "--describe", "--all")), "min.insync.replicas=2", "STATIC_BROKER_CONFIG:min.insync.replicas=2",
        "DEFAULT_CONFIG:min.insync.replicas=1", "follower.replication.throttled.replicas= ");
    contains(refused(CONFIGS, concat(entity, "--alter", "--add-config", "retention.ms=soon")), "InvalidConfigurationException");
    contains(refused(CONFIGS, concat(entity, "--alter", "--add-config", "no.such=1")), "InvalidConfigurationException");
    contains(refused(CONFIGS, concat(entity, "--alter", "--add-config", "leader.replication.throttled.replicas=first")), "InvalidConfigurationException");
    tool(CONFIGS, concat(entity, "--alter", "--delete-config", "retention.ms,cleanup.policy,leader.replication.throttled.replicas"));
    Harness.until(() -> topicConfig(topic).trim().lines().count() == 2, "only what the topic was made with is left");
    return null;
  }

  static Object nodeConfigs() throws Exception {
    String[] two = server("--alter", "--entity-type", "brokers", "--entity-name", "2"), all = server("--alter", "--entity-type", "brokers", "--entity-default");
    String[] everyone = server("--describe", "--entity-type", "brokers", "--entity-default");
    tool(CONFIGS, concat(two, "--add-config", "log.retention.ms=7200000,follower.replication.throttled.rate=1000"));
    Harness.until(() -> nodeConfig(2).contains("log.retention.ms=7200000"), "the setting of node 2");
    contains(nodeConfig(2), "Dynamic configs for broker 2 are:", "DYNAMIC_BROKER_CONFIG:log.retention.ms=7200000", "follower.replication.throttled.rate=1000");
    Harness.check(!nodeConfig(1).contains("log.retention.ms"), "node 1 has none of it");
    tool(CONFIGS, concat(all, "--add-config", "log.retention.ms=3600000,message.max.bytes=2000000"));
    Harness.until(() -> tool(CONFIGS, everyone).contains("log.retention.ms=3600000"), "the setting of all nodes");
    for (int id : List.of(1, 3))
      Harness.until(() -> nodeConfig(id, "--all").contains("log.retention.ms=3600000 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=3600000"), "it holds on node " + id);
    Harness.until(() -> nodeConfig(2, "--all").contains("synonyms={DYNAMIC_BROKER_CONFIG:log.retention.ms=7200000, DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=3600000"), "node 2 has its own first");
    String every = tool(CONFIGS, server("--describe", "--entity-type", "brokers"));
    contains(every, "Dynamic configs for broker 1 are:", "Dynamic configs for broker 2 are:", "Dynamic configs for broker 3 are:");
    contains(refused(CONFIGS, concat(two, "--add-config", "message.max.bytes=many")), "message.max.bytes");
    contains(refused(CONFIGS, concat(two, "--add-config", "node.id=9")), "InvalidRequestException");
    tool(CONFIGS, concat(two, "--delete-config", "log.retention.ms,follower.replication.throttled.rate"));
    tool(CONFIGS, concat(all, "--delete-config", "log.retention.ms,message.max.bytes"));
    // Apache Kafka keeps a min.insync.replicas of all nodes by itself (KIP-966).
    Harness.until(() -> Stream.of(nodeConfig(2), tool(CONFIGS, everyone)).noneMatch(text -> text.matches("(?s).*(retention|throttled|max\\.bytes).*")), "nothing is set any more");
    for (int id : IDS) contains(nodeConfig(id, "--all"), "node.id=" + id + " ", "num.partitions=4 ");
    return null;
  }

  static Object logDirs() throws Exception {
    String topic = name("logDirs");
    assigned(topic, "1:2,2:3");
    whole(topic, 2);
    try (Producer<byte[], byte[]> producer = producer(Map.of("acks", "all"))) {
      for (int i = 0; i < 100; i++) producer.send(plain(topic, i));
    }
    String[] asked = server("--describe", "--topic-list", topic);
    Map<String, Set<Integer>> wanted = Map.of(topic + "-0", Set.of(1, 2), topic + "-1", Set.of(2, 3));
    Harness.until(() -> {
      Map<String, Set<Integer>> found = new HashMap<>();
      Map<String, Set<Long>> sizes = new HashMap<>();
      for (JsonNode node : jsonLine(tool("LogDirsCommand", asked)).get("brokers"))
        for (JsonNode dir : node.get("logDirs")) {
          Harness.check(dir.get("error").isNull() && dir.get("logDir").asText().startsWith("/"), "folder " + dir);
          for (JsonNode one : dir.get("partitions")) {
            found.computeIfAbsent(one.get("partition").asText(), name -> new HashSet<>()).add(node.get("broker").asInt());
            sizes.computeIfAbsent(one.get("partition").asText(), name -> new HashSet<>()).add(one.get("size").asLong());
            Harness.check(!one.get("isFuture").asBoolean(), "no copy is a future one");
          }
        }
      Harness.equal(found, wanted, "nodes with each partition");
      // What one has written another has: the copies are of one size, and those that were written to aren't empty.
      return sizes.values().stream().allMatch(each -> each.size() == 1) && sizes.values().stream().flatMap(Set::stream).mapToLong(Long::longValue).sum() > 500;
    }, "copies are of one size");
    JsonNode some = jsonLine(tool("LogDirsCommand", concat(asked, "--broker-list", "3")));
    Harness.equal(some.get("brokers").size(), 1, "nodes that were asked for");
    Harness.equal(some.get("brokers").get(0).get("logDirs").get(0).get("partitions").size(), 1, "partitions on node 3");
    return null;
  }

  static Object versions() throws Exception {
    Map<Integer, String> byNode = new TreeMap<>();
    String text = tool("BrokerApiVersionsCommand", server());
    Matcher found = Pattern.compile("127\\.0\\.0\\.1:\\d+ \\(id: (\\d+) rack: null isFenced: false\\) -> \\((.*?)\\n\\)", Pattern.DOTALL).matcher(text);
    while (found.find()) byNode.put(Integer.valueOf(found.group(1)), found.group(2));
    Harness.equal(byNode.keySet(), IDS, "nodes that answer");
    Harness.equal(Set.copyOf(byNode.values()).size(), 1, "nodes of one version serve the same");
    contains(byNode.get(1), "Produce(0): ", "Fetch(1): ", "ElectLeaders(43): 0 to 2", "AlterPartitionReassignments(45): 0 to 1", "DescribeQuorum(55): 0 to 2");
    String endpoints = tool("ClusterTool", "list-endpoints", "--bootstrap-server", Harness.bootstrap);
    Harness.equal(endpoints.lines().skip(1).map(line -> Integer.valueOf(line.trim().split("\\s+")[0])).collect(Collectors.toSet()), IDS, "nodes with an address");
    return null;
  }

  /** What is looked at once node 3 is killed. */
  static Object prepareLoss() throws Exception {
    assigned(name("lost"), "1:2:3,3:1:2");
    whole(name("lost"), 2);
    assigned(name("alone"), "3,1");
    whole(name("alone"), 2);
    return null;
  }

  static Object copiesLost() throws Exception {
    String topic = name("lost");
    Harness.until(() -> described(topic).stream().noneMatch(row -> row.inSync().contains(3) || row.leader() == 3), "node 3 is out of all that has another copy");
    List<Row> rows = described(topic);
    Harness.equal(replicasOf(rows), List.of(List.of(1, 2, 3), List.of(3, 1, 2)), "replicas stay where they are");
    Harness.equal(rows.stream().map(Row::inSyncSet).toList(), Collections.nCopies(2, Set.of(1, 2)), "copies in sync");
    Harness.equal(rows.stream().map(Row::leader).toList(), List.of(1, 1), "the next replica in sync leads");
    Harness.equal(described(topic, "--under-replicated-partitions"), rows, "under-replicated partitions");
    Harness.equal(described(topic, "--at-min-isr-partitions"), rows, "partitions with just as many as must be in sync");
    Harness.equal(described(topic, "--under-min-isr-partitions"), List.of(), "partitions with fewer");
    String alone = name("alone");
    Harness.until(() -> leaders(alone).equals(List.of(-1, 1)), "its only copy is away");
    // In sync is the last copy that was; with KIP-966 it is in another column instead.
    List<Row> away = described(alone, "--unavailable-partitions");
    Harness.equal(away.stream().map(row -> new Row(row.partition(), row.leader(), row.replicas(), List.of())).toList(), List.of(new Row(0, -1, List.of(3), List.of())), "partitions without a leader");
    Harness.check(Set.of(3).containsAll(away.get(0).inSync()), "copies in sync of " + away);
    contains(refused(ELECTIONS, server("--election-type", "preferred", "--topic", topic, "--partition", "1")), topic + "-1", "could not be");
    return null;
  }

  static Object voterLost() throws Exception {
    Harness.until(() -> Long.parseLong(replication().get(3)[3]) > 0, "the log goes on without node 3");
    Map<String, String> status = status();
    Harness.check(!status.get("LeaderId").equals("3"), "the leader is another");
    Harness.check(Long.parseLong(status.get("MaxFollowerLag")) > 0, "a voter lags: " + status);
    Map<Integer, String[]> replicas = replication();
    Harness.equal(replicas.keySet(), IDS, "it is a voter all the same");
    Harness.equal(replicas.get(3)[6], "Follower", "status of node 3");
    return null;
  }

  static Object movesThatWait() throws Exception {
    String topic = name("waiting");
    assigned(topic, "1:2,2:1");
    whole(topic, 2);
    String file = moveFile(topic, List.of(List.of(1, 3), List.of(2, 1, 3)));
    // The tool itself refuses to move anything to a node that is away.
    contains(refused(MOVES, server("--execute", "--reassignment-json-file", file)), "Unknown broker id 3");
    admin.alterPartitionReassignments(Map.of(new TopicPartition(topic, 0), move(1, 3), new TopicPartition(topic, 1), move(2, 1, 3))).all().get();
    contains(tool(MOVES, server("--list")), "Current partition reassignments:", topic + "-0: replicas: 1,3,2. adding: 3. removing: 2.", topic + "-1: replicas: 2,1,3. adding: 3.");
    contains(tool(MOVES, server("--verify", "--reassignment-json-file", file)), "Reassignment of partition " + topic + "-0 is still in progress.", topic + "-1 is still in progress.");
    Harness.equal(described(topic).stream().map(Row::inSyncSet).toList(), Collections.nCopies(2, Set.of(1, 2)), "copies in sync meanwhile");
    contains(tool(TOPICS, server("--describe", "--topic", topic)), "Adding Replicas: 3", "Removing Replicas: 2");
    contains(refused(MOVES, server("--execute", "--reassignment-json-file", moveFile(topic, List.of(List.of(2, 1))))), "Cannot execute because there is an existing partition assignment");
    contains(tool(MOVES, server("--cancel", "--preserve-throttles", "--reassignment-json-file", file)), "Successfully cancelled partition reassignments for: " + topic + "-0," + topic + "-1");
    contains(tool(MOVES, server("--list")), "No partition reassignments found.");
    Harness.equal(replicasOf(described(topic)).stream().map(Set::copyOf).toList(), Collections.nCopies(2, Set.of(1, 2)), "replicas as they were");
    contains(tool(MOVES, server("--cancel", "--preserve-throttles", "--reassignment-json-file", file)), "None of the specified partition reassignments are active.");
    return null;
  }

  static Object copiesBack() throws Exception {
    whole(name("lost"), 2);
    whole(name("alone"), 2);
    Harness.equal(described(name("lost"), "--under-replicated-partitions"), List.of(), "under-replicated partitions");
    Harness.equal(leaders(name("alone")), List.of(3, 1), "its only copy leads again");
    tool(ELECTIONS, server("--election-type", "preferred", "--topic", name("lost"), "--partition", "1"));
    Harness.until(() -> leaders(name("lost")).equals(List.of(1, 3)), "it leads where it is preferred");
    Harness.until(() -> status().get("MaxFollowerLag").equals("0"), "no voter lags");
    return null;
  }
}
