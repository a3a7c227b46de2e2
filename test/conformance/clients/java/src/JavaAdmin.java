// The scenarios of the Java admin client.
import java.util.*;
import java.util.concurrent.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.*;
import org.apache.kafka.common.serialization.*;

class JavaAdmin extends Support {
  static Object cluster() throws Exception {
    DescribeClusterResult cluster = admin.describeCluster();
    Collection<Node> nodes = cluster.nodes().get();
    Harness.check(nodes.stream().anyMatch(n -> Harness.bootstrap.endsWith(":" + n.port())), "nodes " + nodes);
    Harness.check(nodes.stream().anyMatch(n -> n.id() == await(cluster.controller()).id()), "the controller is a node");
    Harness.check(!cluster.clusterId().get().isEmpty(), "a cluster id");
    ConfigResource node = new ConfigResource(ConfigResource.Type.BROKER, String.valueOf(nodes.iterator().next().id()));
    Config config = admin.describeConfigs(List.of(node)).all().get().get(node);
    Harness.check(config.get("num.partitions") != null, "the node's configs");
    Map<String, LogDirDescription> dirs =
        admin.describeLogDirs(List.of(nodes.iterator().next().id())).allDescriptions().get().values().iterator().next();
    Harness.check(!dirs.isEmpty(), "log dirs");
    return null;
  }

