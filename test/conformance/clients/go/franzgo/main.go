// franz-go (kgo and kadm) through the scenarios.
package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	. "millrace.test/conformance/harness"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	ctx, _ = context.WithTimeout(context.Background(), 10*time.Minute)
	seeds  = kgo.SeedBrokers(Bootstrap)
	admin  = kadm.NewClient(client())
	codecs = map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
)

func client(opts ...kgo.Opt) *kgo.Client {
	return Must(kgo.NewClient(append([]kgo.Opt{seeds, kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...))
}

func name(scenario string) string { return Name("franz-go", scenario) }

func ptr(text string) *string { return &text }

func create(topic string, partitions int32, configs map[string]*string) string {
	Must(admin.CreateTopic(ctx, partitions, 1, configs, topic))
	return topic
}

func out(r Record) *kgo.Record {
	record := &kgo.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Timestamp: time.UnixMilli(r.TimestampMs)}
	for _, h := range r.Headers {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: h.Name, Value: h.Value})
	}
	return record
}

func in(r *kgo.Record) Record {
	record := Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Value: r.Value, TimestampMs: r.Timestamp.UnixMilli()}
	for _, h := range r.Headers {
		record.Headers = append(record.Headers, Header{Name: h.Key, Value: h.Value})
	}
	return record
}

func send(cl *kgo.Client, records []Record) {
	var all []*kgo.Record
	for _, r := range records {
		all = append(all, out(r))
	}
	OK(cl.ProduceSync(ctx, all...).FirstErr())
}

func write(records []Record, opts ...kgo.Opt) {
	cl := client(opts...)
	defer cl.Close()
	send(cl, records)
}

// read gives the records from where it is told: that many, or with -1 until nothing comes for a while.
func read(count int, opts ...kgo.Opt) []Record {
	cl := client(append([]kgo.Opt{kgo.FetchMaxWait(200 * time.Millisecond)}, opts...)...)
	defer cl.Close()
	var records []Record
	patience := 15 * time.Second
	if count < 0 {
		patience = time.Second
	}
	for count < 0 || len(records) < count {
		until, cancel := context.WithTimeout(ctx, patience)
		fetches := cl.PollFetches(until)
		cancel()
		if fetches.NumRecords() == 0 && until.Err() != nil {
			break
		}
		for _, e := range fetches.Errors() {
			if !errors.Is(e.Err, context.DeadlineExceeded) {
				panic(e.Err)
			}
		}
		fetches.EachRecord(func(r *kgo.Record) { records = append(records, in(r)) })
	}
	return records
}

func topicOf(topic string) kgo.Opt { return kgo.ConsumeTopics(topic) }

func start() kgo.Opt { return kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()) }

func committed() kgo.Opt { return kgo.FetchIsolationLevel(kgo.ReadCommitted()) }

func from(topic string, offset kgo.Offset) kgo.Opt {
	return kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: offset}})
}

// member polls and commits in a goroutine of its own.
type member struct {
	cl             *kgo.Client
	mu             sync.Mutex
	owned          map[int32]bool
	revoked, joins int
	done           chan struct{}
}

