// segmentio/kafka-go through the scenarios. Its requests have fixed versions, whatever a node offers.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	. "millrace.test/conformance/harness"

	"github.com/segmentio/kafka-go"
)

var (
	ctx    = context.Background()
	client = &kafka.Client{Addr: kafka.TCP(Bootstrap), Timeout: 20 * time.Second}
	codecs = map[string]kafka.Compression{"none": 0, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd}
)

func name(scenario string) string { return Name("segmentio", scenario) }

func create(topic string, partitions int, configs map[string]string) string {
	OK(tryCreate(topic, partitions, configs))
	// The client asks for a leader once and gives up on a topic that isn't everywhere yet.
	Until(func() bool { return partitionsOf(topic) == partitions }, "the topic is there")
	return topic
}

func tryCreate(topic string, partitions int, configs map[string]string) error {
	config := kafka.TopicConfig{Topic: topic, NumPartitions: partitions, ReplicationFactor: 1}
	for key, value := range configs {
		config.ConfigEntries = append(config.ConfigEntries, kafka.ConfigEntry{ConfigName: key, ConfigValue: value})
	}
	answer := Must(client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{config}}))
	return answer.Errors[topic]
}

func partitionsOf(topic string) int {
	answer := Must(client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}}))
	if answer.Topics[0].Error != nil {
		return 0
	}
	for _, p := range answer.Topics[0].Partitions {
		if p.Error != nil {
			return 0
		}
	}
	return len(answer.Topics[0].Partitions)
}

func out(r Record) kafka.Message {
	m := kafka.Message{Topic: r.Topic, Key: r.Key, Value: r.Value, Time: time.UnixMilli(r.TimestampMs), WriterData: int(r.Partition)}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, kafka.Header{Key: h.Name, Value: h.Value})
	}
	return m
}

func in(m kafka.Message) Record {
	r := Record{Topic: m.Topic, Partition: int32(m.Partition), Offset: m.Offset, Key: m.Key, Value: m.Value, TimestampMs: m.Time.UnixMilli()}
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, Header{Name: h.Key, Value: h.Value})
	}
	return r
}

func writer(options ...func(*kafka.Writer)) *kafka.Writer {
	w := &kafka.Writer{
		Addr: kafka.TCP(Bootstrap), RequiredAcks: kafka.RequireAll, BatchTimeout: 5 * time.Millisecond, BatchSize: 1_000,
		Balancer: kafka.BalancerFunc(func(m kafka.Message, _ ...int) int { return m.WriterData.(int) }),
	}
	for _, o := range options {
		o(w)
	}
	return w
}

func send(w *kafka.Writer, records []Record) error {
	var messages []kafka.Message
	for _, r := range records {
		messages = append(messages, out(r))
	}
	return w.WriteMessages(ctx, messages...)
}

func write(records []Record, options ...func(*kafka.Writer)) {
	w := writer(options...)
	OK(send(w, records))
	OK(w.Close())
}

func compressed(codec string) func(*kafka.Writer) {
	return func(w *kafka.Writer) { w.Compression = codecs[codec] }
}

func reader(topic string, partition int, offset int64) *kafka.Reader {
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{Bootstrap}, Topic: topic, Partition: partition, MaxWait: 200 * time.Millisecond, MaxBytes: 10_000_000,
	})
	OK(r.SetOffset(offset))
	return r
}

func read(topic string, partition int, offset int64, count int) []Record {
	r := reader(topic, partition, offset)
	defer r.Close()
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var records []Record
	for len(records) < count {
		records = append(records, in(Must(r.ReadMessage(limit))))
	}
	return records
}

// member reads with a group and commits each message as it goes.
type member struct {
	reader *kafka.Reader
	mu     sync.Mutex
	owned  map[int32]int64
	cancel func()
	done   chan struct{}
}

func join(topic, group string, seen *Seen) *member {
	live, cancel := context.WithCancel(ctx)
	m := &member{owned: map[int32]int64{}, cancel: cancel, done: make(chan struct{})}
	m.reader = kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{Bootstrap}, GroupID: group, Topic: topic, MaxWait: 200 * time.Millisecond, MaxBytes: 10_000_000,
		HeartbeatInterval: 300 * time.Millisecond, StartOffset: kafka.FirstOffset, CommitInterval: 200 * time.Millisecond,
		GroupBalancers: []kafka.GroupBalancer{kafka.RangeGroupBalancer{}},
	})
	go func() {
		defer close(m.done)
		for {
			message, err := m.reader.FetchMessage(live)
			if err != nil {
				return
			}
			m.mu.Lock()
			m.owned[int32(message.Partition)] = message.Offset
			m.mu.Unlock()
			seen.Add(int32(message.Partition), message.Offset)
			_ = m.reader.CommitMessages(live, message)
		}
	}()
	return m
}

func (m *member) leave() {
	m.cancel()
	<-m.done
	_ = m.reader.Close()
}

