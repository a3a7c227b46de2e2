// sarama through the scenarios.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	. "millrace.test/conformance/harness"

	"github.com/IBM/sarama"
)

var (
	ctx    = context.Background()
	seeds  = []string{Bootstrap}
	admin  = Must(sarama.NewClusterAdmin(seeds, config()))
	codecs = map[string]sarama.CompressionCodec{
		"none": sarama.CompressionNone, "gzip": sarama.CompressionGZIP, "snappy": sarama.CompressionSnappy,
		"lz4": sarama.CompressionLZ4, "zstd": sarama.CompressionZSTD,
	}
)

type option func(*sarama.Config)

func config(options ...option) *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.ClientID = "conformance"
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.MaxWaitTime = 200 * time.Millisecond
	c.Consumer.Group.Heartbeat.Interval = 300 * time.Millisecond
	c.Consumer.Offsets.AutoCommit.Enable = false
	for _, o := range options {
		o(c)
	}
	return c
}

func codec(name string) option {
	return func(c *sarama.Config) { c.Producer.Compression = codecs[name] }
}

func committed(c *sarama.Config) { c.Consumer.IsolationLevel = sarama.ReadCommitted }

func idempotence(c *sarama.Config) {
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
}

func transactional(id string) option {
	return func(c *sarama.Config) {
		idempotence(c)
		c.Producer.Transaction.ID = id
		c.Producer.Transaction.Retry.Max = 2
	}
}

func name(scenario string) string { return Name("sarama", scenario) }

func ptr(text string) *string { return &text }

func create(topic string, partitions int32, configs map[string]*string) string {
	OK(admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: configs}, false))
	return topic
}

func encoder(bytes []byte) sarama.Encoder {
	if bytes == nil {
		return nil
	}
	return sarama.ByteEncoder(bytes)
}

func out(r Record) *sarama.ProducerMessage {
	m := &sarama.ProducerMessage{
		Topic: r.Topic, Partition: r.Partition, Key: encoder(r.Key), Value: encoder(r.Value), Timestamp: time.UnixMilli(r.TimestampMs),
	}
	for _, h := range r.Headers {
		m.Headers = append(m.Headers, sarama.RecordHeader{Key: []byte(h.Name), Value: h.Value})
	}
	return m
}

func in(m *sarama.ConsumerMessage) Record {
	r := Record{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value, TimestampMs: m.Timestamp.UnixMilli()}
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, Header{Name: string(h.Key), Value: h.Value})
	}
	return r
}

func send(p sarama.SyncProducer, records []Record) error {
	var messages []*sarama.ProducerMessage
	for _, r := range records {
		messages = append(messages, out(r))
	}
	return p.SendMessages(messages)
}

func producer(options ...option) sarama.SyncProducer {
	return Must(sarama.NewSyncProducer(seeds, config(options...)))
}

func write(records []Record, options ...option) {
	p := producer(options...)
	OK(send(p, records))
	OK(p.Close())
}

// read gives the records of the partitions from an offset: that many, or with -1 until nothing comes for a while.
func read(topic string, partitions int32, offset int64, count int, options ...option) []Record {
	places := map[int32]bool{}
	for p := int32(0); p < partitions; p++ {
		places[p] = true
	}
	return readAll(map[string]map[int32]bool{topic: places}, offset, count, options...)
}

func readAll(places map[string]map[int32]bool, offset int64, count int, options ...option) []Record {
	consumer := Must(sarama.NewConsumer(seeds, config(options...)))
	defer consumer.Close()
	all := make(chan *sarama.ConsumerMessage, 1000)
	stop := make(chan struct{})
	var working sync.WaitGroup
	for topic, partitions := range places {
		for partition := range partitions {
			from := Must(consumer.ConsumePartition(topic, partition, offset))
			working.Add(1)
			go func() {
				defer working.Done()
				defer from.Close()
				for {
					select {
					case m := <-from.Messages():
						select {
						case all <- m:
						case <-stop:
							return
						}
					case <-stop:
						return
					}
				}
			}()
		}
	}
	var records []Record
	patience := 15 * time.Second
	if count < 0 {
		patience = 1500 * time.Millisecond
	}
	for quiet := false; !quiet && (count < 0 || len(records) < count); {
		select {
		case m := <-all:
			records = append(records, in(m))
		case <-time.After(patience):
			quiet = true
		}
	}
	close(stop)
	working.Wait()
	return records
}

// member is a member of a group, marking and committing as it reads.
type member struct {
	group  sarama.ConsumerGroup
	seen   *Seen
	mu     sync.Mutex
	owned  []int32
	topic  string
	joins  int
	cancel func()
	done   chan struct{}
}

func (m *member) Setup(s sarama.ConsumerGroupSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.owned = s.Claims()[m.topic]
	m.joins++
	return nil
}

