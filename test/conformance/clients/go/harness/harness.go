// Package harness is what the programs in Go share: the run of scenarios, and the records that all languages make alike.
package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	StartMs     = must(strconv.ParseInt(os.Getenv("START_MS"), 10, 64))
	Bootstrap   = os.Args[1]
	runID       = os.Args[2]
	dataFolder  = os.Args[3]
	RecordCount = must(strconv.Atoi(os.Args[4]))
	asked       = strings.Split(os.Args[5], ",")
	Codecs      = []string{"none", "gzip", "snappy", "lz4", "zstd"}
)

type Header struct {
	Name  string
	Value []byte
}

// Record is one as written or read. A nil Value of a header and one of no bytes differ, as do those of Key and Value.
type Record struct {
	Topic       string
	Partition   int32
	Offset      int64
	TimestampMs int64
	Key, Value  []byte
	Headers     []Header
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Must gives the value or ends the scenario.
func Must[T any](value T, err error) T { return must(value, err) }

// OK ends the scenario if there is an error.
func OK(err error) {
	if err != nil {
		panic(err)
	}
}

func Check(holds bool, what string, args ...any) {
	if !holds {
		panic(fmt.Sprintf(what, args...))
	}
}

func Equal(actual, expected any, what string, args ...any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(fmt.Sprintf("%s: %s, not %s", fmt.Sprintf(what, args...), shortened(actual), shortened(expected)))
	}
}

func shortened(value any) string { return fmt.Sprintf("%.300s", fmt.Sprint(value)) }

func ErrorIs(err, wanted error) {
	if !errors.Is(err, wanted) {
		panic(fmt.Sprintf("%v, not %v", err, wanted))
	}
}

func Until(condition func() bool, what string, args ...any) {
	end := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(end) {
			panic("never: " + fmt.Sprintf(what, args...))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Sample is record i as every language makes it, in partition i % partitions.
func Sample(topic string, i, partitions int) Record {
	r := Record{Topic: topic, Partition: int32(i % partitions), TimestampMs: StartMs + int64(i)}
	if i%7 != 0 {
		r.Key = []byte(fmt.Sprintf("key-%d", i%50))
	}
	if i%11 != 0 || r.Key == nil {
		r.Value = []byte(fmt.Sprintf("value-%d-%s", i, strings.Repeat("x", i%100)))
	}
	if i%3 == 0 {
		r.Headers = []Header{{"trace", []byte(fmt.Sprintf("t%d", i))}}
	}
	return r
}

func Samples(topic string, count, partitions int) []Record {
	var records []Record
	for i := 0; i < count; i++ {
		records = append(records, Sample(topic, i, partitions))
	}
	return records
}

// Plain is a record of the scenarios that read one partition: a second apart.
func Plain(topic string, i int) Record {
	return Record{
		Topic: topic, TimestampMs: StartMs + int64(i)*1000,
		Key: []byte(fmt.Sprintf("k%d", i)), Value: []byte(fmt.Sprintf("v%d", i)),
	}
}

func Plains(topic string, from, count int) []Record {
	var records []Record
	for i := from; i < from+count; i++ {
		records = append(records, Plain(topic, i))
	}
	return records
}

func Texts(from, count int) []string {
	texts := []string{}
	for i := from; i < from+count; i++ {
		texts = append(texts, fmt.Sprintf("v%d", i))
	}
	return texts
}

func Values(records []Record) []string {
	texts := []string{}
	for _, r := range records {
		texts = append(texts, string(r.Value))
	}
	return texts
}

func CheckRoundtrip(records []Record, count int, what string) {
	Equal(len(records), count, "%s: records", what)
	for _, r := range records {
		want := Sample(r.Topic, int(r.Offset)*3+int(r.Partition), 3)
		want.Offset = r.Offset
		if len(r.Headers) == 0 {
			r.Headers = nil
		}
		Equal(r, want, "%s: record %d of partition %d", what, r.Offset, r.Partition)
	}
}

// Seen counts records by place, for groups whose members run beside each other.
type Seen struct {
	mu     sync.Mutex
	places map[[2]int64]bool
	total  int
}

func (s *Seen) Add(partition int32, offset int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.places == nil {
		s.places = map[[2]int64]bool{}
	}
	s.places[[2]int64{int64(partition), offset}] = true
	s.total++
}

func (s *Seen) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.places)
}

func (s *Seen) Total() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

type crossPart struct {
	Partition int    `json:"partition"`
	Codec     string `json:"codec"`
	Indexes   []int  `json:"indexes,omitempty"`
	Count     int    `json:"count,omitempty"`
}

type crossTopic struct {
	Topic      string      `json:"topic"`
	Partitions []crossPart `json:"partitions"`
}