func main() {
	Run(map[string]func() string{
		"cluster": cluster, "topics": topics, "configs": configs, "roundtrip": roundtrip, "seek": seek, "offsets": offsets,
		"group": group, "groups": groups, "large": large, "crossWrite": crossWrite, "crossRead": crossRead,
	})
}

func cluster() string {
	answer := Must(client.Metadata(ctx, &kafka.MetadataRequest{}))
	Equal(fmt.Sprintf("%s:%d", answer.Brokers[0].Host, answer.Brokers[0].Port), Bootstrap, "address")
	isBroker := false
	for _, broker := range answer.Brokers {
		isBroker = isBroker || broker.ID == answer.Controller.ID
	}
	Equal(isBroker, true, "controller is one of the brokers")
	versions := Must(client.ApiVersions(ctx, &kafka.ApiVersionsRequest{}))
	OK(versions.Error)
	connection := Must(kafka.Dial("tcp", Bootstrap))
	defer connection.Close()
	Check(len(Must(connection.ReadPartitions())) >= 0, "partitions")
	return ""
}

func topics() string {
	topic := create(name("topics"), 3, map[string]string{"retention.ms": "3600000"})
	answer := Must(client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms"}},
	}}))
	Equal(answer.Resources[0].ConfigEntries[0].ConfigValue, "3600000", "retention.ms")
	ErrorIs(tryCreate(topic, 1, nil), kafka.TopicAlreadyExists)
	grown := Must(client.CreatePartitions(ctx, &kafka.CreatePartitionsRequest{Topics: []kafka.TopicPartitionsConfig{{Name: topic, Count: 5}}}))
	OK(grown.Errors[topic])
	Until(func() bool { return partitionsOf(topic) == 5 }, "five partitions")
	OK(Must(client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: []string{topic}})).Errors[topic])
	Until(func() bool {
		for _, t := range Must(client.Metadata(ctx, &kafka.MetadataRequest{})).Topics {
			if t.Name == topic {
				return false
			}
		}
		return true
	}, "it is gone")
	return ""
}

func configs() string {
	topic := create(name("configs"), 1, nil)
	get := func() string {
		answer := Must(client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
			{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms"}},
		}}))
		return answer.Resources[0].ConfigEntries[0].ConfigValue
	}
	alter := func(value string) error {
		answer := Must(client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: value, ConfigOperation: kafka.ConfigOperationSet}},
		}}}))
		return answer.Resources[0].Error
	}
	OK(alter("1000000"))
	Until(func() bool { return get() == "1000000" }, "the config is set")
	ErrorIs(alter("x"), kafka.InvalidConfiguration)
	return ""
}

func roundtrip() string {
	readBack := func(topic string, count int) []Record {
		var records []Record
		for p := 0; p < 3; p++ {
			records = append(records, read(topic, p, kafka.FirstOffset, count/3)...)
		}
		return records
	}
	for _, codec := range Codecs {
		topic := create(name("roundtrip")+codec, 3, nil)
		write(Samples(topic, 300, 3), compressed(codec))
		CheckRoundtrip(readBack(topic, 300), 300, codec)
	}
	for _, acks := range []kafka.RequiredAcks{kafka.RequireNone, kafka.RequireOne, kafka.RequireAll} {
		topic := create(fmt.Sprintf("%sacks%d", name("roundtrip"), acks), 3, nil)
		// Without acknowledgement, records to a partition whose leader isn't known everywhere yet may be lost.
		samples := Samples(topic, 30, 3)
		write(samples[:3])
		write(samples[3:], func(w *kafka.Writer) { w.RequiredAcks = acks })
		CheckRoundtrip(readBack(topic, 30), 30, fmt.Sprint("acks ", acks))
	}
	return fmt.Sprint(Codecs)
}

func filled(scenario string) string {
	topic := create(name(scenario), 1, nil)
	write(Plains(topic, 0, 100))
	return topic
}

func seek() string {
	topic := filled("seek")
	Equal(read(topic, 0, 40, 1)[0].Offset, int64(40), "from an offset")
	r := reader(topic, 0, 0)
	defer r.Close()
	OK(r.SetOffsetAt(ctx, time.UnixMilli(StartMs+60_500)))
	Equal(Must(r.ReadMessage(ctx)).Offset, int64(61), "from a time")
	OK(r.SetOffset(kafka.LastOffset))
	lag := Must(r.ReadLag(ctx))
	Check(lag >= 0, "lag %d", lag)
	time.AfterFunc(time.Second, func() { write(Plains(topic, 100, 1)) })
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	Equal(Must(r.ReadMessage(limit)).Offset, int64(100), "from the end")
	return ""
}

