// The scenarios of kadm, the admin client.
package main

import (
	"net"
	"strconv"

	. "millrace.test/conformance/harness"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

func cluster() string {
	metadata := Must(admin.BrokerMetadata(ctx))
	_, port, _ := net.SplitHostPort(Bootstrap)
	number, _ := strconv.Atoi(port)
	Equal(int(metadata.Brokers[0].Port), number, "port")
	isBroker := false
	for _, broker := range metadata.Brokers {
		isBroker = isBroker || broker.NodeID == metadata.Controller
	}
	Equal(isBroker, true, "controller is one of the brokers")
	Check(metadata.Cluster != "", "a cluster id")
	versions := Must(admin.ApiVersions(ctx))
	for _, broker := range versions {
		OK(broker.Err)
		min, max, there := broker.KeyVersions(1)
		Check(there && min <= 4 && max >= 11, "Fetch %d to %d", min, max)
	}
	return ""
}

func topics() string {
	topic := create(name("topics"), 3, map[string]*string{"retention.ms": ptr("3600000"), "max.message.bytes": ptr("200000")})
	details := Must(admin.ListTopics(ctx))
	Check(details.Has(topic), "it is listed")
	Equal(len(details[topic].Partitions), 3, "partitions")
	configs := Must(admin.DescribeTopicConfigs(ctx, topic))
	values := map[string]string{}
	for _, c := range configs[0].Configs {
		values[c.Key] = c.MaybeValue()
	}
	Equal([]string{values["retention.ms"], values["max.message.bytes"]}, []string{"3600000", "200000"}, "configs")
	_, err := admin.CreateTopic(ctx, 1, 1, nil, topic)
	ErrorIs(err, kerr.TopicAlreadyExists)
	OK(Must(admin.UpdatePartitions(ctx, 5, topic)).Error())
	Until(func() bool { return len(Must(admin.ListTopics(ctx, topic))[topic].Partitions) == 5 }, "five partitions")
	ErrorIs(Must(admin.UpdatePartitions(ctx, 2, topic)).Error(), kerr.InvalidPartitions)
	Must(admin.DeleteTopic(ctx, topic))
	Until(func() bool { return !Must(admin.ListTopics(ctx)).Has(topic) }, "it is gone")
	_, err = admin.DeleteTopic(ctx, topic)
	ErrorIs(err, kerr.UnknownTopicOrPartition)
	return ""
}

func configs() string {
	topic := create(name("configs"), 1, nil)
	get := func() string {
		for _, c := range Must(admin.DescribeTopicConfigs(ctx, topic))[0].Configs {
			if c.Key == "retention.ms" {
				return c.MaybeValue()
			}
		}
		return ""
	}
	alter := func(op kadm.IncrementalOp, value *string) error {
		answers := Must(admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: op, Name: "retention.ms", Value: value}}, topic))
		return answers[0].Err
	}
	OK(alter(kadm.SetConfig, ptr("1000000")))
	Until(func() bool { return get() == "1000000" }, "the config is set")
	OK(alter(kadm.DeleteConfig, nil))
	Until(func() bool { return get() == "604800000" }, "the config is the default")
	ErrorIs(alter(kadm.SetConfig, ptr("x")), kerr.InvalidConfig)
	state := Must(admin.AlterTopicConfigsState(ctx, []kadm.AlterConfig{{Name: "retention.ms", Value: ptr("2000000")}}, topic))
	OK(state[0].Err)
	Until(func() bool { return get() == "2000000" }, "the state is set")
	return ""
}