func (m *member) Cleanup(s sarama.ConsumerGroupSession) error {
	s.Commit()
	return nil
}

func (m *member) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case message := <-claim.Messages():
			if message == nil {
				return nil
			}
			m.seen.Add(message.Partition, message.Offset)
			s.MarkMessage(message, "")
		case <-s.Context().Done():
			return nil
		}
	}
}

func join(topic, group string, seen *Seen, options ...option) *member {
	live, cancel := context.WithCancel(ctx)
	m := &member{seen: seen, topic: topic, cancel: cancel, done: make(chan struct{})}
	m.group = Must(sarama.NewConsumerGroup(seeds, group, config(options...)))
	go func() {
		defer close(m.done)
		for live.Err() == nil {
			if err := m.group.Consume(live, []string{topic}, m); err != nil && !errors.Is(err, sarama.ErrClosedConsumerGroup) {
				time.Sleep(100 * time.Millisecond)
			}
		}
	}()
	return m
}

func (m *member) partitions() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.owned)
}

func (m *member) leave() {
	m.cancel()
	<-m.done
	_ = m.group.Close()
}

func main() {
	Run(map[string]func() string{
		"cluster": cluster, "topics": topics, "configs": configs, "roundtrip": roundtrip, "seek": seek, "offsets": offsets,
		"group": group, "static": static, "groups": groups, "idempotent": idempotent, "transactions": transactions,
		"transactionOffsets": transactionOffsets, "fencing": fencing, "large": large,
		"crossWrite": crossWrite, "crossRead": crossRead,
	})
}

func cluster() string {
	brokers, controller, err := admin.DescribeCluster()
	OK(err)
	Equal(brokers[0].Addr(), Bootstrap, "address")
	isBroker := false
	for _, broker := range brokers {
		isBroker = isBroker || broker.ID() == controller
	}
	Equal(isBroker, true, "controller is one of the brokers")
	return ""
}

func topics() string {
	topic := create(name("topics"), 3, map[string]*string{"retention.ms": ptr("3600000"), "max.message.bytes": ptr("200000")})
	listed := Must(admin.ListTopics())[topic]
	Equal(listed.NumPartitions, int32(3), "partitions")
	Equal(*listed.ConfigEntries["retention.ms"], "3600000", "retention.ms")
	describe := func() int { return len(Must(admin.DescribeTopics([]string{topic}))[0].Partitions) }
	Equal(describe(), 3, "described")
	err := admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, false)
	ErrorIs(err, sarama.ErrTopicAlreadyExists)
	OK(admin.CreatePartitions(topic, 5, nil, false))
	Until(func() bool { return describe() == 5 }, "five partitions")
	ErrorIs(admin.CreatePartitions(topic, 2, nil, false), sarama.ErrInvalidPartitions)
	OK(admin.DeleteTopic(topic))
	Until(func() bool { _, there := Must(admin.ListTopics())[topic]; return !there }, "it is gone")
	return ""
}

func configs() string {
	topic := create(name("configs"), 1, nil)
	get := func() string {
		entries := Must(admin.DescribeConfig(sarama.ConfigResource{Type: sarama.TopicResource, Name: topic, ConfigNames: []string{"retention.ms"}}))
		return entries[0].Value
	}
	alter := func(op sarama.IncrementalAlterConfigsOperation, value *string) error {
		return admin.IncrementalAlterConfig(sarama.TopicResource, topic,
			map[string]sarama.IncrementalAlterConfigsEntry{"retention.ms": {Operation: op, Value: value}}, false)
	}
	OK(alter(sarama.IncrementalAlterConfigsOperationSet, ptr("1000000")))
	Until(func() bool { return get() == "1000000" }, "the config is set")
	OK(alter(sarama.IncrementalAlterConfigsOperationDelete, nil))
	Until(func() bool { return get() == "604800000" }, "the config is the default")
	Check(alter(sarama.IncrementalAlterConfigsOperationSet, ptr("x")) != nil, "a bad config is refused")
	return ""
}