func join(topic, group string, seen *Seen, opts ...kgo.Opt) *member {
	m := &member{owned: map[int32]bool{}, done: make(chan struct{})}
	change := func(ps map[string][]int32, owned bool) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.joins++
		for _, p := range ps[topic] {
			if owned {
				m.owned[p] = true
			} else {
				delete(m.owned, p)
				m.revoked++
			}
		}
	}
	all := []kgo.Opt{
		kgo.ConsumerGroup(group), topicOf(topic), start(), kgo.FetchMaxWait(200 * time.Millisecond), kgo.DisableAutoCommit(),
		kgo.HeartbeatInterval(300 * time.Millisecond), kgo.ClientID("conformance"),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { change(ps, true) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, cl *kgo.Client, ps map[string][]int32) {
			_ = cl.CommitUncommittedOffsets(ctx)
			change(ps, false)
		}),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, ps map[string][]int32) { change(ps, false) }),
	}
	m.cl = client(append(all, opts...)...)
	go func() {
		defer close(m.done)
		for {
			fetches := m.cl.PollFetches(ctx)
			if fetches.IsClientClosed() {
				return
			}
			fetches.EachRecord(func(r *kgo.Record) { seen.Add(r.Partition, r.Offset) })
			_ = m.cl.CommitUncommittedOffsets(ctx)
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
	_ = m.cl.CommitUncommittedOffsets(ctx)
	m.cl.Close()
	<-m.done
}

func bulk(scenario string, opts ...kgo.Opt) string {
	topic, group := create(name(scenario), 4, nil), name(scenario)+"-g"
	seen := &Seen{}
	first := join(topic, group, seen, opts...)
	var second *member
	each := RecordCount / len(Codecs)
	for c, codec := range Codecs {
		write(Samples(topic, each, 4), kgo.ProducerBatchCompression(codecs[codec]))
		if c == 2 {
			second = join(topic, group, seen, opts...)
		}
	}
	Until(func() bool { return seen.Len() == each*len(Codecs) }, "all records: %d", seen.Len())
	Until(func() bool { return first.partitions() == 2 && second.partitions() == 2 }, "two partitions each")
	for p := range first.owned {
		Check(!second.owned[p], "partition %d has two owners", p)
	}
	first.leave()
	second.leave()
	write(Samples(topic, 100, 4))
	resumed := &Seen{}
	third := join(topic, group, resumed, opts...)
	Until(func() bool { return resumed.Len() >= 100 }, "records after the restart")
	time.Sleep(300 * time.Millisecond)
	third.leave()
	Equal(resumed.Total(), 100, "records after the restart")
	return ""
}

func main() {
	Run(map[string]func() string{
		"cluster": cluster, "topics": topics, "configs": configs, "roundtrip": roundtrip, "seek": seek, "offsets": offsets,
		"group":            func() string { return bulk("group", kgo.Balancers(kgo.RangeBalancer())) },
		"static":           static,
		"cooperative":      cooperative,
		"consumerProtocol": func() string { return bulk("consumerProtocol", kgo.ServerSideBalancer()) },
		"groups":           groups, "idempotent": idempotent, "transactions": transactions,
		"transactionOffsets": transactionOffsets, "fencing": fencing, "transactionAdmin": transactionAdmin,
		"large": large, "compacted": compacted, "crossWrite": crossWrite, "crossRead": crossRead,
	})
}

func roundtrip() string {
	for _, codec := range Codecs {
		topic := create(name("roundtrip")+codec, 3, nil)
		write(Samples(topic, 300, 3), kgo.ProducerBatchCompression(codecs[codec]))
		CheckRoundtrip(read(300, topicOf(topic), start()), 300, codec)
	}
	for i, acks := range []kgo.Acks{kgo.NoAck(), kgo.LeaderAck(), kgo.AllISRAcks()} {
		topic := create(fmt.Sprintf("%sacks%d", name("roundtrip"), i), 3, nil)
		samples := Samples(topic, 30, 3)
		write(samples[:3])
		write(samples[3:], kgo.RequiredAcks(acks), kgo.DisableIdempotentWrite())
		CheckRoundtrip(read(30, topicOf(topic), start()), 30, fmt.Sprint("acks ", i))
	}
	return fmt.Sprint(Codecs)
}

func seek() string {
	topic := create(name("seek"), 1, nil)
	write(Plains(topic, 0, 100))
	Equal(read(1, from(topic, kgo.NewOffset().At(40)))[0].Offset, int64(40), "from an offset")
	Equal(read(1, from(topic, kgo.NewOffset().AfterMilli(StartMs+60_500)))[0].Offset, int64(61), "from a time")
	Equal(read(1, from(topic, kgo.NewOffset().AtEnd().Relative(-1)))[0].Offset, int64(99), "the last")
	cl := client(from(topic, kgo.NewOffset().AtEnd()), kgo.FetchMaxWait(5*time.Second))
	defer cl.Close()
	nothing, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	Equal(cl.PollFetches(nothing).NumRecords(), 0, "records at the end")
	cancel()
	since := time.Now()
	write(Plains(topic, 100, 1))
	Equal(cl.PollFetches(ctx).Records()[0].Offset, int64(100), "from the end")
	Check(time.Since(since) < time.Second, "a waiting fetch is answered at once")
	return ""
}

func static() string {
	topic, group := create(name("static"), 4, nil), name("static")+"-g"
	seen := &Seen{}
	opts := func(id string) []kgo.Opt {
		return []kgo.Opt{kgo.InstanceID(id), kgo.SessionTimeout(20 * time.Second), kgo.Balancers(kgo.RangeBalancer())}
	}
	first := join(topic, group, seen, opts("one")...)
	second := join(topic, group, seen, opts("two")...)
	Until(func() bool { return first.partitions() == 2 && second.partitions() == 2 }, "two partitions each")
	joins := second.joins
	first.leave()
	again := join(topic, group, seen, opts("one")...)
	Until(func() bool { return again.partitions() == 2 }, "the member is back")
	Equal(second.joins, joins, "rebalances of the other")
	again.leave()
	second.leave()
	OK(Must(admin.LeaveGroup(ctx, kadm.LeaveGroup(group).InstanceIDs("one", "two"))).Error())
	Equal(Must(admin.DescribeGroups(ctx, group))[group].State, "Empty", "state without members")
	return ""
}

func cooperative() string {
	topic, group := create(name("cooperative"), 4, nil), name("cooperative")+"-g"
	seen := &Seen{}
	first := join(topic, group, seen, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	Until(func() bool { return first.partitions() == 4 }, "four partitions")
	second := join(topic, group, seen, kgo.Balancers(kgo.CooperativeStickyBalancer()))
	Until(func() bool { return first.partitions() == 2 && second.partitions() == 2 }, "two partitions each")
	Equal(first.revoked, 2, "revoked from the first")
	first.leave()
	second.leave()
	return ""
}

func idempotent() string {
	topic := create(name("idempotent"), 1, nil)
	write(Plains(topic, 0, 2_000), kgo.ProducerBatchMaxBytes(512), kgo.ProducerLinger(0))
	Equal(Values(read(2_000, topicOf(topic), start())), Texts(0, 2_000), "all once, in order")
	return ""
}

func transactions() string {
	topic := create(name("transactions"), 1, nil)
	cl := client(kgo.TransactionalID(topic))
	defer cl.Close()
	for from := 0; from <= 20; from += 10 {
		OK(cl.BeginTransaction())
		send(cl, Plains(topic, from, 10))
		if from < 20 {
			OK(cl.EndTransaction(ctx, kgo.TransactionEndTry(from == 0)))
		}
	}
	Equal(Values(read(-1, topicOf(topic), start(), committed())), Texts(0, 10), "committed, one being open")
	Equal(Values(read(30, topicOf(topic), start())), Texts(0, 30), "uncommitted")
	OK(cl.EndTransaction(ctx, kgo.TryCommit))
	Equal(Values(read(20, topicOf(topic), start(), committed())), append(Texts(0, 10), Texts(20, 10)...), "committed")
	return ""
}

func transactionOffsets() string {
	input := create(name("transactionOffsets"), 1, nil)
	output := create(input+"-out", 1, nil)
	group := input + "-g"
	write(Plains(input, 0, 100))
	for _, end := range []kgo.TransactionEndTry{kgo.TryAbort, kgo.TryCommit} {
		session := Must(kgo.NewGroupTransactSession(seeds, kgo.TransactionalID(input), kgo.ConsumerGroup(group), topicOf(input),
			start(), committed(), kgo.RequireStableFetchOffsets()))
		fetches := session.PollRecords(ctx, 10)
		Equal(fetches.Records()[0].Offset, int64(0), "the first offset")
		OK(session.Begin())
		fetches.EachRecord(func(r *kgo.Record) {
			OK(session.ProduceSync(ctx, &kgo.Record{Topic: output, Value: r.Value}).FirstErr())
		})
		done := Must(session.End(ctx, end))
		Equal(done, bool(end), "ended as asked")
		session.Close()
		Until(func() bool {
			fetched := Must(admin.FetchOffsets(ctx, group))
			offset, there := fetched.Lookup(input, 0)
			return (there && offset.At == int64(fetches.NumRecords())) == bool(end)
		}, "the offset as the end wants it")
	}
	Equal(len(read(-1, topicOf(output), start(), committed())), 10, "records that count")
	return ""
}

func fencing() string {
	topic := create(name("fencing"), 1, nil)
	first, second := client(kgo.TransactionalID(topic)), client(kgo.TransactionalID(topic))
	defer first.Close()
	defer second.Close()
	OK(first.BeginTransaction())
	send(first, Plains(topic, 0, 1))
	OK(second.BeginTransaction())
	send(second, Plains(topic, 2, 1))
	err := first.ProduceSync(ctx, out(Plain(topic, 1))).FirstErr()
	if err == nil {
		err = first.EndTransaction(ctx, kgo.TryCommit)
	}
	Check(errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch), "fenced: %v", err)
	OK(second.EndTransaction(ctx, kgo.TryCommit))
	Equal(Values(read(-1, topicOf(topic), start(), committed())), Texts(2, 1), "committed")
	return ""
}

func large() string {
	topic := create(name("large"), 1, map[string]*string{"max.message.bytes": ptr("100000")})
	cl := client(kgo.ProducerBatchMaxBytes(5_000_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer cl.Close()
	one := func(size int) Record { return Record{Topic: topic, TimestampMs: StartMs, Value: make([]byte, size)} }
	send(cl, []Record{one(99_000)})
	ErrorIs(cl.ProduceSync(ctx, out(one(101_000))).FirstErr(), kerr.MessageTooLarge)
	send(cl, []Record{one(10)})
	records := read(2, topicOf(topic), start(), kgo.FetchMaxPartitionBytes(1_000))
	Equal([]int{len(records[0].Value), len(records[1].Value)}, []int{99_000, 10}, "sizes")
	return ""
}

func compacted() string {
	topic := create(name("compacted"), 1, map[string]*string{
		"cleanup.policy": ptr("compact"), "segment.ms": ptr("100"), "min.cleanable.dirty.ratio": ptr("0.01"),
	})
	cl := client(kgo.ProducerLinger(0))
	defer cl.Close()
	keyed := func(key, value string) Record {
		return Record{Topic: topic, TimestampMs: time.Now().UnixMilli(), Key: []byte(key), Value: []byte(value)}
	}
	for i := 0; i < 200; i++ {
		send(cl, []Record{keyed(fmt.Sprint("k", i%10), fmt.Sprint("v", i))})
	}
	Until(func() bool {
		time.Sleep(300 * time.Millisecond)
		// The newest part of a log isn't compacted: a further record makes it older.
		send(cl, []Record{keyed("other", "x")})
		newest, count := map[string]string{}, 0
		for _, r := range read(-1, topicOf(topic), start()) {
			newest[string(r.Key)] = string(r.Value)
			if string(r.Key) != "other" {
				count++
			}
		}
		for k := 0; k < 10; k++ {
			Equal(newest[fmt.Sprint("k", k)], fmt.Sprint("v", 190+k), "newest of k%d", k)
		}
		return count == 10
	}, "one record a key")
	return ""
}

func crossWrite() string {
	topic := create(name("crossWrite"), int32(len(Codecs)), nil)
	CrossWrite("franz-go", topic, nil, func(codec string, _ int32, records []Record) {
		write(records, kgo.ProducerBatchCompression(codecs[codec]))
	})
	return ""
}

func crossRead() string {
	partitions, total := map[string]map[int32]kgo.Offset{}, 0
	for topic, counts := range CrossTopics() {
		partitions[topic] = map[int32]kgo.Offset{}
		for partition, count := range counts {
			partitions[topic][partition] = kgo.NewOffset().AtStart()
			total += count
		}
	}
	LeaveRead("franz-go", read(total, kgo.ConsumePartitions(partitions)))
	return ""
}