  static Object topics() throws Exception {
    String topic = create(name("topics"), 3, Map.of("retention.ms", "3600000", "max.message.bytes", "200000"));
    Harness.check(admin.listTopics().names().get().contains(topic), "it is listed");
    TopicDescription described = describe(topic);
    Harness.equal(described.partitions().size(), 3, "partitions");
    Harness.check(described.partitions().get(0).leader() != null && described.partitions().get(0).isr().size() == 1, "leader");
    Harness.equal(admin.describeTopics(TopicCollection.ofTopicIds(List.of(described.topicId()))).allTopicIds().get()
        .get(described.topicId()).name(), topic, "described by id");
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    Config config = admin.describeConfigs(List.of(resource)).all().get().get(resource);
    Harness.equal(config.get("retention.ms").value(), "3600000", "retention.ms");
    Harness.equal(config.get("max.message.bytes").value(), "200000", "max.message.bytes");
    expect(TopicExistsException.class, () -> admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get());
    expect(InvalidReplicationFactorException.class,
        () -> admin.createTopics(List.of(new NewTopic(topic + "-x", 1, (short) 9))).all().get());
    expect(InvalidTopicException.class, () -> admin.createTopics(List.of(new NewTopic("a b", 1, (short) 1))).all().get());
    admin.createTopics(List.of(new NewTopic(topic + "-x", 1, (short) 1)), new CreateTopicsOptions().validateOnly(true)).all().get();
    Harness.check(!admin.listTopics().names().get().contains(topic + "-x"), "validated only");
    admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(5))).all().get();
    Harness.until(() -> describe(topic).partitions().size() == 5, "five partitions");
    expect(InvalidPartitionsException.class, () -> admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(2))).all().get());
    admin.deleteTopics(List.of(topic)).all().get();
    Harness.until(() -> !admin.listTopics().names().get().contains(topic), "it is gone");
    expect(UnknownTopicOrPartitionException.class, () -> describe(topic));
    return null;
  }

  static Object configs() throws Exception {
    String topic = create(name("configs"), 1, Map.of());
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
    Callable<ConfigEntry> get = () -> admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms");
    alter(resource, "retention.ms", "1000000", AlterConfigOp.OpType.SET);
    Harness.until(() -> get.call().value().equals("1000000"), "the config is set");
    Harness.equal(get.call().source(), ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG, "source");
    alter(resource, "retention.ms", "", AlterConfigOp.OpType.DELETE);
    Harness.until(() -> get.call().value().equals("604800000"), "the config is the default");
    Harness.check(get.call().isDefault(), "it is a default");
    alter(resource, "cleanup.policy", "compact", AlterConfigOp.OpType.APPEND);
    Callable<Config> all = () -> admin.describeConfigs(List.of(resource), new DescribeConfigsOptions().includeSynonyms(true)
        .includeDocumentation(true)).all().get().get(resource);
    Harness.until(() -> all.call().get("cleanup.policy").value().equals("delete,compact"), "appended");
    Config config = all.call();
    Harness.check(config.get("cleanup.policy").synonyms().size() >= 1, "synonyms");
    Harness.equal(config.get("cleanup.policy").type(), ConfigEntry.ConfigType.LIST, "type");
    expect(InvalidConfigurationException.class, () -> alter(resource, "retention.ms", "x", AlterConfigOp.OpType.SET));
    expect(InvalidConfigurationException.class, () -> alter(resource, "no.such", "1", AlterConfigOp.OpType.SET));
    return null;
  }

  static Object offsets() throws Exception {
    String topic = filled("offsets");
    TopicPartition partition = new TopicPartition(topic, 0);
    Harness.equal(offset(partition, OffsetSpec.earliest()), 0L, "earliest");
    Harness.equal(offset(partition, OffsetSpec.latest()), 100L, "latest");
    Harness.equal(offset(partition, OffsetSpec.forTimestamp(Harness.START_MS + 60_500)), 61L, "by time");
    Harness.equal(offset(partition, OffsetSpec.forTimestamp(Harness.START_MS + 1_000_000)), -1L, "after the last");
    Harness.equal(offset(partition, OffsetSpec.maxTimestamp()), 99L, "largest timestamp");
    long low = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(30))).lowWatermarks().get(partition).get().lowWatermark();
    Harness.equal(low, 30L, "low watermark");
    Harness.equal(offset(partition, OffsetSpec.earliest()), 30L, "earliest then");
    Harness.equal(read(topic, 1, Map.of(), 70).get(0).offset(), 30L, "the first record");
    expect(org.apache.kafka.common.errors.OffsetOutOfRangeException.class,
        () -> admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(500))).all().get());
    return null;
  }

  static Object groups() throws Exception {
    String topic = create(name("groups"), 2, Map.of());
    String group = name("groups") + "-g";
    try (Producer<byte[], byte[]> producer = producer(Map.of())) {
      for (int i = 0; i < 10; i++) producer.send(sample(topic, i % 2, i)).get();
    }
    TopicPartition zero = new TopicPartition(topic, 0);
    TopicPartition one = new TopicPartition(topic, 1);
    Member member = new Member(topic, group, Map.of("client.id", "conformance"), ConcurrentHashMap.newKeySet());
    Harness.until(() -> member.count.get() == 10 && member.assigned.size() == 2, "ten records");
    Harness.check(admin.listGroups().all().get().stream().anyMatch(g -> g.groupId().equals(group)), "it is listed");
    ConsumerGroupDescription described = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    Harness.equal(described.groupState(), GroupState.STABLE, "state");
    MemberDescription shown = described.members().iterator().next();
    Harness.equal(shown.clientId(), "conformance", "client id");
    Harness.equal(shown.assignment().topicPartitions().size(), 2, "assignment");
    expect(GroupNotEmptyException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    member.close();
    Harness.equal(committed(group, zero), 5L, "committed");
    Harness.equal(admin.describeConsumerGroups(List.of(group)).all().get().get(group).groupState(), GroupState.EMPTY, "state");
    admin.alterConsumerGroupOffsets(group, Map.of(zero, new OffsetAndMetadata(2, Optional.empty(), "a note"))).all().get();
    OffsetAndMetadata note = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().get(zero);
    Harness.equal(note.offset() + note.metadata(), "2a note", "set by admin");
    admin.deleteConsumerGroupOffsets(group, Set.of(one)).all().get();
    Harness.equal(committed(group, one), null, "deleted offset");
    admin.deleteConsumerGroups(List.of(group)).all().get();
    Harness.check(admin.listGroups().all().get().stream().noneMatch(g -> g.groupId().equals(group)), "it is gone");
    expect(GroupIdNotFoundException.class, () -> admin.deleteConsumerGroups(List.of(group)).all().get());
    return null;
  }

  static Object transactionAdmin() throws Exception {
    String topic = create(name("transactionAdmin"), 1, Map.of());
    TopicPartition partition = new TopicPartition(topic, 0);
    try (Producer<byte[], byte[]> producer = producer(Map.of("transactional.id", topic))) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(plain(topic, 0)).get();
      TransactionListing listed = admin.listTransactions().all().get().stream()
          .filter(t -> t.transactionalId().equals(topic)).findFirst().orElseThrow();
      Harness.equal(listed.state(), TransactionState.ONGOING, "listed");
      TransactionDescription described = admin.describeTransactions(List.of(topic)).all().get().get(topic);
      Harness.equal(described.topicPartitions(), Set.of(partition), "its partitions");
      ProducerState state = producerState(partition);
      Harness.equal(state.producerId(), described.producerId(), "producer id");
      Harness.equal(state.currentTransactionStartOffset(), OptionalLong.of(0), "transaction start");
      producer.commitTransaction();
      Harness.until(() -> admin.describeTransactions(List.of(topic)).all().get().get(topic).state() == TransactionState.COMPLETE_COMMIT,
          "it is complete");
    }
    return null;
  }

  static Object hanging() throws Exception {
    String topic = create(name("hanging"), 1, Map.of());
    TopicPartition partition = new TopicPartition(topic, 0);
    try (Producer<byte[], byte[]> producer = producer(Map.of("transactional.id", topic))) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(plain(topic, 0)).get();
      ProducerState state = producerState(partition);
      admin.abortTransaction(new AbortTransactionSpec(partition, state.producerId(), (short) state.producerEpoch(), 0)).all().get();
      Harness.equal(producerState(partition).currentTransactionStartOffset(), OptionalLong.empty(), "after the abort");
    }
    return null;
  }

  static ProducerState producerState(TopicPartition partition) throws Exception {
    return admin.describeProducers(List.of(partition)).all().get().get(partition).activeProducers().get(0);
  }
}