func offsets() string {
	topic := filled("offsets")
	answer := Must(client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0), kafka.TimeOffsetOf(0, time.UnixMilli(StartMs+60_500))},
	}}))
	p := answer.Topics[topic][0]
	Equal([]int64{p.FirstOffset, p.LastOffset}, []int64{0, 100}, "earliest and latest")
	_, there := p.Offsets[61]
	Check(there, "by time: %v", p.Offsets)
	return ""
}

func group() string {
	topic, id := create(name("group"), 4, nil), name("group")+"-g"
	seen := &Seen{}
	first := join(topic, id, seen)
	var second *member
	each := RecordCount / len(Codecs)
	for c, codec := range Codecs {
		write(Samples(topic, each, 4), compressed(codec))
		if c == 2 {
			second = join(topic, id, seen)
		}
	}
	Until(func() bool { return seen.Len() == each*len(Codecs) }, "all records: %d", seen.Len())
	Until(func() bool {
		described := Must(client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{id}})).Groups[0]
		owners := map[int]int{}
		for _, m := range described.Members {
			for _, t := range m.MemberAssignments.Topics {
				for _, p := range t.Partitions {
					owners[p]++
				}
			}
		}
		return described.GroupState == "Stable" && len(described.Members) == 2 && len(owners) == 4
	}, "each partition has an owner")
	first.leave()
	second.leave()
	// What a member has consumed before a rebalance, this client commits after it, under the new generation: it may put back
	// what the new owner has committed, and no coordinator can tell. So what is committed may be less than what was seen, and
	// a third member goes on from exactly there.
	fetched := Must(client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: id, Topics: map[string][]int{topic: {0, 1, 2, 3}}}))
	wanted := each*len(Codecs) + 100
	for _, p := range fetched.Topics[topic] {
		OK(p.Error)
		Check(p.CommittedOffset > 0, "partition %d is committed to %d", p.Partition, p.CommittedOffset)
		wanted -= int(p.CommittedOffset)
	}
	write(Samples(topic, 100, 4))
	resumed := &Seen{}
	third := join(topic, id, resumed)
	Until(func() bool { return resumed.Len() >= wanted }, "%d records after the restart", wanted)
	time.Sleep(500 * time.Millisecond)
	third.leave()
	Equal(resumed.Total(), wanted, "records after the restart")
	return ""
}

func groups() string {
	topic, id := create(name("groups"), 2, nil), name("groups")+"-g"
	write(Samples(topic, 10, 2))
	seen := &Seen{}
	m := join(topic, id, seen)
	Until(func() bool { return seen.Len() == 10 }, "ten records")
	described := func() kafka.DescribeGroupsResponseGroup {
		return Must(client.DescribeGroups(ctx, &kafka.DescribeGroupsRequest{GroupIDs: []string{id}})).Groups[0]
	}
	listed := func() bool {
		for _, g := range Must(client.ListGroups(ctx, &kafka.ListGroupsRequest{})).Groups {
			if g.GroupID == id {
				return true
			}
		}
		return false
	}
	Equal([]any{described().GroupState, len(described().Members)}, []any{"Stable", 1}, "described")
	Check(listed(), "it is listed")
	remove := func() error {
		return Must(client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{id}})).Errors[id]
	}
	ErrorIs(remove(), kafka.NonEmptyGroup)
	time.Sleep(500 * time.Millisecond)
	m.leave()
	Until(func() bool { return described().GroupState == "Empty" }, "state without members")
	fetched := Must(client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: id, Topics: map[string][]int{topic: {0, 1}}}))
	Equal(fetched.Topics[topic][0].CommittedOffset, int64(5), "committed")
	OK(remove())
	Check(!listed(), "it is gone")
	return ""
}

func large() string {
	topic := create(name("large"), 1, map[string]string{"max.message.bytes": "100000"})
	w := writer(func(w *kafka.Writer) { w.BatchBytes = 5_000_000 })
	defer w.Close()
	one := func(size int) []Record {
		return []Record{{Topic: topic, TimestampMs: StartMs, Value: make([]byte, size)}}
	}
	OK(send(w, one(99_000)))
	err := send(w, one(101_000))
	var all kafka.WriteErrors
	Check(errors.As(err, &all) && errors.Is(all[0], kafka.MessageSizeTooLarge) || errors.Is(err, kafka.MessageSizeTooLarge), "too large: %v", err)
	OK(send(w, one(10)))
	records := read(topic, 0, kafka.FirstOffset, 2)
	Equal([]int{len(records[0].Value), len(records[1].Value)}, []int{99_000, 10}, "sizes")
	return ""
}

func crossWrite() string {
	topic := create(name("crossWrite"), len(Codecs), nil)
	CrossWrite("segmentio", topic, nil, func(codec string, _ int32, records []Record) { write(records, compressed(codec)) })
	return ""
}

func crossRead() string {
	var records []Record
	for topic, counts := range CrossTopics() {
		for partition, count := range counts {
			records = append(records, read(topic, int(partition), kafka.FirstOffset, count)...)
		}
	}
	LeaveRead("segmentio", records)
	return ""
}