func readJSON(name string, into any) {
	OK(json.Unmarshal(must(os.ReadFile(filepath.Join(dataFolder, name))), into))
}

// CrossWrite gives the records for others to write, a codec at a time, and leaves word of them.
func CrossWrite(client, topic string, cannot []string, write func(codec string, partition int32, records []Record)) {
	var all []struct {
		TimestampMs int64         `json:"timestampMs"`
		Key         *[]byte       `json:"key"`
		Value       *[]byte       `json:"value"`
		Headers     []crossHeader `json:"headers"`
		Needs       []string      `json:"needs"`
	}
	readJSON("cross-records.json", &all)
	left := crossTopic{Topic: topic}
	for partition, codec := range Codecs {
		part := crossPart{Partition: partition, Codec: codec}
		var records []Record
		for index, one := range all {
			if intersects(one.Needs, cannot) {
				continue
			}
			r := Record{Topic: topic, Partition: int32(partition), TimestampMs: one.TimestampMs, Key: bytesOf(one.Key), Value: bytesOf(one.Value)}
			for _, h := range one.Headers {
				r.Headers = append(r.Headers, Header{h.name, h.value})
			}
			records = append(records, r)
			part.Indexes = append(part.Indexes, index)
		}
		write(codec, int32(partition), records)
		left.Partitions = append(left.Partitions, part)
	}
	OK(os.WriteFile(filepath.Join(dataFolder, "written-"+client+".json"), must(json.Marshal(left)), 0o644))
}

type crossHeader struct {
	name  string
	value []byte
}

func (h *crossHeader) UnmarshalJSON(text []byte) error {
	var parts [2]json.RawMessage
	if err := json.Unmarshal(text, &parts); err != nil {
		return err
	}
	if err := json.Unmarshal(parts[0], &h.name); err != nil {
		return err
	}
	var value *[]byte
	if err := json.Unmarshal(parts[1], &value); err != nil {
		return err
	}
	h.value = bytesOf(value)
	return nil
}

func bytesOf(given *[]byte) []byte {
	if given == nil {
		return nil
	}
	return append([]byte{}, *given...)
}

func intersects(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}

// CrossTopics gives how many records are where: by topic and partition.
func CrossTopics() map[string]map[int32]int {
	var topics []crossTopic
	readJSON("cross-topics.json", &topics)
	counts := map[string]map[int32]int{}
	for _, topic := range topics {
		counts[topic.Topic] = map[int32]int{}
		for _, part := range topic.Partitions {
			counts[topic.Topic][int32(part.Partition)] = part.Count
		}
	}
	return counts
}

func LeaveRead(client string, records []Record) {
	file := must(os.Create(filepath.Join(dataFolder, "read-"+client+".jsonl")))
	defer file.Close()
	encoder := json.NewEncoder(file)
	for _, r := range records {
		headers := make([][2]any, 0)
		for _, h := range r.Headers {
			headers = append(headers, [2]any{h.Name, h.Value})
		}
		OK(encoder.Encode(map[string]any{
			"topic": r.Topic, "partition": r.Partition, "offset": r.Offset, "timestampMs": r.TimestampMs,
			"key": r.Key, "value": r.Value, "headers": headers,
		}))
	}
}

// Name is that of a topic, group or id of a scenario.
func Name(client, scenario string) string { return runID + "-" + client + "-" + scenario }

// Run carries out what was asked for. What isn't in the map the client cannot do.
func Run(scenarios map[string]func() string) {
	for _, name := range asked {
		scenario, there := scenarios[name]
		if !there {
			say(name, "absent", 0, "")
			continue
		}
		say(name, "begin", 0, "")
		since := time.Now()
		note, failed := attempt(scenario)
		event := "passed"
		if failed {
			event = "failed"
		}
		say(name, event, time.Since(since).Milliseconds(), note)
	}
}

func attempt(scenario func() string) (note string, failed bool) {
	defer func() {
		if thrown := recover(); thrown != nil {
			var where []string
			for _, line := range strings.Split(string(debug.Stack()), "\n") {
				if strings.Contains(line, "main.go:") {
					where = append(where, strings.TrimSpace(line))
				}
			}
			note, failed = fmt.Sprintf("%v\n%s", thrown, strings.Join(where, "\n")), true
		}
	}()
	return scenario(), false
}

func say(scenario, event string, ms int64, note string) {
	line := must(json.Marshal(struct {
		Scenario string `json:"scenario"`
		Event    string `json:"event"`
		Ms       int64  `json:"ms"`
		Note     string `json:"note"`
	}{scenario, event, ms, note}))
	fmt.Println(string(line))
}