func roundtrip() string {
	for _, c := range Codecs {
		topic := create(name("roundtrip")+c, 3, nil)
		write(Samples(topic, 300, 3), codec(c))
		CheckRoundtrip(read(topic, 3, sarama.OffsetOldest, 300), 300, c)
	}
	for _, acks := range []sarama.RequiredAcks{sarama.NoResponse, sarama.WaitForLocal, sarama.WaitForAll} {
		topic := create(fmt.Sprintf("%sacks%d", name("roundtrip"), acks), 3, nil)
		samples := Samples(topic, 30, 3)
		write(samples[:3])
		write(samples[3:], func(c *sarama.Config) { c.Producer.RequiredAcks = acks })
		CheckRoundtrip(read(topic, 3, sarama.OffsetOldest, 30), 30, fmt.Sprint("acks ", acks))
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
	Equal(read(topic, 1, 40, 1)[0].Offset, int64(40), "from an offset")
	client := Must(sarama.NewClient(seeds, config()))
	defer client.Close()
	at := Must(client.GetOffset(topic, 0, StartMs+60_500))
	Equal(read(topic, 1, at, 1)[0].Offset, int64(61), "from a time")
	consumer := Must(sarama.NewConsumer(seeds, config()))
	defer consumer.Close()
	end := Must(consumer.ConsumePartition(topic, 0, sarama.OffsetNewest))
	defer end.Close()
	write(Plains(topic, 100, 1))
	Equal((<-end.Messages()).Offset, int64(100), "from the end")
	_, err := consumer.ConsumePartition(topic, 0, 5_000)
	Check(err != nil, "an offset that isn't there")
	return ""
}

func offsets() string {
	topic := filled("offsets")
	list := func(spec int64) int64 {
		return Must(admin.ListOffsets(map[string]map[int32]int64{topic: {0: spec}}, nil))[topic][0].Offset
	}
	Equal(list(sarama.OffsetOldest), int64(0), "earliest")
	Equal(list(sarama.OffsetNewest), int64(100), "latest")
	Equal(list(StartMs+60_500), int64(61), "by time")
	OK(admin.DeleteRecords(topic, map[int32]int64{0: 30}))
	Equal(list(sarama.OffsetOldest), int64(30), "earliest then")
	Equal(read(topic, 1, sarama.OffsetOldest, 70)[0].Offset, int64(30), "the first record")
	return ""
}

func group() string {
	topic, id := create(name("group"), 4, nil), name("group")+"-g"
	seen := &Seen{}
	first := join(topic, id, seen)
	var second *member
	each := RecordCount / len(Codecs)
	for c, codecName := range Codecs {
		write(Samples(topic, each, 4), codec(codecName))
		if c == 2 {
			second = join(topic, id, seen)
		}
	}
	Until(func() bool { return seen.Len() == each*len(Codecs) }, "all records: %d", seen.Len())
	Until(func() bool { return first.partitions() == 2 && second.partitions() == 2 }, "two partitions each")
	first.leave()
	second.leave()
	write(Samples(topic, 100, 4))
	resumed := &Seen{}
	third := join(topic, id, resumed)
	Until(func() bool { return resumed.Len() >= 100 }, "records after the restart")
	time.Sleep(300 * time.Millisecond)
	third.leave()
	Equal(resumed.Total(), 100, "records after the restart")
	return ""
}

func static() string {
	topic, id := create(name("static"), 4, nil), name("static")+"-g"
	instance := func(name string) option { return func(c *sarama.Config) { c.Consumer.Group.InstanceId = name } }
	seen := &Seen{}
	first, second := join(topic, id, seen, instance("one")), join(topic, id, seen, instance("two"))
	Until(func() bool { return first.partitions() == 2 && second.partitions() == 2 }, "two partitions each")
	joins := second.joins
	first.leave()
	again := join(topic, id, seen, instance("one"))
	Until(func() bool { return again.partitions() == 2 }, "the member is back")
	Equal(second.joins, joins, "rebalances of the other")
	again.leave()
	second.leave()
	answer := Must(admin.RemoveMemberFromConsumerGroup(id, []string{"one", "two"}))
	Equal(answer.Err, sarama.ErrNoError, "members removed")
	Equal(len(answer.Members), 2, "members removed")
	return ""
}

func groups() string {
	topic, id := create(name("groups"), 2, nil), name("groups")+"-g"
	write(Samples(topic, 10, 2))
	seen := &Seen{}
	m := join(topic, id, seen)
	Until(func() bool { return seen.Len() == 10 }, "ten records")
	Equal(Must(admin.ListConsumerGroups())[id], "consumer", "listed")
	describe := func() *sarama.GroupDescription { return Must(admin.DescribeConsumerGroups([]string{id}))[0] }
	Equal([]any{describe().State, len(describe().Members)}, []any{"Stable", 1}, "described")
	for _, one := range describe().Members {
		Equal(one.ClientId, "conformance", "client id")
		Equal(len(Must(one.GetMemberAssignment()).Topics[topic]), 2, "assignment")
	}
	ErrorIs(admin.DeleteConsumerGroup(id), sarama.ErrNonEmptyGroup)
	m.leave()
	Equal(describe().State, "Empty", "state without members")
	fetched := func() int64 {
		return Must(admin.ListConsumerGroupOffsets(id, map[string][]int32{topic: {0, 1}})).GetBlock(topic, 0).Offset
	}
	Equal(fetched(), int64(5), "committed")
	Must(admin.AlterConsumerGroupOffsets(id, map[string]map[int32]sarama.OffsetAndMetadata{topic: {0: {Offset: 2, LeaderEpoch: -1}}}, nil))
	Equal(fetched(), int64(2), "set by admin")
	OK(admin.DeleteConsumerGroupOffset(id, topic, 0))
	Equal(fetched(), int64(-1), "offset deleted")
	OK(admin.DeleteConsumerGroup(id))
	_, there := Must(admin.ListConsumerGroups())[id]
	Check(!there, "it is gone")
	return ""
}

func idempotent() string {
	topic := create(name("idempotent"), 1, nil)
	write(Plains(topic, 0, 2_000), idempotence, func(c *sarama.Config) { c.Producer.Flush.MaxMessages = 7 })
	Equal(Values(read(topic, 1, sarama.OffsetOldest, 2_000)), Texts(0, 2_000), "all once, in order")
	return ""
}

func transactions() string {
	topic := create(name("transactions"), 1, nil)
	p := producer(transactional(topic))
	defer p.Close()
	for from := 0; from <= 20; from += 10 {
		OK(p.BeginTxn())
		OK(send(p, Plains(topic, from, 10)))
		if from == 0 {
			OK(p.CommitTxn())
		} else if from == 10 {
			OK(p.AbortTxn())
		}
	}
	Equal(Values(read(topic, 1, sarama.OffsetOldest, -1, committed)), Texts(0, 10), "committed, one being open")
	Equal(Values(read(topic, 1, sarama.OffsetOldest, 30)), Texts(0, 30), "uncommitted")
	OK(p.CommitTxn())
	Equal(Values(read(topic, 1, sarama.OffsetOldest, 20, committed)), append(Texts(0, 10), Texts(20, 10)...), "committed")
	return ""
}

func transactionOffsets() string {
	input := filled("transactionOffsets")
	output, id := create(input+"-out", 1, nil), input+"-g"
	p := producer(transactional(input))
	defer p.Close()
	for _, end := range []func() error{p.AbortTxn, p.CommitTxn} {
		OK(p.BeginTxn())
		OK(send(p, Plains(output, 0, 10)))
		OK(p.AddOffsetsToTxn(map[string][]*sarama.PartitionOffsetMetadata{input: {{Partition: 0, Offset: 10}}}, id))
		OK(end())
	}
	Until(func() bool {
		return Must(admin.ListConsumerGroupOffsets(id, map[string][]int32{input: {0}})).GetBlock(input, 0).Offset == 10
	}, "the offset is committed")
	Equal(len(read(output, 1, sarama.OffsetOldest, -1, committed)), 10, "records that count")
	return ""
}

func fencing() string {
	topic := create(name("fencing"), 1, nil)
	first := producer(transactional(topic))
	OK(first.BeginTxn())
	OK(send(first, Plains(topic, 0, 1)))
	second := producer(transactional(topic))
	OK(second.BeginTxn())
	OK(send(second, Plains(topic, 2, 1)))
	err := send(first, Plains(topic, 1, 1))
	if err == nil {
		err = first.CommitTxn()
	}
	Check(err != nil, "the first producer is fenced")
	OK(second.CommitTxn())
	OK(second.Close())
	Equal(Values(read(topic, 1, sarama.OffsetOldest, -1, committed)), Texts(2, 1), "committed")
	return ""
}

func large() string {
	topic := create(name("large"), 1, map[string]*string{"max.message.bytes": ptr("100000")})
	p := producer(func(c *sarama.Config) { c.Producer.MaxMessageBytes = 5_000_000 })
	defer p.Close()
	one := func(size int) []Record {
		return []Record{{Topic: topic, TimestampMs: StartMs, Value: make([]byte, size)}}
	}
	OK(send(p, one(99_000)))
	err := send(p, one(101_000))
	var all sarama.ProducerErrors
	Check(errors.As(err, &all) && errors.Is(all[0].Err, sarama.ErrMessageSizeTooLarge), "too large: %v", err)
	OK(send(p, one(10)))
	records := read(topic, 1, sarama.OffsetOldest, 2)
	Equal([]int{len(records[0].Value), len(records[1].Value)}, []int{99_000, 10}, "sizes")
	return ""
}

func crossWrite() string {
	topic := create(name("crossWrite"), int32(len(Codecs)), nil)
	CrossWrite("sarama", topic, nil, func(c string, _ int32, records []Record) { write(records, codec(c)) })
	return ""
}

func crossRead() string {
	places, total := map[string]map[int32]bool{}, 0
	for topic, counts := range CrossTopics() {
		places[topic] = map[int32]bool{}
		for partition, count := range counts {
			places[topic][partition] = true
			total += count
		}
	}
	LeaveRead("sarama", readAll(places, sarama.OffsetOldest, total))
	return ""
}
