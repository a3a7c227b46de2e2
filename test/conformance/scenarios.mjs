// What every client is asked to do, in the order of the table. Each client's program carries out those that the client
// has the API for; a program says of the others why not, or the table has a dot.
export const scenarios = {
  cluster: 'describes the cluster: one node, its id and address',
  topics:
    'creates a topic with configs, lists and describes it, a second create is refused, adds partitions, deletes it',
  configs: 'changes and resets a topic config, sees both',
  roundtrip:
    'keys, headers, null and empty bytes, given timestamps, every codec, acks 0, 1 and all: read back as written',
  seek: 'reads from an offset, from a time and from the end',
  offsets: 'lists earliest, latest and by time; deletes records, and earliest moves',
  group: 'many records in every codec to a group of two, the second joining midway; commit, restart, resume',
  static: 'a static member restarts within its session and keeps its partitions without a rebalance',
  cooperative: 'a second member takes over some partitions, the first keeps the others throughout',
  consumerProtocol: 'a group of two on the protocol of KIP-848',
  groups: 'lists and describes a group, its offsets; refuses to delete it while it has members; deletes it',
  idempotent: 'an idempotent producer with several requests in flight: all once, in order',
  transactions: 'commit, abort, an open one: read committed and uncommitted',
  transactionOffsets: 'consume, process, produce in transactions: an aborted one moves no offset',
  fencing: 'a second producer with the transactional id fences the first',
  transactionAdmin: 'lists and describes transactions and producers',
  hanging: 'an operator ends a transaction of one partition by its marker (WriteTxnMarkers)',
  performance: 'the tools that measure producers and consumers come to their end',
  large: 'a record just below max.message.bytes is taken, one above refused as too large',
  compacted: 'a compacted topic keeps the newest value of each key',
  crossWrite: 'writes what all others read',
  crossRead: 'reads what all others wrote, to the byte',
};