func offsets() string {
	topic := create(name("offsets"), 1, nil)
	write(Plains(topic, 0, 100))
	at := func(listed kadm.ListedOffsets, err error) int64 {
		OK(err)
		OK(listed.Error())
		offset, _ := listed.Lookup(topic, 0)
		return offset.Offset
	}
	Equal(at(admin.ListStartOffsets(ctx, topic)), int64(0), "earliest")
	Equal(at(admin.ListEndOffsets(ctx, topic)), int64(100), "latest")
	Equal(at(admin.ListOffsetsAfterMilli(ctx, StartMs+60_500, topic)), int64(61), "by time")
	Equal(at(admin.ListMaxTimestampOffsets(ctx, topic)), int64(99), "largest timestamp")
	var until kadm.Offsets
	until.AddOffset(topic, 0, 30, -1)
	answers := Must(admin.DeleteRecords(ctx, until))
	OK(answers.Error())
	Equal(answers[topic][0].LowWatermark, int64(30), "low watermark")
	Equal(at(admin.ListStartOffsets(ctx, topic)), int64(30), "earliest then")
	Equal(read(70, topicOf(topic), start())[0].Offset, int64(30), "the first record")
	return ""
}

func groups() string {
	topic, group := create(name("groups"), 2, nil), name("groups")+"-g"
	write(Samples(topic, 10, 2))
	seen := &Seen{}
	m := join(topic, group, seen)
	Until(func() bool { return seen.Len() == 10 }, "ten records")
	listed := Must(admin.ListGroups(ctx))
	Equal(listed[group].ProtocolType, "consumer", "listed")
	described := Must(admin.DescribeGroups(ctx, group))[group]
	Equal([]any{described.State, len(described.Members), described.Members[0].ClientID}, []any{"Stable", 1, "conformance"}, "described")
	Equal(len(described.AssignedPartitions()[topic]), 2, "assignment")
	_, err := admin.DeleteGroup(ctx, group)
	ErrorIs(err, kerr.NonEmptyGroup)
	m.leave()
	Equal(Must(admin.DescribeGroups(ctx, group))[group].State, "Empty", "state without members")
	fetched := Must(admin.FetchOffsets(ctx, group))
	offset, _ := fetched.Lookup(topic, 0)
	Equal(offset.At, int64(5), "committed")
	lag := Must(admin.Lag(ctx, group))
	Equal(lag[group].Lag.Total(), int64(0), "lag")
	var set kadm.Offsets
	set.Add(kadm.Offset{Topic: topic, Partition: 0, At: 2, LeaderEpoch: -1, Metadata: "a note"})
	OK(admin.CommitAllOffsets(ctx, group, set))
	fetched = Must(admin.FetchOffsets(ctx, group))
	offset, _ = fetched.Lookup(topic, 0)
	Equal([]any{offset.At, offset.Metadata}, []any{int64(2), "a note"}, "set by admin")
	var one kadm.TopicsSet
	one.Add(topic, 1)
	OK(Must(admin.DeleteOffsets(ctx, group, one)).Error())
	fetched = Must(admin.FetchOffsets(ctx, group))
	_, there := fetched.Lookup(topic, 1)
	Check(!there, "the offset is deleted")
	Must(admin.DeleteGroup(ctx, group))
	_, there = Must(admin.ListGroups(ctx))[group]
	Check(!there, "it is gone")
	_, err = admin.DeleteGroup(ctx, group)
	ErrorIs(err, kerr.GroupIDNotFound)
	return ""
}

func transactionAdmin() string {
	topic := create(name("transactionAdmin"), 1, nil)
	cl := client(kgo.TransactionalID(topic))
	defer cl.Close()
	OK(cl.BeginTransaction())
	send(cl, Plains(topic, 0, 1))
	listed := Must(admin.ListTransactions(ctx, nil, nil))
	Equal(listed[topic].State, "Ongoing", "listed")
	described := Must(admin.DescribeTransactions(ctx, topic))
	Equal(described[topic].Topics.Sorted()[0].Topic, topic, "described")
	producers := Must(admin.DescribeProducers(ctx, kadm.TopicsSet{topic: {0: {}}}))
	for _, p := range producers[topic].Partitions[0].ActiveProducers {
		Equal([]int64{p.ProducerID, p.CurrentTxnStartOffset}, []int64{listed[topic].ProducerID, 0}, "producer")
	}
	OK(cl.EndTransaction(ctx, kgo.TryCommit))
	Until(func() bool { return Must(admin.ListTransactions(ctx, nil, nil))[topic].State == "CompleteCommit" }, "it is complete")
	return ""
}
